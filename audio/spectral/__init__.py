"""spectral_lm: the frames of semitone bands, the model of them, its scorer, and sound made of frames."""
