"""A model decoded event by event: its own modules over a cache that slides, swapped for ones quick with few rows."""
