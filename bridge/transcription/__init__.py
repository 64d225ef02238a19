"""Notes heard in a recording: what a transcriber is, and transkun behind it."""
