"""What the models write beside real music: where pieces come from, what is measured of them."""
