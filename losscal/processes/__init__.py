"""Processes that end well: commands that are asked to, and the workers they share their work with."""
