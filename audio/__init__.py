"""Everything about the sound: waveforms and loudness, the frames our own model reads, and one module per scorer."""
