"""A blind listening test, and what comes of it: `python -m bridge.listen`."""

from bridge.listen.command import build_parser, main

__all__ = ["build_parser", "main"]
