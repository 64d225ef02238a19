"""Workers that are killed, by one item or by a command, for tests; in a module, as a spawned process imports it."""

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


def main(arguments: list[str]) -> int:
    """A command that ends its process without a word."""
    os.kill(os.getpid(), signal.SIGKILL)
    return len(arguments)
