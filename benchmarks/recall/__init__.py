"""What the recollection of what was played long ago is worth."""
