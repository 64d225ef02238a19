"""Many items, a few at a time: one after the other in this process, on all cores, or on the machines of a Ray cluster.

Whichever runs them, `ItemScorer.score` makes the entries, in the same chunks, so that the numbers are the same. Each
worker opens the views for itself and computes on one thread; it is given the next chunk when it is done with one, and
no more than two a worker are under way, so that memory does not grow with the number of items.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from bridge.items.entry import ItemEntry
from bridge.items.finding import Item
from bridge.items.scoring import ItemScorer
from bridge.items.scratch import Scratch
from bridge.views.opening import open_views
from losscal.errors import InputError

ENGINES = ("processes", "ray")
CHUNK_ITEMS = 4
"""Items scored together: enough for a model to be busy with short ones, few enough to lose little to a kill."""
MANY_ITEMS = 32
"""From here on opening the views once more for each core pays."""
Chunk = Sequence[tuple[int, Item]]
Entries = Sequence[tuple[int, ItemEntry]]
Engine = Callable[[ItemScorer, Iterable[Chunk]], Iterator[Entries]]
"""Makes the entries of each chunk as the scorer does, in any order."""


@dataclass(frozen=True)
class Recipe:
    """How a worker opens the views that this process has open: the arguments of `open_views`."""

    names: tuple[str, ...] | None
    weights_dir: str | None
    checkpoints: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Job:
    """What a worker needs to score items as another process' scorer would."""

    recipe: Recipe
    excerpt: bool
    folder: Path | None
    by_composer: bool
    scratch: Scratch | None

    @classmethod
    def like(cls, scorer: ItemScorer, recipe: Recipe) -> "Job":
        """The job of the scorer, whose views the recipe opens."""
        return cls(recipe, scorer.excerpt, scorer.folder, scorer.by_composer, scorer.scratch)

    def open(self) -> ItemScorer:
        """Open the views; raises as `open_views` does."""
        recipe = self.recipe
        views = open_views(recipe.names, recipe.weights_dir, dict(recipe.checkpoints))
        return ItemScorer(views, self.excerpt, self.folder, self.by_composer, self.scratch)


def chunks(items: Mapping[int, Item]) -> Iterator[Chunk]:
    """Items by number, CHUNK_ITEMS at a time."""
    rest = iter(items.items())
    while chunk := list(islice(rest, CHUNK_ITEMS)):
        yield chunk


def default_workers(n_items: int) -> int:
    """All cores where there are many items, else 1: this process."""
    if n_items < MANY_ITEMS:
        return 1
    if hasattr(os, "sched_getaffinity"):  # Linux alone tells the cores that are ours
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_this_process(scorer: ItemScorer, work: Iterable[Chunk]) -> Iterator[Entries]:
    """The entries of each chunk, in turn."""
    for chunk in work:
        yield _scored(scorer, chunk)


def in_processes(recipe: Recipe, workers: int, scorer: ItemScorer, work: Iterable[Chunk]) -> Iterator[Entries]:
    """The entries of each chunk, as they are done; raises InputError where a worker is killed."""
    job = Job.like(scorer, recipe)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_prepare_worker)
    under_way: set[Future[Entries]] = set()
    try:
        for chunk in work:
            under_way.add(pool.submit(_score_in_worker, job, chunk))
            if len(under_way) >= 2 * workers:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        for future in under_way:
            yield future.result()
    except BrokenProcessPool as error:
        raise InputError(
            f"--workers {workers}: a worker was killed, perhaps for want of memory; run the command again with fewer "
            "workers, where there is an --out DIR the items done are kept."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def under_ray(recipe: Recipe, workers: int | None, scorer: ItemScorer, work: Iterable[Chunk]) -> Iterator[Entries]:
    """The entries of each chunk, by Ray Data on the cluster that Ray finds, or on this machine.

    workers: actors at a time, by default as many as there are CPUs. Raises InputError where Ray is not installed. The
    scorer's folder and the items' files must be the same on all machines.
    """
    try:
        import ray
    except ImportError as error:
        raise InputError("--engine ray: Ray is not installed; run pip install '.[ray]' in LossCal's folder.") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    actors = workers or int(ray.cluster_resources()["CPU"])
    rows = ray.data.from_items([{"chunk": chunk} for chunk in work])
    scored = rows.map(_RayWorker, fn_constructor_args=(Job.like(scorer, recipe),), concurrency=actors, num_cpus=1)
    for row in scored.iter_rows():
        yield row["entries"]


class _RayWorker:
    """What Ray keeps on a core: `_scored` of rows."""

    def __init__(self, job: Job) -> None:
        _one_thread()
        self.scorer = job.open()

    def __call__(self, row: Mapping[str, Chunk]) -> dict[str, Entries]:
        return {"entries": _scored(self.scorer, row["chunk"])}


def _scored(scorer: ItemScorer, chunk: Chunk) -> Entries:
    numbers = [number for number, _ in chunk]
    return list(zip(numbers, scorer.score([item for _, item in chunk]), strict=True))


def _prepare_worker() -> None:
    """One thread to compute on, and one that ends this process with its parent, which may be killed without a word."""
    Thread(target=_end_with_parent, daemon=True).start()
    _one_thread()


def _end_with_parent() -> None:
    parent_process().join()
    os._exit(1)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@cache
def _opened(job: Job) -> ItemScorer:
    """The scorer of this worker, opened with its first chunk."""
    return job.open()


def _score_in_worker(job: Job, chunk: Chunk) -> Entries:
    return _scored(_opened(job), chunk)
