"""Scoring one item, or a few at a time: the entry of the report that a MIDI file, an audio file or both come to.

What cannot be scored is told in the entry's `error`; the other half of a pair, and the other items, are complete. The
notes of a few items go through a model together, which is quicker; sound is scored item by item, so that memory is
bounded by the longest.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, log
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.items import moments
from bridge.items.finding import Item
from bridge.items.tables import Tables
from bridge.views.opening import SHIPPED_VIEWS, SYMBOLIC_VIEWS, OpenViews
from losscal.errors import InputError
from losscal.references import FEW_NOTES, LLR_SUFFIX, typicality

if TYPE_CHECKING:
    from audio.signal.waveform import Sound
    from bridge.views.sound import AudioView
    from symbolic.notes.cleaning import CleanedMidi
    from symbolic.scoring.likelihood import SymbolicScore

FEW_SECONDS = 5.0
MOMENTS_OF_SOUND = "spectral_lm"


@dataclass(frozen=True)
class ItemScorer:
    """Open views and what they are asked.

    excerpt: the music is cut out of longer pieces, so no start symbol is given. folder: where each item's tables go,
    None: they are not written. by_composer: also score the notes under each composer that a view knows.
    """

    views: OpenViews
    excerpt: bool = False
    folder: Path | None = None
    by_composer: bool = False

    def score(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """The entries of a few items; whatever is wrong with the user's files ends up in their "error"."""
        problems: list[list[str]] = [[] for _ in items]
        cleaned: dict[int, CleanedMidi] = {}
        for number, item in enumerate(items):
            if item.midi is not None:
                with _told_in(problems[number]):
                    cleaned[number] = _read(item.midi)
        performances = [of_item.performance for of_item in cleaned.values()]
        by_view = {
            name: dict(zip(cleaned, scorer.score(performances, excerpt=self.excerpt), strict=True))
            for name, scorer in self.views.symbolic.items()
            if performances
        }
        entries = [
            self._entry(
                item, cleaned.get(number), {name: of.get(number) for name, of in by_view.items()}, problems[number]
            )
            for number, item in enumerate(items)
        ]
        if self.by_composer:
            self._add_composers(entries, cleaned)
        return entries

    def _add_composers(self, entries: Sequence[dict[str, Any]], cleaned: "Mapping[int, CleanedMidi]") -> None:
        """Tell each view's keys, in the entries of these numbers, how likely the notes are of each composer."""
        from symbolic.scoring.composers import nats_per_note_by_composer

        performances = [of_item.performance for of_item in cleaned.values()]
        for name, scorer in self.views.symbolic.items():
            told = nats_per_note_by_composer(scorer, performances, excerpt=self.excerpt)
            for number, by_composer in zip(cleaned, told, strict=True):
                half = entries[number]["symbolic"]
                if half is not None and name in half:
                    half[name]["by_composer"] = by_composer

    def _entry(
        self, item: Item, cleaned: "CleanedMidi | None", scores: Mapping[str, "SymbolicScore"], problems: list[str]
    ) -> dict[str, Any]:
        """One entry of the report's "items"; what its group and its explanations are is told later."""
        views = self.views
        entry: dict[str, Any] = {
            "id": item.id,
            "group": item.group,
            "midi": None if item.midi is None else str(item.midi),
            "wav": None if item.wav is None else str(item.wav),
            "rendered": False,
            "symbolic": None,
            "audio": None,
            "match": None,
            "moments": [],
            "explanations": {},
            "warnings": [*views.warnings, *item.warnings],
            "error": item.problem,
        }
        if item.problem is not None:
            return entry
        tables = None if self.folder is None else Tables.of(item, self.folder)
        if cleaned is not None:
            entry["symbolic"] = _score_notes(cleaned, scores, views, tables, entry, problems)
        if views.wants_audio and (item.wav is not None or cleaned is not None):
            with _told_in(problems):
                entry["audio"] = _score_sound(item, views, tables, entry, problems)
        is_scored = entry["audio"] is not None and bool(views.audio)
        entry["rendered"] = is_scored and item.wav is None
        if is_scored and item.wav is not None and cleaned is not None:
            with _told_in(problems):
                entry["match"] = _match(item.wav, item.midi, entry["warnings"])
        if item.midi is None and not views.wants_audio:
            entry["warnings"].append("not scored: the views asked for need a MIDI file")
        entry["error"] = " ".join(dict.fromkeys(problems)) or None  # views may refuse a sound in the same words
        return entry


@contextmanager
def _told_in(problems: list[str]) -> Iterator[None]:
    """An InputError becomes one of an item's problems, and the item goes on."""
    try:
        yield
    except InputError as error:
        problems.append(str(error))


def _read(midi: Path) -> "CleanedMidi":
    from symbolic.notes.cleaning import read_midi

    return read_midi(midi)


def _score_notes(
    cleaned: "CleanedMidi",
    scores: Mapping[str, "SymbolicScore"],
    views: OpenViews,
    tables: Tables | None,
    entry: dict[str, Any],
    problems: list[str],
) -> dict[str, Any]:
    """The "symbolic" half of an entry, from the scores of its notes by view; moments and warnings go into the entry.

    A view whose figures are not finite is left out, of the tables as well, and told in `problems`.
    """
    from symbolic.notes.quantisation import find_grid

    performance, warnings = cleaned.performance, entry["warnings"]
    grid = find_grid(performance)
    half: dict[str, Any] = {
        "notes": len(performance),
        "seconds": performance.seconds,
        "repairs": cleaned.repairs,
        "sequenced": None if grid is None else grid.report(),
        "per_note": None,
    }
    finite: dict[str, SymbolicScore] = {}
    for name, of_view in scores.items():
        keys = _symbolic_keys(of_view)
        with _told_in(problems):
            _check_finite(name, keys, entry["id"])
            half[name], finite[name] = keys, of_view
    for name, of_view in finite.items():
        if len(performance) >= FEW_NOTES:
            half[name]["percentile"] = _percentile(name, views, len(performance), of_view.nll_nats_per_note, warnings)
    half |= views.unavailable_in("symbolic")
    if grid is not None:
        warnings.append(grid.sentence())
    if finite and len(performance) < FEW_NOTES:
        warnings.append(f"fewer than {FEW_NOTES} notes: too few for a percentile")
    told_by = next((name for name in SYMBOLIC_VIEWS if name in finite), None)
    if told_by is not None:
        entry["moments"] = moments.of_notes(told_by, performance, finite[told_by])
    if tables is not None:
        half["per_note"] = tables.write_per_note(performance, finite)
    return half


def _symbolic_keys(score: "SymbolicScore") -> dict[str, Any]:
    """A SymbolicScore as the report's keys of a view."""
    keys = {
        "nll_nats": score.nll_nats,
        "end_nll_nats": score.end_nll_nats,
        "nll_nats_per_note": score.nll_nats_per_note,
        "bits_per_note": score.bits_per_note,
        "pitch_bits_per_note": score.by_attribute["pitch"] / log(2) / score.notes,
        "nll_nats_per_second": score.nll_nats_per_second,
        "percentile": None,
        "by_attribute": score.by_attribute,
    }
    if score.code_nll_nats is not None:
        keys |= {name: getattr(score, name) for name in ("code_nll_nats", "note_nll_nats", "mixture_nll_nats")}
    return keys


def _score_sound(
    item: Item, views: OpenViews, tables: Tables | None, entry: dict[str, Any], problems: list[str]
) -> dict[str, Any] | None:
    """The "audio" half of an entry, of the audio file or else of a rendering of the MIDI file, made in memory.

    A view that refuses the sound is left out and its reason added to `problems`; None where all of them do. What a lone
    recording's moments are is put into the entry. Raises InputError for a file that cannot be opened or played.
    """
    if not views.audio:
        return views.unavailable_in("audio")
    sound = sound_of(item.midi, item.wav, max(view.description.sample_rate for view in views.audio.values()))
    scored: dict[str, Any] = {}
    for name, view in views.audio.items():
        with _told_in(problems):
            scored[name], curve = _audio_keys(view, sound, tables)
            if name == MOMENTS_OF_SOUND and item.midi is None:
                entry["moments"] = moments.of_curve(name, curve)
    if not scored:
        return None
    for name in scored.keys() & set(SHIPPED_VIEWS):
        scored[name] |= _place_among_windows(name, scored[name], sound.seconds, views, entry["warnings"])
    return {"seconds": sound.seconds} | scored | views.unavailable_in("audio")


def sound_of(midi: Path | None, wav: Path | None, sample_rate: int) -> "Sound":
    """An item's sound: its audio file, or else a rendering of its MIDI file. Raises InputError where there is none."""
    from audio.signal.waveform import open_audio

    return _rendering(midi, sample_rate) if wav is None else open_audio(wav)


def _rendering(midi: Path, sample_rate: int) -> "Sound":
    from audio.signal.waveform import Waveform
    from bridge.render import render

    return Waveform(render(midi, sample_rate=sample_rate), sample_rate, str(midi))


def _audio_keys(view: "AudioView", sound: "Sound", tables: Tables | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A view's keys, and its curve over time, which becomes a table.

    Raises InputError as the view does, and where a figure is not finite.
    """
    keys = dict(view.score(sound))
    _check_finite(view.name, keys, sound.source)
    keys.pop("reconstruction", None)  # EnCodec's own loss: `audio.musicgen evaluate` tells it
    curve = keys.get("curve") or {}
    if "curve" in keys:
        keys["curve"] = None if tables is None or not curve else tables.write_curve(view.name, curve)
    return keys, curve


def _match(wav: Path, midi: Path, warnings: list[str]) -> dict[str, float] | None:
    """The "match" of a pair: its recording beside the rendering of its MIDI file; None where there is no verdict.

    Raises InputError where one of the two is too quiet to be compared.
    """
    from audio.metrics.descriptors import FRAMES
    from audio.metrics.similarity import MISMATCH_BELOW, SHORTEST_SECONDS, compare
    from audio.signal.waveform import open_audio

    match = compare(open_audio(wav), _rendering(midi, FRAMES.sample_rate))
    if match.is_mismatch is None:
        warnings.append(f"match: no verdict on the pair, it sounds for less than {SHORTEST_SECONDS:g} s")
        return None
    if match.is_mismatch:
        warnings.append(
            f"the recording does not seem to play the MIDI file (chroma similarity {match.chroma_similarity:.2f}, "
            f"below {MISMATCH_BELOW:g}); check that they are a pair, of one tempo and key"
        )
    return match.report()


def _place_among_windows(
    view: str, keys: Mapping[str, Any], seconds: float, views: OpenViews, warnings: list[str]
) -> dict[str, float | None]:
    """Where an audio view's figures lie among those of held-out windows; None where that cannot be told."""
    place: dict[str, float | None] = dict.fromkeys(("percentile", "typicality", "llr_percentile"))
    if seconds < FEW_SECONDS:
        warnings.append(f"shorter than {FEW_SECONDS:g} s: too short for a percentile")
        return place
    place["percentile"] = _percentile(view, views, seconds, keys["nll_nats_per_second"], warnings)
    if place["percentile"] is not None:
        place["typicality"] = typicality(place["percentile"])
    if keys["llr_nats_per_second"] is not None:
        ratio = keys["llr_nats_per_second"]
        place["llr_percentile"] = _percentile(view, views, seconds, ratio, warnings, LLR_SUFFIX)
    return place


def _percentile(
    view: str, views: OpenViews, length: float, value: float, warnings: list[str], suffix: str = ""
) -> float | None:
    """The percentile of `value` among held-out windows of about `length`, or None and a warning.

    suffix: behind the view's name in that of the references.
    """
    missing = views.references.missing_because(view + suffix, views.weights[view])
    if missing is not None:
        warnings.append(missing)
        return None
    return views.references.by_view[view + suffix].percentile(length, value)


def _check_finite(view: str, keys: Mapping[str, Any], source: str) -> None:
    """Raise InputError for a view that holds NaN or an infinity, which no JSON and no table may carry."""
    if not _is_finite(keys):
        raise InputError(f"{source}: {view} gave a number that is not finite; please report this file.")


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or isfinite(value)
