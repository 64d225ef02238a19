"""The scored object and what is done to it: reading, cleaning, corrupting, comparing and describing performances."""
