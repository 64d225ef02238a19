"""Many items: one after the other in this process, on all cores, or on the machines of a Ray cluster.

Whichever runs them, `ItemScorer.score` makes the entries, each by itself, so that the numbers are the same. Each
worker opens the views for itself and computes on one thread; it is given the next item when it is done with one, and
no more than two a worker are under way, so that memory does not grow with the number of items. Where a worker is
killed, what was under way is scored again, one item at a time, and the item that kills its worker once more is told.
"""

import logging
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from bridge.items.entry import ItemEntry
from bridge.items.finding import Item
from bridge.items.scoring import ItemScorer
from bridge.items.scratch import Scratch
from bridge.transcription.listening import Listener
from bridge.views.opening import open_views
from losscal.errors import InputError
from losscal.processes.workers import WorkerPool, compute_on_one_thread

ENGINES = ("processes", "ray")
KILLED = "the process that scored it was killed, perhaps for want of memory; end other programs, or cut the piece"
MANY_ITEMS = 32
"""From here on opening the views once more for each core pays."""
Numbered = tuple[int, Item]
Entries = Generator[tuple[int, ItemEntry], None, None]
Engine = Callable[[ItemScorer, Iterable[Numbered]], Entries]
"""Makes the entry of each item, by number, as the scorer does, in any order."""


@dataclass(frozen=True)
class Recipe:
    """How a worker opens the views that this process has open: the arguments of `open_views`, and who listens."""

    names: tuple[str, ...] | None
    weights_dir: str | None
    checkpoints: tuple[tuple[str, str], ...]
    listener: Listener | None = None


@dataclass(frozen=True)
class Job:
    """What a worker needs to score items as another process' scorer would."""

    recipe: Recipe
    excerpt: bool
    folder: Path | None
    by_composer: bool
    scratch: Scratch | None
    soundfont: Path | None

    @classmethod
    def like(cls, scorer: ItemScorer, recipe: Recipe) -> "Job":
        """The job of the scorer, whose views the recipe opens."""
        return cls(recipe, scorer.excerpt, scorer.folder, scorer.by_composer, scorer.scratch, scorer.soundfont)

    def open(self) -> ItemScorer:
        """Open the views; raises as `open_views` does."""
        recipe = self.recipe
        views = open_views(recipe.names, recipe.weights_dir, dict(recipe.checkpoints))
        views = replace(views, listener=recipe.listener)
        return ItemScorer(views, self.excerpt, self.folder, self.by_composer, self.scratch, self.soundfont)


def default_workers(n_items: int) -> int:
    """All cores where there are many items, else 1: this process."""
    if n_items < MANY_ITEMS:
        return 1
    if hasattr(os, "sched_getaffinity"):  # Linux alone tells the cores that are ours
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_this_process(scorer: ItemScorer, work: Iterable[Numbered]) -> Entries:
    """The entries, in turn."""
    for number, item in work:
        yield number, scorer.score(item)


def in_processes(recipe: Recipe, workers: int, scorer: ItemScorer, work: Iterable[Numbered]) -> Entries:
    """The entries, as they are done; of an item whose worker is killed twice, the second time alone, one that says so.

    Raises as `open_views` does.
    """
    job, rest = Job.like(scorer, recipe), iter(work)
    while suspects := (yield from _until_a_worker_is_killed(job, workers, rest)):
        for number, item in suspects.items():
            if (yield from _until_a_worker_is_killed(job, 1, iter([(number, item)]))):
                yield number, scorer.failed(item, KILLED)


def _until_a_worker_is_killed(
    job: Job, workers: int, work: Iterator[Numbered]
) -> Generator[tuple[int, ItemEntry], None, dict[int, Item]]:
    """Yield entries as they are done; returns what was under way, by number, where a worker was killed, else nothing.

    `work` then holds what was not begun.
    """
    under_way: dict[Future[ItemEntry], Numbered] = {}
    with WorkerPool(workers, compute_on_one_thread) as pool:
        while True:
            for number, item in islice(work, 2 * workers - len(under_way)):
                under_way[_submitted(pool, job, item)] = number, item
            if not under_way:
                return {}
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                if isinstance(future.exception(), BrokenProcessPool):
                    return dict(sorted(under_way.values()))
                yield under_way.pop(future)[0], future.result()


def _submitted(pool: WorkerPool, job: Job, item: Item) -> "Future[ItemEntry]":
    """The item's future, broken where the pool is so already."""
    try:
        return pool.submit(_score_in_worker, job, item)
    except BrokenProcessPool as error:
        broken: Future[ItemEntry] = Future()
        broken.set_exception(error)
        return broken


def under_ray(recipe: Recipe, workers: int | None, scorer: ItemScorer, work: Iterable[Numbered]) -> Entries:
    """The entries, by Ray Data on the cluster that Ray finds, or on this machine.

    workers: actors at a time, by default as many as there are CPUs. Raises InputError where Ray is not installed or
    does not start. The scorer's folder and the items' files must be the same on all machines.
    """
    try:
        import ray
    except ImportError as error:
        raise InputError("--engine ray: Ray is not installed; run pip install '.[ray]' in LossCal's folder.") from error
    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:
            raise InputError(f"--engine ray: Ray does not start ({error}); see its logs in /tmp/ray.") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False  # the command has a bar of its own
    actors = workers or int(ray.cluster_resources()["CPU"])
    rows = ray.data.from_items([{"number": number, "item": item} for number, item in work])
    pool = ray.data.ActorPoolStrategy(size=actors)
    scored = rows.map(_RayWorker, fn_constructor_args=(Job.like(scorer, recipe),), compute=pool, num_cpus=1)
    for row in scored.iter_rows():
        yield row["number"], row["entry"]


class _RayWorker:
    """What Ray keeps on a core: `ItemScorer.score` of rows."""

    def __init__(self, job: Job) -> None:
        compute_on_one_thread()
        self.scorer = job.open()

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"number": row["number"], "entry": self.scorer.score(row["item"])}


@cache
def _opened(job: Job) -> ItemScorer:
    """The scorer of this worker, opened with its first item."""
    return job.open()


def _score_in_worker(job: Job, item: Item) -> ItemEntry:
    return _opened(job).score(item)
