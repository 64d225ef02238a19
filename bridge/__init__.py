"""Where notes and sound meet: FluidSynth rendering, scoring of MIDI/WAV pairs, both views on one row of a report."""
