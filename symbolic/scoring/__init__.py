"""Likelihoods of notes: the scoring function, and what is read off it."""
