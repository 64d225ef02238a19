"""Lightning entry points: `train.vqvae`, `train.gpt` and `train.spectral_lm` make the weights that others load."""
