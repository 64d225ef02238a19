"""`python -m bridge.score PATH...`: how likely is each piece, by its notes and by its sound, on one row.

Items are scored one by one, so memory is bounded by the longest. What cannot be scored is told in its row's `error`;
the other half of a pair, and the other items, are complete.
"""

import argparse
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.items import Item, find_items
from bridge.report import REPORT_VERSION, table, to_json, write_report
from bridge.tables import Tables
from bridge.views import SHIPPED_VIEWS, VIEWS, OpenViews, checkpoints_of, open_views, view_names
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, log, run, write_result
from losscal.errors import InputError
from losscal.references import LLR_SUFFIX, typicality

if TYPE_CHECKING:
    from audio.waveform import Sound
    from bridge.scorers import AudioView

FEW_NOTES = 32
FEW_SECONDS = 5.0


def score(
    paths: str | Path | Sequence[str | Path],
    *,
    pairs: str | Path | None = None,
    views: Sequence[str] | None = None,
    excerpt: bool = False,
    weights_dir: str | Path | None = None,
    checkpoints: Mapping[str, str] | None = None,
    tables_dir: str | Path | None = None,
    progress: Callable[[Iterable[Item]], Iterable[Item]] = iter,
) -> dict[str, Any]:
    """Score files, folders and the lines of a pairs file; returns what report.json holds, units in the keys' names.

    views, weights_dir, checkpoints: as `open_views` takes them. excerpt: the music is cut out of longer pieces, so no
    start symbol is given. tables_dir: a folder for each item's tables, the nats of its notes and the curves of its
    sound; without it nothing is written. progress: wraps the iterable of items, as tqdm does.
    Raises InputError where the arguments cannot be used and WeightsError where weights are refused; what is wrong with
    an item is told in its "error".
    """
    opened = open_views(views, weights_dir, checkpoints)
    items = find_items(paths, pairs)
    return score_items(progress(items), opened, excerpt=excerpt, tables_dir=tables_dir)


def score_items(
    items: Iterable[Item], views: OpenViews, *, excerpt: bool = False, tables_dir: str | Path | None = None
) -> dict[str, Any]:
    """The report of `items` under views that are open already."""
    folder = None if tables_dir is None else Path(tables_dir)
    entries = [
        _score_item(item, views, excerpt, None if folder is None else Tables(folder, number))
        for number, item in enumerate(items, start=1)
    ]
    policy = views.context_policy
    if excerpt and views.symbolic:
        policy += "; scored as excerpts, without a start symbol"
    return {
        "version": REPORT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights": views.weights,
        "units": views.units,
        "context_policy": policy,
        "items": entries,
        "agreement": None,
    }


def _score_item(item: Item, views: OpenViews, excerpt: bool, tables: Tables | None) -> dict[str, Any]:
    """One entry of the report's "items"; whatever is wrong with the user's files ends up in its "error"."""
    entry: dict[str, Any] = {
        "id": item.id,
        "group": item.group,
        "midi": None if item.midi is None else str(item.midi),
        "wav": None if item.wav is None else str(item.wav),
        "rendered": False,
        "symbolic": None,
        "audio": None,
        "match": None,
        "warnings": [*views.warnings, *item.warnings],
        "error": item.problem,
    }
    if item.problem is not None:
        return entry
    problems: list[str] = []
    warnings = entry["warnings"]
    if item.midi is not None:
        with _told_in(problems):
            entry["symbolic"] = _score_notes(item.midi, views, excerpt, tables, warnings)
    if views.wants_audio and (item.wav is not None or entry["symbolic"] is not None):
        with _told_in(problems):
            entry["audio"] = _score_sound(item, views, tables, warnings, problems)
    is_scored = entry["audio"] is not None and bool(views.audio)
    entry["rendered"] = is_scored and item.wav is None
    if is_scored and item.wav is not None and entry["symbolic"] is not None:
        with _told_in(problems):
            entry["match"] = _match(item.wav, item.midi, warnings)
    if item.midi is None and not views.wants_audio:
        warnings.append("not scored: the views asked for need a MIDI file")
    problems += _drop_non_finite(entry)
    entry["error"] = " ".join(dict.fromkeys(problems)) or None  # views may refuse a sound in the same words
    return entry


@contextmanager
def _told_in(problems: list[str]) -> Iterator[None]:
    """An InputError becomes one of an item's problems, and the item goes on."""
    try:
        yield
    except InputError as error:
        problems.append(str(error))


def _score_notes(
    midi: Path, views: OpenViews, excerpt: bool, tables: Tables | None, warnings: list[str]
) -> dict[str, Any]:
    """The "symbolic" half of an entry; raises InputError for a file that cannot be read."""
    from symbolic.cleaning import read_midi

    cleaned = read_midi(midi)
    performance = cleaned.performance
    half: dict[str, Any] = {
        "notes": len(performance),
        "seconds": performance.seconds,
        "repairs": cleaned.repairs,
        "per_note": None,
    }
    scores = {name: scorer.score([performance], excerpt=excerpt)[0] for name, scorer in views.symbolic.items()}
    for name, of_view in scores.items():
        half[name] = _symbolic_keys(of_view)
        if len(performance) >= FEW_NOTES:
            half[name]["percentile"] = _percentile(name, views, len(performance), of_view.nll_nats_per_note, warnings)
    half |= views.unavailable_in("symbolic")
    if scores and len(performance) < FEW_NOTES:
        warnings.append(f"fewer than {FEW_NOTES} notes: too few for a percentile")
    if tables is not None and scores:
        half["per_note"] = tables.write_per_note(performance, scores)
    return half


def _symbolic_keys(score: Any) -> dict[str, Any]:
    """A SymbolicScore as the report's keys of a view."""
    keys = {
        "nll_nats": score.nll_nats,
        "end_nll_nats": score.end_nll_nats,
        "nll_nats_per_note": score.nll_nats_per_note,
        "bits_per_note": score.bits_per_note,
        "nll_nats_per_second": score.nll_nats_per_second,
        "percentile": None,
        "by_attribute": score.by_attribute,
    }
    if score.code_nll_nats is not None:
        keys |= {name: getattr(score, name) for name in ("code_nll_nats", "note_nll_nats", "mixture_nll_nats")}
    return keys


def _score_sound(
    item: Item, views: OpenViews, tables: Tables | None, warnings: list[str], problems: list[str]
) -> dict[str, Any] | None:
    """The "audio" half of an entry, of the audio file or else of a rendering of the MIDI file, made in memory.

    A view that refuses the sound is left out and its reason added to `problems`; None where all of them do. Raises
    InputError for a file that cannot be opened or played.
    """
    from audio.waveform import open_audio

    if not views.audio:
        return views.unavailable_in("audio")
    rate = max(view.description.sample_rate for view in views.audio.values())
    sound = open_audio(item.wav) if item.wav is not None else _rendering(item.midi, rate)
    scored: dict[str, Any] = {}
    for name, view in views.audio.items():
        with _told_in(problems):
            scored[name] = _audio_keys(view, sound, tables)
    if not scored:
        return None
    for name in scored.keys() & set(SHIPPED_VIEWS):
        scored[name] |= _place_among_windows(name, scored[name], sound.seconds, views, warnings)
    return {"seconds": sound.seconds} | scored | views.unavailable_in("audio")


def _rendering(midi: Path, sample_rate: int) -> "Sound":
    from audio.waveform import Waveform
    from bridge.render import render

    return Waveform(render(midi, sample_rate=sample_rate), sample_rate, str(midi))


def _audio_keys(view: "AudioView", sound: "Sound", tables: Tables | None) -> dict[str, Any]:
    """A view's keys; its curve over time, where it has one, becomes a table. Raises InputError as the view does."""
    keys = dict(view.score(sound))
    keys.pop("reconstruction", None)  # EnCodec's own loss: `audio.musicgen evaluate` tells it
    if "curve" in keys:
        keys["curve"] = None if tables is None else tables.write_curve(view.name, keys["curve"])
    return keys


def _match(wav: Path, midi: Path, warnings: list[str]) -> dict[str, float] | None:
    """The "match" of a pair: its recording beside the rendering of its MIDI file; None where there is no verdict.

    Raises InputError where one of the two is too quiet to be compared.
    """
    from audio.descriptors import FRAMES
    from audio.similarity import MISMATCH_BELOW, SHORTEST_SECONDS, compare
    from audio.waveform import open_audio

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


def _drop_non_finite(entry: dict[str, Any]) -> list[str]:
    """Take out each view that holds NaN or an infinity, which no JSON may carry, and say so."""
    problems = []
    for half in ("symbolic", "audio"):
        for view in VIEWS:  # plug-ins' figures are checked where they are asked for
            if entry[half] and view in entry[half] and not _is_finite(entry[half][view]):
                entry[half].pop(view)
                problems.append(f"{entry['id']}: {view} gave a number that is not finite; please report this file.")
    return problems


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bridge.score",
        description="Score MIDI and audio files: how likely are their notes, how likely is their sound?",
        epilog="A MIDI and an audio file of one folder and stem are a pair; a lone MIDI file is rendered for the views "
        "of sound. Exit status: 0 all items are done, 1 some failed and the others are complete, 2 wrong usage.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a MIDI file, an audio file, or a folder (recursive)")
    parser.add_argument("--pairs", metavar="F.jsonl", help='lines of {"id", "midi", "wav", "group"} or {"path"}')
    parser.add_argument("--out", metavar="DIR", help="write report.json, report.csv, per-note tables and curves there")
    parser.add_argument(
        "--views",
        metavar="A,B",
        help=f"of {','.join(VIEWS)} and installed plug-ins (default: all of the former whose weights are present)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="VIEW=CHECKPOINT",
        action="append",
        default=[],
        help="adds musicgen, audiobox or a plug-in with this checkpoint, a folder or a hub name; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print the report alone, as JSON")
    parser.add_argument("--excerpt", action="store_true", help="the music is cut out of longer pieces")
    parser.add_argument("--weights", metavar="DIR", help="folder of NAME.safetensors (default: those shipped)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: all items done; 1: some failed, the others are complete. Raises InputError for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not options.paths and options.pairs is None:
        parser.error("nothing to score: give a PATH or --pairs F.jsonl")
    if options.out is not None:
        _make_folder(Path(options.out))
    from tqdm import tqdm

    report = score(
        options.paths,
        pairs=options.pairs,
        views=None if options.views is None else view_names(options.views),
        excerpt=options.excerpt,
        weights_dir=options.weights,
        checkpoints=checkpoints_of(options.checkpoint),
        tables_dir=options.out,
        progress=partial(tqdm, desc="scoring", unit="item", disable=None),  # None: no bar where there is no terminal
    )
    write_result(to_json(report) if options.json else table(report))
    if options.out is not None:
        write_report(report, Path(options.out))
        log(f"written: {Path(options.out, 'report.json')} and {Path(options.out, 'report.csv')}")
    return EXIT_ITEMS_FAILED if any(entry["error"] for entry in report["items"]) else EXIT_DONE


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be made ({error.strerror}); choose another folder.") from error


if __name__ == "__main__":
    run(main)
