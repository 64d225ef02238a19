"""How a Performance is spelt for the models."""
