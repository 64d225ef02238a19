"""spectral_lm: frames of semitone bands, what is heard in them, its model and scorer, and sound made of frames."""
