"""`python -m bridge.score PATH...`: how likely is each piece, by its notes and by its sound, on one row.

Items are scored one by one, so memory is bounded by the longest. What cannot be scored is told in its row's `error`;
the other half of a pair, and the other items, are complete.
"""

import argparse
import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bridge.items import Item, find_items
from bridge.report import REPORT_VERSION, table, to_json, write_per_note, write_report
from bridge.views import AUDIO_VIEWS, SYMBOLIC_VIEWS, VIEWS, OpenViews, open_views, view_names
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, log, run, write_result
from losscal.errors import InputError
from losscal.references import typicality

FEW_NOTES = 32
FEW_SECONDS = 5.0


def score(
    paths: str | Path | Sequence[str | Path],
    *,
    pairs: str | Path | None = None,
    views: Sequence[str] | None = None,
    excerpt: bool = False,
    weights_dir: str | Path | None = None,
    per_note_dir: str | Path | None = None,
    progress: Callable[[Iterable[Item]], Iterable[Item]] = iter,
) -> dict[str, Any]:
    """Score files, folders and the lines of a pairs file; returns what report.json holds, units in the keys' names.

    views: names of VIEWS, by default all whose weights are present. excerpt: the music is cut out of longer pieces, so
    no start symbol is given. per_note_dir: a folder for one table of per-note nats an item; without it nothing is
    written. progress: wraps the iterable of items, as tqdm does.
    Raises InputError where the arguments cannot be used and WeightsError where weights are refused; what is wrong with
    an item is told in its "error".
    """
    opened = open_views(views, weights_dir)
    items = find_items(paths, pairs)
    return score_items(progress(items), opened, excerpt=excerpt, per_note_dir=per_note_dir)


def score_items(
    items: Iterable[Item], views: OpenViews, *, excerpt: bool = False, per_note_dir: str | Path | None = None
) -> dict[str, Any]:
    """The report of `items` under views that are open already."""
    folder = None if per_note_dir is None else Path(per_note_dir)
    entries = []
    for number, item in enumerate(items, start=1):
        per_note = None if folder is None else folder / f"{number:04d}.csv"
        entries.append(_score_item(item, views, excerpt, per_note))
    policy = views.context_policy
    if excerpt and views.symbolic:
        policy += "; scored as excerpts, without a start symbol"
    return {
        "version": REPORT_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "weights": views.weights,
        "context_policy": policy,
        "items": entries,
        "agreement": None,
    }


def _score_item(item: Item, views: OpenViews, excerpt: bool, per_note: Path | None) -> dict[str, Any]:
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
        "warnings": list(item.warnings),
        "error": item.problem,
    }
    if item.problem is not None:
        return entry
    problems = []
    if item.midi is not None:
        try:
            entry["symbolic"] = _score_notes(item.midi, views, excerpt, per_note, entry["warnings"])
        except InputError as error:
            problems.append(str(error))
    is_sound_known = item.wav is not None or entry["symbolic"] is not None
    if views.wants_audio and is_sound_known:
        try:
            entry["audio"] = _score_sound(item, views, entry["warnings"])
            entry["rendered"] = item.wav is None and bool(views.audio)
        except InputError as error:
            problems.append(str(error))
    if item.midi is None and not views.wants_audio:
        entry["warnings"].append("not scored: the views asked for need a MIDI file")
    problems += _drop_non_finite(entry)
    entry["error"] = " ".join(problems) or None
    return entry


def _score_notes(
    midi: Path, views: OpenViews, excerpt: bool, per_note: Path | None, warnings: list[str]
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
    half |= views.unavailable_among(SYMBOLIC_VIEWS)
    if scores and len(performance) < FEW_NOTES:
        warnings.append(f"fewer than {FEW_NOTES} notes: too few for a percentile")
    if per_note is not None and scores:
        write_per_note(per_note, performance, scores)
        half["per_note"] = f"{per_note.parent.name}/{per_note.name}"
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


def _score_sound(item: Item, views: OpenViews, warnings: list[str]) -> dict[str, Any]:
    """The "audio" half of an entry, of the audio file or else of a rendering of the MIDI file, made in memory.

    Raises InputError for a file that cannot be read, played or scored.
    """
    from audio.waveform import Waveform, read_audio
    from bridge.render import render

    if not views.audio:
        return views.unavailable_among(AUDIO_VIEWS)
    if item.wav is not None:
        waveform = read_audio(item.wav)
    else:
        sample_rate = max(scorer.sample_rate for scorer in views.audio.values())
        waveform = Waveform(render(item.midi, sample_rate=sample_rate), sample_rate, str(item.midi))
    half: dict[str, Any] = {"seconds": waveform.seconds}
    for name, scorer in views.audio.items():
        half[name] = scorer.score(waveform)
        if half["seconds"] >= FEW_SECONDS:
            percentile = _percentile(name, views, half["seconds"], half[name]["nll_nats_per_second"], warnings)
            half[name]["percentile"] = percentile
            half[name]["typicality"] = None if percentile is None else typicality(percentile)
    if half["seconds"] < FEW_SECONDS:
        warnings.append(f"shorter than {FEW_SECONDS:g} s: too short for a percentile")
    return half | views.unavailable_among(AUDIO_VIEWS)


def _percentile(view: str, views: OpenViews, length: float, value: float, warnings: list[str]) -> float | None:
    """The percentile of `value` among held-out windows of about `length`, or None and a warning."""
    missing = views.references.missing_because(view, views.weights[view])
    if missing is not None:
        warnings.append(missing)
        return None
    return views.references.by_view[view].percentile(length, value)


def _drop_non_finite(entry: dict[str, Any]) -> list[str]:
    """Take out each view that holds NaN or an infinity, which no JSON may carry, and say so."""
    problems = []
    for half in ("symbolic", "audio"):
        for view in VIEWS:
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
    parser.add_argument("--out", metavar="DIR", help="write report.json, report.csv and per-note tables there")
    parser.add_argument("--views", metavar="A,B", help=f"of {','.join(VIEWS)} (default: all whose weights are present)")
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
        views=view_names(options.views),
        excerpt=options.excerpt,
        weights_dir=options.weights,
        per_note_dir=None if options.out is None else Path(options.out, "per_note"),
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
