"""What every part of LossCal stands on: errors, whole files, MIDI, weights, percentiles, commands.

The notes live in `symbolic`, the sound in `audio`; neither knows the other, and both may use this package.
"""
