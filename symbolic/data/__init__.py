"""Corpora: which files there are, which works they are of, how they are split, and how they lie on disk."""
