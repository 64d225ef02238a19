"""Versions of one piece beside each other: who belongs together, what differs, which is likelier."""
