"""MusicGen as judge of recordings and author of new sound."""
