"""Stands before pyfluidsynth on PYTHONPATH, where tests run as on a machine without libfluidsynth."""

raise ImportError("Couldn't find the FluidSynth library.")
