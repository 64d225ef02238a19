"""Scoring one item, or a few at a time: the entry of the report that a MIDI file, an audio file or both come to.

What cannot be scored is told in the entry's `error`; the other half of a pair, and the other items, are complete. The
notes of a few items go through a model together, which is quicker; sound is scored item by item, so that memory is
bounded by the longest.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bridge.items.entry import ItemEntry, NotesHalf, PairMatch, SoundHalf
from bridge.items.finding import Item
from bridge.items.music import Music
from bridge.items.notes import ScoredNotes, half_of_notes, score_notes
from bridge.items.part import Part, part_of
from bridge.items.scratch import Scratch
from bridge.items.sound import half_of_sound, match_of_pair
from bridge.items.tables import Tables
from bridge.views.opening import OpenViews
from losscal.errors import InputError


@dataclass(frozen=True)
class ItemScorer:
    """Open views and what they are asked.

    excerpt: the music is cut out of longer pieces, so no start symbol is given. folder: where each item's tables go,
    None: they are not written. by_composer: also score the notes under each composer that a view knows. scratch: for
    the sound of items that belong to a group, None: it is not kept.
    """

    views: OpenViews
    excerpt: bool = False
    folder: Path | None = None
    by_composer: bool = False
    scratch: Scratch | None = None

    def score(self, items: Sequence[Item]) -> list[ItemEntry]:
        """The entries of a few items; whatever is wrong with the user's files ends up in their "error"."""
        music = [Music(item.midi, item.wav) for item in items]
        read = [Part() if of_item.midi is None else part_of(lambda of=of_item: Part(of.cleaned)) for of_item in music]
        cleaned = [part.value for part in read if part.value is not None]
        scored = iter(score_notes(cleaned, self.views, excerpt=self.excerpt, by_composer=self.by_composer))
        notes = [Part(None if part.value is None else next(scored), problems=part.problems) for part in read]
        # an item's sound goes with its entry, so that one at a time is in memory
        return [self._entry(item, music.pop(0), of_item) for item, of_item in zip(items, notes, strict=True)]

    def _entry(self, item: Item, music: Music, notes: Part[ScoredNotes]) -> ItemEntry:
        """One entry of the report's "items"; its explanations are told later."""
        entry = ItemEntry(
            id=item.id,
            group=item.group,
            midi=None if item.midi is None else str(item.midi),
            wav=None if item.wav is None else str(item.wav),
            warnings=(*self.views.warnings, *item.warnings),
            error=item.problem,
        )
        if item.problem is not None:
            return entry
        tables = None if self.folder is None else Tables.of(item, self.folder)
        symbolic: Part[NotesHalf] = Part()
        audio: Part[SoundHalf] = Part()
        match: Part[PairMatch] = Part()
        hint: Part[None] = Part()
        if notes.value is not None:
            symbolic = half_of_notes(notes.value, self.views, tables, item.id)
        if self.views.wants_audio and (item.wav is not None or notes.value is not None):
            audio = part_of(partial(half_of_sound, music, self.views, tables))
        is_heard = audio.value is not None and bool(self.views.audio)
        if is_heard and item.wav is not None and notes.value is not None:
            match = part_of(partial(match_of_pair, music))
        if self.scratch is not None and item.group is not None and audio.value is not None:
            with suppress(InputError):  # too quiet to be compared, or no room: then it is told, or made, once more
                self.scratch.keep(entry, music.descriptors)
        if item.midi is None and not self.views.wants_audio:
            hint = Part(warnings=("not scored: the views asked for need a MIDI file",))
        parts = (notes, symbolic, audio, match, hint)
        problems = dict.fromkeys(problem for part in parts for problem in part.problems)  # views may say the same
        return replace(
            entry,
            rendered=is_heard and item.wav is None,
            symbolic=symbolic.value,
            audio=audio.value,
            match=match.value,
            moments=symbolic.moments or audio.moments,
            warnings=(*entry.warnings, *(warning for part in parts for warning in part.warnings)),
            error=" ".join(problems) or None,
        )
