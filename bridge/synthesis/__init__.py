"""MIDI to sound: which messages are played, and the synthesiser that plays them."""
