"""Scoring from Python: views that stay open between calls, and a report that shows itself in a notebook.

    scorer = losscal.Scorer(views=["events"])
    report = scorer.score("my_pieces/")
    report.items[0]["symbolic"]["events"]["bits_per_note"]

Items are scored one by one, so memory is bounded by the longest; versions of one piece are compared afterwards,
from the tables beside the report. What cannot be scored is told in its row's `error`; the other half of a pair, and the
other items, are complete.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
from bridge.report.report import REPORT_VERSION, Report, ReportByKeys
from bridge.report.shown import ScoredReport
from bridge.synthesis.synthesiser import check_soundfont, default_soundfont
from bridge.transcription.listening import Listener
from bridge.versions.agreement import agreement
from bridge.versions.grouping import find_groups
from bridge.versions.groups import compare
from bridge.views.opening import OpenViews, open_views
from losscal.errors import InputError
from losscal.processes.progress import Progress

LISTENER = Listener()


class Scorer:
    """Open views, to score any number of times.

    Args:
        views, weights_dir, checkpoints: as `open_views` takes them.
        listener: hears the notes of recordings, None: nobody does.
        soundfont: that MIDI files are played with for the views of sound, None: the one that is shipped.

    Raises InputError where the arguments cannot be used, WeightsError where weights are refused.
    """

    def __init__(
        self,
        views: Sequence[str] | None = None,
        *,
        weights_dir: str | Path | None = None,
        checkpoints: Mapping[str, str] | None = None,
        listener: Listener | None = LISTENER,
        soundfont: str | Path | None = None,
    ) -> None:
        self.soundfont = None if soundfont is None else check_soundfont(Path(soundfont))
        self.listener = listener
        self.views = open_views(views, weights_dir, checkpoints)
        self._recipe = Recipe(
            None if views is None else tuple(views),
            None if weights_dir is None else str(weights_dir),
            tuple((checkpoints or {}).items()),
        )

    @cached_property
    def _listening_views(self) -> OpenViews:
        return self.views.with_listener(self.listener)

    def score(
        self,
        paths: str | Path | Sequence[str | Path],
        *,
        pairs: str | Path | None = None,
        excerpt: bool = False,
        by_composer: bool = False,
        reference: str | Path | None = None,
        all_are_versions: bool = False,
        tables_dir: str | Path | None = None,
        workers: int | None = 1,
        engine: str = "processes",
        progress: Progress | None = None,
        tell: Callable[[str], object] | None = None,
    ) -> ScoredReport:
        """Score files, folders and the lines of a pairs file.

        excerpt: the music is cut out of longer pieces, so no start symbol is given. by_composer: tell how likely the
        notes are of each composer that a view knows. reference: the file that all items without a group are versions
        of. all_are_versions: items without a group make one. tables_dir: a folder for each item's tables, the nats of
        its notes and the curves of its sound, and for the journal from which a run that was cut short goes on; without
        it the tables go when the report goes. workers: processes to score in, 1: this one, None: all cores where there
        are many items; more than 1 need a main module that may be imported, as Python's multiprocessing does. engine:
        "processes" or "ray". progress: see Progress. tell: is given a sentence before what takes long.
        Raises InputError where the arguments cannot be used; what is wrong with an item is told in its "error".
        """
        check_engine(engine, workers)
        found, views = find(paths, pairs), self.views
        recordings = [item.wav for item in found.items if item.wav is not None and item.problem is None]
        if self.listener is not None and recordings and views.symbolic:
            views = self._listening_views
            if views.listener is not None and tell is not None and (estimate := self.listener.estimate(recordings)):
                tell(estimate)
        kept = None if tables_dir is not None else TemporaryDirectory()
        folder = Path(tables_dir) if kept is None else Path(kept.name)
        report = report_of(
            found.items,
            views,
            folder,
            keep=tables_dir is not None,
            excerpt=excerpt,
            by_composer=by_composer,
            reference=reference,
            all_are_versions=all_are_versions,
            soundfont=self.soundfont,
            run_items=self._engine(engine, workers or default_workers(len(found.items)), views, workers),
            progress=progress,
            passed_over=found.passed_over,
        )
        return ScoredReport(report, folder, kept)

    def _engine(self, engine: str, n_workers: int, views: OpenViews, actors: int | None) -> Engine:
        recipe = replace(
            self._recipe, listener=None if views.listener is None else replace(views.listener, progress=iter)
        )
        if engine == "ray":
            return partial(under_ray, recipe, actors)
        return in_this_process if n_workers == 1 else partial(in_processes, recipe, n_workers)


def check_engine(engine: str, workers: int | None) -> None:
    """Raises InputError for an engine that there is not, and for less than one worker."""
    if engine not in ENGINES:
        raise InputError(f"--engine {engine}: choose one of {', '.join(ENGINES)}.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: must be at least 1.")


def report_of(
    items: Iterable[Item],
    views: OpenViews,
    folder: Path,
    *,
    keep: bool = False,
    excerpt: bool = False,
    by_composer: bool = False,
    reference: str | Path | None = None,
    all_are_versions: bool = False,
    soundfont: Path | None = None,
    run_items: Engine = in_this_process,
    progress: Progress | None = None,
    passed_over: Sequence[str] = (),
) -> Report:
    """The report of `items` under views that are open already, by default in this process; as `Scorer.score` else.

    folder: of the tables. keep: of what is scored a journal lies there, from which a run that was cut short goes on.
    """
    items = list(items)
    groups = find_groups(items, reference, all_are_versions=all_are_versions)
    group_of = {number: group.name for group in groups for number in group.members}
    with TemporaryDirectory() as temporary:
        scratch = Scratch(Path(temporary), soundfont)
        scorer = ItemScorer(views, excerpt, folder, by_composer, scratch, soundfont)
        to_score = [replace(item, group=group_of.get(number)) for number, item in enumerate(items)]
        with closing(_entries(to_score, scorer, run_items, keep=keep)) as made:
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
    return Report(
        version=REPORT_VERSION,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        weights=views.weights,
        units=views.units,
        context_policy=policy,
        items=tuple(entries),
        groups=compared,
        agreement=agreement(group.views for group in compared),
        passed_over=tuple(passed_over),
        soundfont=str(soundfont or default_soundfont()) if any(entry.rendered for entry in entries) else None,
    )


def score_items(
    items: Iterable[Item], views: OpenViews, *, tables_dir: str | Path | None = None, **options: Any
) -> ReportByKeys:
    """What report.json holds, of `items` under views that are open already; options: of `report_of`."""
    if tables_dir is not None:
        return report_of(items, views, Path(tables_dir), keep=True, **options).by_keys()
    with TemporaryDirectory() as temporary:
        return report_of(items, views, Path(temporary), **options).without_tables().by_keys()


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
