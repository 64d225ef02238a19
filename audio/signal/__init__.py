"""Sound as samples: files, blocks, loudness, resampling, and corruptions of sound."""
