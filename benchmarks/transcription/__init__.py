"""How well notes are heard, what hearing does to their likelihood, and what it costs."""
