"""`python -m bridge.score PATH...`: how likely is each piece, by its notes and by its sound, on one row.

Items are scored one by one, so memory is bounded by the longest; versions of one piece are compared afterwards,
from the tables beside the report. What cannot be scored is told in its row's `error`; the other half of a pair, and the
other items, are complete.
"""

import argparse
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.items.engine import (
    ENGINES,
    Engine,
    Recipe,
    default_workers,
    in_processes,
    in_this_process,
    under_ray,
)
from bridge.items.entry import ItemEntry
from bridge.items.finding import Item, find
from bridge.items.journal import Journal
from bridge.items.scoring import ItemScorer
from bridge.items.scratch import Scratch
from bridge.report.explanations import explanations
from bridge.report.files import table, to_json, write_report
from bridge.report.report import REPORT_VERSION, Report, ReportByKeys
from bridge.transcription.listening import Listener
from bridge.versions.agreement import agreement
from bridge.versions.grouping import find_groups
from bridge.versions.groups import compare
from bridge.views.opening import VIEWS, OpenViews, checkpoints_of, open_views, view_names
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, in_range, log, prog_of, run, write_result
from losscal.errors import InputError
from losscal.processes.progress import Progress, bar, watching
from losscal.settings import Workers

LISTED_FAILURES = 20
SHOWN_AFTER_SECONDS = 2.0
"""Of a bar within a file: most are done sooner."""
LISTENER = Listener()


def score(
    paths: str | Path | Sequence[str | Path],
    *,
    pairs: str | Path | None = None,
    views: Sequence[str] | None = None,
    excerpt: bool = False,
    by_composer: bool = False,
    weights_dir: str | Path | None = None,
    checkpoints: Mapping[str, str] | None = None,
    reference: str | Path | None = None,
    all_are_versions: bool = False,
    tables_dir: str | Path | None = None,
    listener: Listener | None = LISTENER,
    workers: int | None = 1,
    engine: str = "processes",
    progress: Progress | None = None,
    tell: Callable[[str], object] | None = None,
) -> ReportByKeys:
    """Score files, folders and the lines of a pairs file; returns what report.json holds, units in the keys' names.

    views, weights_dir, checkpoints: as `open_views` takes them. excerpt: the music is cut out of longer pieces, so no
    start symbol is given. by_composer: tell how likely the notes are of each composer that a view knows. reference: the
    file that all items without a group are versions of.
    all_are_versions: items without a group make one.
    tables_dir: a folder for each item's tables, the nats of its
    notes and the curves of its sound, and for the journal from which a run that was cut short goes on; without it
    nothing is kept. workers: processes to score in, 1: this one, None: all cores where there are many items; more than
    1 need a main module that may be imported, as Python's multiprocessing does.
    engine: "processes" or "ray". listener: hears the notes of recordings, None: nobody does. progress: see Progress.
    tell: is given a sentence before what takes long.
    Raises InputError where the arguments cannot be used and WeightsError where weights are refused; what is wrong with
    an item is told in its "error".
    """
    if engine not in ENGINES:
        raise InputError(f"--engine {engine}: choose one of {', '.join(ENGINES)}.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: must be at least 1.")
    opened = open_views(views, weights_dir, checkpoints)
    found = find(paths, pairs)
    recordings = [item.wav for item in found.items if item.wav is not None and item.problem is None]
    if listener is not None and recordings and opened.symbolic:
        opened = opened.with_listener(listener)
        if opened.listener is not None and tell is not None and (estimate := listener.estimate(recordings)):
            tell(estimate)
    n_workers = workers or default_workers(len(found.items))
    recipe = Recipe(
        None if views is None else tuple(views),
        None if weights_dir is None else str(weights_dir),
        tuple((checkpoints or {}).items()),
        None if opened.listener is None else replace(opened.listener, progress=iter),
    )
    run_items: Engine = in_this_process
    if engine == "ray":
        run_items = partial(under_ray, recipe, workers)
    elif n_workers > 1:
        run_items = partial(in_processes, recipe, n_workers)
    return score_items(
        found.items,
        opened,
        excerpt=excerpt,
        by_composer=by_composer,
        reference=reference,
        all_are_versions=all_are_versions,
        tables_dir=tables_dir,
        run_items=run_items,
        progress=progress,
        passed_over=found.passed_over,
    )


def score_items(
    items: Iterable[Item],
    views: OpenViews,
    *,
    excerpt: bool = False,
    by_composer: bool = False,
    reference: str | Path | None = None,
    all_are_versions: bool = False,
    tables_dir: str | Path | None = None,
    run_items: Engine = in_this_process,
    progress: Progress | None = None,
    passed_over: Sequence[str] = (),
) -> ReportByKeys:
    """The report of `items` under views that are open already, by default in this process; as `score` else."""
    items = list(items)
    groups = find_groups(items, reference, all_are_versions=all_are_versions)
    group_of = {number: group.name for group in groups for number in group.members}
    with TemporaryDirectory() as temporary:
        folder, scratch = Path(tables_dir or temporary), Scratch(Path(temporary))
        scorer = ItemScorer(views, excerpt, folder, by_composer, scratch)
        to_score = [replace(item, group=group_of.get(number)) for number, item in enumerate(items)]
        with closing(_entries(to_score, scorer, run_items, keep=tables_dir is not None)) as made:
            by_number = dict(made if progress is None else progress(made, total=len(items), desc="scoring"))
        entries = [
            replace(by_number[number], group=group_of.get(number, item.group)) for number, item in enumerate(items)
        ]
        watched = groups if progress is None or not groups else progress(groups, total=len(groups), desc="comparing")
        compared = tuple(compare(group, entries, folder, scratch, views, excerpt=excerpt) for group in watched)
    entries = [replace(entry, explanations=explanations(entry, views.declared, views.weights)) for entry in entries]
    policy = views.context_policy
    if excerpt and views.symbolic:
        policy += "; scored as excerpts, without a start symbol"
    report = Report(
        version=REPORT_VERSION,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        weights=views.weights,
        units=views.units,
        context_policy=policy,
        items=tuple(entry if tables_dir is not None else entry.without_tables() for entry in entries),
        groups=compared,
        agreement=agreement(group.views for group in compared),
        passed_over=tuple(passed_over),
    )
    return report.by_keys()


def _entries(
    items: Sequence[Item], scorer: ItemScorer, run_items: Engine, *, keep: bool
) -> Generator[tuple[int, ItemEntry], None, None]:
    """(item number, entry) as they are made; with `keep` those in the journal first, and the others into it."""
    finished: dict[int, ItemEntry] = {}
    if keep:
        journal, finished = Journal.open(scorer.folder, scorer, items)
    yield from finished.items()
    to_do = {number: item for number, item in enumerate(items) if number not in finished}
    with closing(run_items(scorer, to_do.items())) as made:  # whoever stops listening ends the workers
        for number, entry in made:
            if keep:
                journal.add(number, entry)
            yield number, entry


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
        "--no-transcription", action="store_true", help="do not listen to recordings for the views of notes"
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
    if not options.paths and options.pairs is None:
        parser.error("nothing to score: give a PATH or --pairs F.jsonl")
    if options.out is not None:
        _make_folder(Path(options.out))
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be made ({error.strerror}); choose another folder.") from error


if __name__ == "__main__":
    run(main)
