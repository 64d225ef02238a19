"""What is told of a drawn piece, in a line."""

from losscal.references import place_in_words
from symbolic.notes.descriptors import likeness
from symbolic.notes.performance import TICK_SECONDS, Performance
from symbolic.sampling.endings import PLAUSIBLE_END_NATS
from symbolic.sampling.joining import SEAM_EVENTS, Joined
from symbolic.sampling.pieces import DrawnPiece
from symbolic.sampling.ranking import Judged


def described(judged: Judged, model: str) -> str:
    """One line on a piece: its length, both likelihoods, how typical it is and how it ends."""
    piece = judged.piece
    prompt = f" ({piece.prompt_notes} of the prompt)" if piece.prompt_notes else ""
    parts = [
        f"{len(piece.performance)} notes{prompt}, {piece.performance.seconds:.1f} s",
        f"{judged.model_bits_per_note:.2f} bits a note under {model} (unmasked)",
        f"{judged.drawn_bits_per_note:.2f} as drawn (masked)",
    ]
    if judged.standing is not None:
        parts.append(f"{place_in_words(judged.standing.percentile)} real music")
    if piece.end_nats is None:
        parts.append("open end")
    else:
        kind = "real ending" if piece.end_nats <= PLAUSIBLE_END_NATS else "weak ending"
        parts.append(
            f"{kind}: the end costs {piece.end_nats:.1f} nats, in 19 of 20 real pieces up to {PLAUSIBLE_END_NATS}"
        )
    if piece.sections:
        parts.append(sections_in_words(piece))
    return "; ".join([", ".join(parts[:3]), *parts[3:]])


def sections_in_words(piece: DrawnPiece) -> str:
    """When each section of a form begins, and how much a return is like the first of its letter."""
    first_times: dict[str, Performance] = {}
    words = []
    for played in piece.sections:
        music = piece.performance.excerpt(played.first_note, played.stop_note)
        seconds = piece.performance.notes["onset_ticks"][played.first_note] * TICK_SECONDS
        first_time = first_times.setdefault(played.section.letter, music)
        alike = "" if first_time is music else f" ({likeness(first_time, music):.2f} like the first)"
        words.append(f"{played.section} from {seconds:.1f} s{alike}")
    return ", ".join(words)


def seam_in_words(joined: Joined, otherwise: str) -> str:
    """How many notes there are before, between and behind, and what the first of these cost, so or otherwise."""
    before, new, whole = joined.notes_before, joined.new_notes, joined.performance
    return (
        f"{before} notes, {new} new ones, {len(whole) - before - new} notes, {whole.seconds:.1f} s; the first "
        f"{SEAM_EVENTS} behind the new ones cost {joined.seam_nats:.1f} nats each, {joined.nats_without:.1f} "
        f"{otherwise}"
    )
