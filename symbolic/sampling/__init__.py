"""New music from a model: incremental decoding, sampling, constraints, endings, and the choice among pieces."""
