"""Phrase codes: one network that reads music note by note, and phrase by phrase through the codes of a VQ-VAE."""
