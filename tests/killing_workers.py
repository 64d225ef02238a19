"""A worker that is killed by one item, for tests: it lies in a module, as a spawned process imports it."""

import os
import signal

from bridge.items import engine
from bridge.items.entry import ItemEntry
from bridge.items.finding import Item

_score = engine._score_in_worker


def score(job: engine.Job, item: Item) -> ItemEntry:
    """As the engine's own, but for "piece 3"."""
    if item.midi.name == "piece 3.mid":
        os.kill(os.getpid(), signal.SIGKILL)
    return _score(job, item)
