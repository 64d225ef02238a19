"""The peer of the event model: a transformers Llama over flat MIDILike tokens."""
