"""What our models are measured beside: counting, flat tokens, and where the music comes from."""
