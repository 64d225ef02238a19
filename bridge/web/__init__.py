"""The page to work on in a browser: `python -m bridge.web`. Every action runs a command line; nothing scores here."""

from bridge.web.server import build_parser, main

__all__ = ["build_parser", "main"]
