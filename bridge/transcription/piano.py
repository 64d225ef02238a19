"""Is it piano music at all? What was heard in other sound is told and not scored."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio.signal.waveform import Sound
    from bridge.transcription.transcriber import Heard

FEWEST_NOTES = 8
FEWEST_NOTES_PER_SECOND = 0.5


def why_no_piano_music(heard: "Heard", sound: "Sound") -> str | None:
    """Why what was heard in a recording is not scored; None where it is piano music."""
    n_notes = heard.n_notes
    if n_notes < FEWEST_NOTES or n_notes < FEWEST_NOTES_PER_SECOND * sound.seconds:
        notes = {0: "no note of a piano is", 1: "one note is"}.get(n_notes, f"only {n_notes} notes are")
        return f"{notes} heard in {sound.seconds:.0f} s, too few to be scored as piano music"
    return None
