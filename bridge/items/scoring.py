"""Scoring one item: the entry of the report that a MIDI file, an audio file or both come to.

What cannot be scored is told in the entry's `error`; the other half of a pair, and the other items, are complete. Each
item is scored by itself: its figures hang on no neighbour, and memory is bounded by the longest.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bridge.items.entry import HeardAgainstRead, HeardHalf, ItemEntry, NotesHalf, PairMatch, SoundHalf
from bridge.items.finding import Item
from bridge.items.music import Music
from bridge.items.notes import half_of_heard_notes, half_of_notes, heard_against_read
from bridge.items.part import Part, part_of, told_of
from bridge.items.percentiles import why_foreign
from bridge.items.scratch import Scratch
from bridge.items.sound import half_of_sound, match_of_pair
from bridge.items.tables import Tables
from bridge.transcription.piano import why_no_piano_music
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.processes.memory import give_back_freed_memory


@dataclass(frozen=True)
class ItemScorer:
    """Open views and what they are asked.

    excerpt: the music is cut out of longer pieces, so no start symbol is given. folder: where each item's tables go,
    None: they are not written. by_composer: also score the notes under each composer that a view knows. scratch: for
    the sound of items that belong to a group, None: it is not kept. soundfont: plays MIDI files, None: the shipped one.
    """

    views: OpenViews
    excerpt: bool = False
    folder: Path | None = None
    by_composer: bool = False
    scratch: Scratch | None = None
    soundfont: Path | None = None

    def score(self, item: Item) -> ItemEntry:
        """The entry of an item; whatever is wrong with it, with the user's files or with us, ends up in its "error".

        Its explanations are told later.
        """
        entry = self._unscored(item)
        if item.problem is not None:
            return entry
        music = Music(item.midi, item.wav, self.soundfont)
        tables = None if self.folder is None else Tables.of(item, self.folder)
        symbolic: Part[NotesHalf] = Part()
        heard: Part[HeardHalf] = Part()
        audio: Part[SoundHalf] = Part()
        match: Part[PairMatch] = Part()
        notes: Part[HeardAgainstRead] = Part()
        if item.midi is not None:
            symbolic = part_of(lambda: self._half_of_notes(music, tables, item.id), item.id)
        if self.views.listener is not None and self.views.symbolic and item.wav is not None:
            heard = part_of(partial(self._half_of_heard_notes, music, tables, item.id), item.id)
        give_back_freed_memory()  # of a long item's notes, before as much is taken for its sound
        if self.views.wants_audio and (item.wav is not None or symbolic.value is not None):
            audio = part_of(partial(half_of_sound, music, self.views, tables), item.id)
        is_judged = audio.value is not None and bool(self.views.audio)
        if is_judged and item.wav is not None and symbolic.value is not None:
            match = part_of(partial(match_of_pair, music), item.id)
        if self.scratch is not None and item.group is not None and audio.value is not None:
            # too quiet to be compared, or no room: then it is told, or made, once more
            with suppress(InputError), told_of(item.id):
                self.scratch.keep(entry, music.descriptors)
        if heard.value is not None and symbolic.value is not None:
            notes = part_of(lambda: Part(heard_against_read(music.heard(self.views.listener), music.cleaned)), item.id)
        parts = (symbolic, heard, audio, match, notes)
        problems = dict.fromkeys(problem for part in parts for problem in part.problems)  # views may say the same
        entry = replace(
            entry,
            rendered=is_judged and item.wav is None,
            symbolic=symbolic.value,
            heard=heard.value,
            audio=audio.value,
            match=match.value,
            heard_against_read=notes.value,
            moments=symbolic.moments or heard.moments or audio.moments,
            warnings=(*entry.warnings, *(warning for part in parts for warning in part.warnings)),
            error=" ".join(problems) or None,
        )
        foreign = {name: why_foreign(view, entry) for name, view in self.views.declared.items()}
        told = (f"{name}: {reason}" for name, reason in foreign.items() if reason is not None)
        entry = replace(entry, warnings=(*entry.warnings, *told))
        return entry if entry.error or entry.is_scored else replace(entry, error=self._why_not_scored(entry))

    def failed(self, item: Item, reason: str) -> ItemEntry:
        """The entry of an item that could not be scored at all."""
        return replace(self._unscored(item), error=f"{item.id}: {reason}.")

    def _unscored(self, item: Item) -> ItemEntry:
        return ItemEntry(
            id=item.id,
            group=item.group,
            midi=None if item.midi is None else str(item.midi),
            wav=None if item.wav is None else str(item.wav),
            warnings=(*self.views.warnings, *item.warnings, *self._not_heard(item)),
            error=item.problem,
        )

    def _not_heard(self, item: Item) -> Sequence[str]:
        return [] if item.wav is None or self.views.not_heard is None else [f"heard notes: {self.views.not_heard}"]

    def _half_of_notes(self, music: Music, tables: Tables | None, source: str) -> Part[NotesHalf]:
        cleaned, remark = music.cleaned, music.remark_on_instruments
        part = half_of_notes(cleaned, self.views, tables, source, excerpt=self.excerpt, by_composer=self.by_composer)
        return part if remark is None else replace(part, warnings=(remark, *part.warnings))

    def _half_of_heard_notes(self, music: Music, tables: Tables | None, source: str) -> Part[HeardHalf]:
        """Without a value where the recording is no piano music, which is told."""
        heard = music.heard(self.views.listener)
        reason = why_no_piano_music(heard, music.recording)
        if reason is not None:
            return Part(warnings=(f"heard notes: {reason}",))
        return half_of_heard_notes(
            heard, self.views, tables, source, excerpt=self.excerpt, by_composer=self.by_composer
        )

    def _why_not_scored(self, entry: ItemEntry) -> str:
        """A sentence on an entry in which no view gave a figure, though none failed on it."""
        lacking = {view: why for half in entry.halves.values() for view, why in half.unavailable.items()}
        if lacking:
            return f"{entry.id}: not scored. " + " ".join(f"{view}: {why}" for view, why in lacking.items())
        asked = ", ".join([*self.views.symbolic, *self.views.audio, *self.views.unavailable])
        want = "need a MIDI file" if self.views.listener is None else "need a MIDI file or notes heard in the recording"
        return f"{entry.id}: not scored, the views asked for ({asked}) {want}; give it, or ask for others."
