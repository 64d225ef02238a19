"""What every part of LossCal stands on: errors users read, files that appear whole, weights that load strictly.

The notes live in `symbolic`, the sound in `audio`; neither knows the other, and both may use this package.
"""
