"""What every part of LossCal stands on: errors users read, whole files, MIDI, weights, command lines.

The notes live in `symbolic`, the sound in `audio`; neither knows the other, and both may use this package.
"""
