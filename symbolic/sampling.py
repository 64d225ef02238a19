"""Drawing events from a model, under a grammar that looks only at what was drawn before.

Every output decodes, stays on the piano and closes each note. The context slides exactly as the windows of
`symbolic.likelihood` do, so each value is drawn from the distribution that scores it, less what grammar and top-p cut.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from symbolic.code_gpt import CodeGPT
from symbolic.configs import SamplingConfig
from symbolic.events import ATTRIBUTES, END, REST, VOCABULARY, decode, encode
from symbolic.gpt import EventGPT
from symbolic.likelihood import window_start
from symbolic.performance import TICK_SECONDS, Performance, end_at_restrikes
from symbolic.pointer import elapsed_ticks
from symbolic.transformer import KVCache


def draw(logits: Tensor, config: SamplingConfig, generator: torch.Generator) -> Tensor:
    """One value per row of logits [B, V], int64 [B], as `config` says."""
    p, order = torch.softmax(logits / config.temperature, dim=-1).sort(dim=-1, descending=True)
    p = p.masked_fill(p.cumsum(dim=-1) - p >= config.top_p, 0.0)
    return order.gather(1, torch.multinomial(p, 1, generator=generator))[:, 0]


def allowed(attribute: str, previous: Sequence[int] | None, time: int | None) -> slice:
    """The values an event's attribute may take so that the events spell a Performance that goes on.

    previous: the event (time, pitch, velocity, duration) before, None at the very beginning; time: the new event's own,
    once it is drawn. Onsets and pitches must rise, rows without a note hold zeros, the end is never drawn.
    """
    if time is not None and time >= REST:
        return slice(0, 1)
    after_note = previous is not None and previous[0] < REST
    if attribute == "time":
        if previous is None:
            return slice(0, 1)
        top_key_struck = after_note and previous[1] == VOCABULARY["pitch"] - 1
        return slice(1 if top_key_struck else 0, END)
    if attribute == "pitch" and time == 0 and after_note:
        return slice(int(previous[1]) + 1, None)
    return slice(None)


class EventStream:
    """An endless draw of events, of one piece at a time.

    Args:
        model: what to draw from.
        draw: logits [1, V] to one value, int64 [1].
        events: int64 [S, 4] to go on from.
        codes: int64 [T, 4], the events' codes where they are given; drawn where not.
    """

    def __init__(
        self,
        model: EventGPT | CodeGPT,
        draw: Callable[[Tensor], Tensor],
        events: np.ndarray,
        codes: Tensor | None = None,
    ) -> None:
        self.model, self.draw, self.codes = model, draw, codes
        self.events = torch.from_numpy(events)  # [T, 4]
        self._open_window()

    @torch.inference_mode()
    def next_event(self) -> Tensor:
        """Draw one event int64 [4] and remember it."""
        most = self.model.config.recent_events
        latest = self.events[None, self.window_start :][:, -most:]
        recent = self.model.recent(latest, self.embedded[:, -most:], positions=1)
        self.drawn_time = None
        event = self.model.draw_event(self.state[:, None], recent, self._choose)  # [1, 4]
        self.events = torch.cat([self.events, event])
        if window_start(len(self.events), self.model.context_events) == self.window_start:
            embedded = self.model.embed(event)
            self.embedded = torch.cat([self.embedded, embedded[None]], dim=1)
            self.state = self.model.history.step(embedded, self.cache)
        else:
            self._open_window()
        return event[0]

    @torch.inference_mode()
    def _open_window(self) -> None:
        context = self.model.context_events
        self.window_start = window_start(len(self.events), context)
        self.cache = KVCache(self.model.config, batch=1, capacity=context)
        self.embedded = self.model.embed(self.events[None, self.window_start :])  # [1, T, D]
        opening = torch.tensor([self.window_start > 0])
        self.state = self.model.history(self.embedded, opening, cache=self.cache)[:, -1]  # [1, D]

    def _choose(self, what: str, logits: Tensor) -> Tensor:
        """A value int64 [1, 1] for logits [1, 1, V] of an attribute or of its code."""
        if what not in ATTRIBUTES:
            return self._choose_code(ATTRIBUTES.index(what.removesuffix("_code")), logits)
        previous = self.events[-1].tolist() if len(self.events) else None
        values = allowed(what, previous, self.drawn_time)
        masked = torch.full_like(logits, -torch.inf)
        masked[..., values] = logits[..., values]
        value = self.draw(masked[0])
        if what == "time":
            self.drawn_time = int(value)
        return value[None]

    def _choose_code(self, index: int, logits: Tensor) -> Tensor:
        return self.draw(logits[0])[None] if self.codes is None else self.codes[len(self.events), index].view(1, 1)


def generate(
    model: EventGPT | CodeGPT,
    *,
    seconds: float,
    seed: int,
    prompt: Performance | None = None,
    sampling: SamplingConfig | None = None,
) -> Performance:
    """Draw music until its onsets have gone `seconds` beyond the prompt's last onset (beyond 0 without one).

    The same seed gives the same notes on the same machine. A drawn note that is still down when its key is struck again
    ends there, as on a piano, so that the piece reads back from its MIDI file unchanged.
    """
    given = np.empty((0, len(ATTRIBUTES)), dtype=np.int64) if prompt is None else encode(prompt, end=False)
    seeded = partial(draw, config=sampling or SamplingConfig(), generator=torch.Generator().manual_seed(seed))
    stream = EventStream(model, seeded, given)
    last_onset_ticks = 0 if prompt is None else int(prompt.notes["onset_ticks"][-1])
    limit_ticks = last_onset_ticks + round(seconds / TICK_SECONDS)
    onset_ticks = int(elapsed_ticks(stream.events[:, 0]).sum())
    while onset_ticks <= limit_ticks:
        onset_ticks += int(elapsed_ticks(stream.next_event()[0]))
    within = elapsed_ticks(stream.events[:, 0]).cumsum(0) <= limit_ticks
    return Performance(end_at_restrikes(decode(stream.events[within].numpy()).notes))
