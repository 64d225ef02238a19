"""From what the user names to scored items: finding, scoring, running, remembering."""
