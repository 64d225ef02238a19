"""Training the models of sound: rendered excerpts, their frames, and the modules that learn from them."""
