"""How far a view can be believed: what it makes of corrupted music."""
