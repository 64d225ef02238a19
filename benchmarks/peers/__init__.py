"""What our models are measured beside: counting alone, and flat tokens."""
