"""Distances between sets of recordings, and what they are computed of."""
