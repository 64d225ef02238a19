"""Are files whose names leave it open one music? By their notes where they have any, else by their pitch classes.

A version may be anything that a composer tried, wrong notes and silence among them: so a set of files is taken for
versions where half of those that can be compared are the reference's music, and the rest lasts as long.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bridge.items.finding import Item
from bridge.items.music import Music
from losscal.errors import InputError

if TYPE_CHECKING:
    from symbolic.notes.performance import Performance

COMPARED_NOTES = 400
NEAR_SECONDS = 0.1
SAME_NOTES_SHARE = 0.3
"""Of the notes, so many find one of their key at their time: of 60 pieces of GiantMIDI no more than 0.08 in another
piece, at least 0.47 where half of the notes are wrong."""
SAME_CHROMA, SAME_SHORT_CHROMA = 0.5, 0.75
"""A chroma similarity from here on is the same music; of sounds under SHORTEST_SECONDS chance reaches more."""
LENGTH_RATIO = 1.5
"""What lasts longer or shorter than that is another piece."""


def alike_enough(others: Sequence[Item], reference: Item) -> tuple[int, ...] | None:
    """The places of those that are the reference's music; None where they are too few for all to be versions of it."""
    home = Music(reference.midi, reference.wav)
    alike, differ = [], 0
    for place, item in enumerate(others):
        music = Music(item.midi, item.wav)
        try:
            if not _lasts_alike(music, home):
                return None
            is_alike = _is_same_music(music, home)
        except InputError:  # silent or broken: it says nothing of the others
            continue
        if is_alike:
            alike.append(place)
        else:
            differ += 1
    return tuple(alike) if alike and len(alike) >= differ else None


def _lasts_alike(music: Music, home: Music) -> bool:
    seconds = [
        of.cleaned.performance.seconds if music.midi and home.midi else _sound_seconds(of) for of in (music, home)
    ]
    return max(seconds) <= LENGTH_RATIO * min(seconds)


def _sound_seconds(music: Music) -> float:
    return music.cleaned.performance.seconds if music.wav is None else music.recording.seconds


def _is_same_music(music: Music, home: Music) -> bool:
    if music.midi is not None and home.midi is not None:
        return _share_of_notes(music.cleaned.performance, home.cleaned.performance) >= SAME_NOTES_SHARE
    from audio.metrics.similarity import SHORTEST_SECONDS, match_of

    match = match_of(music.descriptors, home.descriptors)
    needed = SAME_CHROMA if match.sounding_seconds >= SHORTEST_SECONDS else SAME_SHORT_CHROMA
    return match.chroma_similarity >= needed


def _share_of_notes(version: "Performance", reference: "Performance") -> float:
    """The share of the first notes that have one of their key, but for a transposition, at their time."""
    from symbolic.notes.alignment import align
    from symbolic.notes.performance import TICK_SECONDS

    version, reference = version.excerpt(0, COMPARED_NOTES), reference.excerpt(0, COMPARED_NOTES)
    alignment = align(version, reference)
    here, there = (side.notes["onset_ticks"] * TICK_SECONDS for side in (version, reference))
    later = alignment.time_map.to_reference(here[alignment.pairs[:, 0]]) - there[alignment.pairs[:, 1]]
    return float((abs(later) <= NEAR_SECONDS).sum() / min(len(version), len(reference)))
