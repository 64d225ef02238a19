"""A diffusion model of the frames that spectral_lm reads: its bound, its scorer, its sampler."""
