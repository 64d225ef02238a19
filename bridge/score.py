"""`python -m bridge.score PATH...`: how likely is each piece, by its notes and by its sound, on one row."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bridge.items.engine import ENGINES
from bridge.items.finding import Item, find_items
from bridge.report.files import REPORT_FILE, other_items, table, to_json, write_report
from bridge.report.report import ReportByKeys
from bridge.scorer import LISTENER, Scorer, check_engine
from bridge.transcription.listening import Listener
from bridge.views.opening import VIEWS, checkpoints_of, open_views, view_names
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, add_overwrite_flag, in_range, log, prog_of, run, write_result
from losscal.errors import InputError
from losscal.processes.progress import bar, watching
from losscal.settings import Workers
from losscal.text import in_one_line

LISTED_FAILURES = 20
SHOWN_AFTER_SECONDS = 2.0
"""Of a bar within a file: most are done sooner."""


def score(
    paths: str | Path | Sequence[str | Path],
    *,
    views: Sequence[str] | None = None,
    weights_dir: str | Path | None = None,
    checkpoints: Mapping[str, str] | None = None,
    listener: Listener | None = LISTENER,
    soundfont: str | Path | None = None,
    workers: int | None = 1,
    engine: str = "processes",
    **options: Any,
) -> ReportByKeys:
    """What report.json holds of files, folders and the lines of a pairs file, units in the keys' names.

    For one call; the arguments are those of `Scorer`, which keeps the views open for more, and of its `score`.
    """
    check_engine(engine, workers)  # before anything is opened
    scorer = Scorer(views, weights_dir=weights_dir, checkpoints=checkpoints, listener=listener, soundfont=soundfont)
    return scorer.score(paths, workers=workers, engine=engine, **options).by_keys()


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog_of("bridge.score"),
        description="Score MIDI and audio files: how likely are their notes, how likely is their sound?",
        epilog="A MIDI and an audio file of one folder and stem are a pair; a lone MIDI file is rendered for the views "
        "of sound. Exit status: 0 all items are done, 1 some failed and the others are complete, 2 wrong usage.",
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="a MIDI file, an audio file, or a folder (recursive)")
    parser.add_argument("--pairs", metavar="F.jsonl", help='lines of {"id", "midi", "wav", "group"} or {"path"}')
    parser.add_argument(
        "--out",
        metavar="DIR",
        help="write the report and its tables there; run again, it goes on where it was cut short",
    )
    add_overwrite_flag(parser)
    parser.add_argument(
        "--reference", metavar="FILE", help="one of the files: all others without a group are versions of it"
    )
    parser.add_argument(
        "--versions",
        action="store_true",
        help="all files without a group are versions of one piece, whatever they are called",
    )
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
    parser.add_argument(
        "--by-composer", action="store_true", help="also tell how likely the notes are of each composer a view knows"
    )
    parser.add_argument(
        "--composer", choices=("list",), help="list the composers that the views asked for know, and score nothing"
    )
    parser.add_argument(
        "--no-transcription", action="store_true", help="do not listen to recordings for the views of notes"
    )
    parser.add_argument(
        "--soundfont", metavar="PATH", help="what MIDI files are played with for the views of sound (default: shipped)"
    )
    parser.add_argument("--weights", metavar="DIR", help="folder of NAME.safetensors (default: those shipped)")
    parser.add_argument(
        "--workers",
        metavar="N",
        type=in_range(Workers),
        help="processes to score in (default: all cores where there are many items)",
    )
    parser.add_argument(
        "--engine", choices=ENGINES, default="processes", help="what runs the workers (default: %(default)s)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: all items done; 1: some failed, the others are complete. Raises InputError for wrong usage."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.composer is not None:
        return _list_composers(options)
    if not options.paths and options.pairs is None:
        parser.error("nothing to score: give a PATH or --pairs F.jsonl")
    if options.out is not None:
        _make_folder(Path(options.out))
        if not options.overwrite:
            _check_report(Path(options.out), find_items(options.paths, options.pairs))
    items_bar = bar()
    listener = None if options.no_transcription else Listener(progress=bar(desc="listening", leave=False))
    with watching(bar(unit="block", delay=SHOWN_AFTER_SECONDS, leave=False)):  # of what is scored in this process
        report = score(
            options.paths,
            pairs=options.pairs,
            views=None if options.views is None else view_names(options.views),
            excerpt=options.excerpt,
            by_composer=options.by_composer,
            weights_dir=options.weights,
            checkpoints=checkpoints_of(options.checkpoint),
            reference=options.reference,
            all_are_versions=options.versions,
            tables_dir=options.out,
            listener=listener,
            soundfont=options.soundfont,
            workers=options.workers,
            engine=options.engine,
            progress=items_bar,
            tell=log,
        )
    try:
        if options.out is not None:  # first, as stdout may be full
            write_report(report, Path(options.out))
            log(f"written: {options.out}")
    finally:
        write_result(to_json(report) if options.json else table(report))
    return _list_failures([entry["error"] for entry in report["items"]])


def _list_composers(options: argparse.Namespace) -> int:
    """Write the composers that any view of notes knows."""
    views = open_views(None if options.views is None else view_names(options.views), options.weights)
    knowing = [scorer for scorer in views.symbolic.values() if scorer.view.knows_composers]
    write_result("\n".join(dict.fromkeys(name for scorer in knowing for name in scorer.model.config.composers)))
    return EXIT_DONE


def _list_failures(errors: Sequence[str | None]) -> int:
    """List what failed on stderr, of the errors of all items; the exit status."""
    failed = [error for error in errors if error is not None]
    if not failed:
        return EXIT_DONE
    log(f"failed: {len(failed)} of {len(errors)} items")
    for error in failed[:LISTED_FAILURES]:
        log(f"  {error}")
    if len(failed) > LISTED_FAILURES:
        log(f"  and {len(failed) - LISTED_FAILURES} more, see the errors in the report")
    return EXIT_ITEMS_FAILED


def _check_report(folder: Path, items: Sequence[Item]) -> None:
    """Raises InputError where the report of other items would be lost; of these items, and more, it is made anew."""
    others = other_items(folder, (item.id for item in items))
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise InputError(
            f"{folder / REPORT_FILE}: is of {in_one_line(others[0])}{more}, which this command does not score; add "
            "--overwrite to replace it, or choose another --out."
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be made ({error.strerror}); choose another folder.") from error


if __name__ == "__main__":
    run(main)
