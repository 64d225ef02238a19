"""Everything about the notes: reading MIDI, events, the VQ-VAE, the transformer, likelihood and generation.

A MIDI file becomes a `performance.Performance` through `cleaning`; models see it as `events`; `likelihood` is the one
place where a symbolic score is computed.
"""
