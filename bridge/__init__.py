"""Where notes and sound meet: FluidSynth rendering, scoring of MIDI/WAV pairs, and the report of both views on one row."""
