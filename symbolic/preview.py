"""A piece to listen to while the rest of it is drawn."""

from pathlib import Path

from symbolic.notes.performance import TICK_SECONDS, Performance, end_at_restrikes, write_midi
from symbolic.sampling.stream import EventStream
from symbolic.tokens.events import decode


class Preview:
    """Writes the first piece of a stream as far as it is drawn, each time it has grown by so many seconds."""

    def __init__(self, path: Path, every_seconds: float) -> None:
        self.path, self.every_ticks = path, round(every_seconds / TICK_SECONDS)
        self.next_ticks = self.every_ticks

    def __call__(self, stream: EventStream) -> None:
        """Look at a stream that has drawn an event."""
        now = int(stream.constraints.clock[0])
        if now >= self.next_ticks:
            self.next_ticks = now + self.every_ticks
            write_midi(Performance(end_at_restrikes(decode(stream.events[0].numpy()).notes)), self.path)
