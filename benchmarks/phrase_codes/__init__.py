"""What the codes of phrases carry: `python -m benchmarks.phrase_codes`."""
