"""Training the models of notes."""
