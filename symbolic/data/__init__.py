"""Corpora: what music there is to learn from, how it is split, and what is drawn from it."""
