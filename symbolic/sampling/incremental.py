"""A model laid out for drawing: the next event of B pieces at a time, in as few operations as it takes.

The same function as the model's own modules (a test compares them) in another shape: one position at a time over keys
and values kept in place, the matrices that read one state joined into one, all that hangs on a single value looked up
in a table. Each row of a batch is multiplied as if it were alone (`symbolic.sampling.row_product`), so a piece comes
out the same to the last bit however many are drawn beside it.
"""

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from symbolic.models.code_gpt import CodeGPT, log_mass_of_codes
from symbolic.models.copying import (
    LARGEST_GAP_TICKS,
    NEVER,
    POINTED,
    Pointer,
    elapsed_ticks,
    gap_bucket,
    later_bucket,
    sharing_bucket,
)
from symbolic.models.event_gpt import EventGPT
from symbolic.models.transformer import MLP, KVCache
from symbolic.sampling.row_product import RowProduct
from symbolic.tokens.events import ATTRIBUTES, END, REST, VOCABULARY

ALIGNED_FLOATS = 16
"""Rows of a matrix begin on a cache line, so that no row of a batch is summed in another order than the first."""


def unit(x: Tensor) -> Tensor:
    """x at length 1 in its last dimension: `transformer.rms_norm` of D numbers, but for the factor sqrt(D).

    That factor is put where it costs nothing. No vector of x may be zero.
    """
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)


class Perceptron:
    """x + MLP(rms_norm(x)) of rows [B, 1, D]; as the squared ReLU is homogeneous, sqrt(D) comes out of it as D."""

    def __init__(self, mlp: MLP) -> None:
        self.up, self.down = RowProduct(mlp.up.weight), RowProduct(mlp.down.weight)

    def __call__(self, x: Tensor) -> Tensor:
        """[B, 1, D] to [B, 1, D]."""
        return torch.add(x, self.down(self.up(unit(x)).relu_().square_()), alpha=x.shape[-1])


class Trunk:
    """The transformer over a preallocated cache, one new position at a time."""

    def __init__(self, model: EventGPT, batch: int) -> None:
        transformer = model.history.transformer
        self.heads = model.config.heads
        self.cache = KVCache(model.config, batch, capacity=model.context_events)
        self.layers = [
            (RowProduct(attention.qkv.weight), RowProduct(attention.project.weight), Perceptron(mlp))
            for attention, mlp in zip(transformer.attention, transformer.mlp, strict=True)
        ]
        self.sqrt_width = torch.tensor(sqrt(model.config.width))
        cos, sin = transformer.rotary * sqrt(2 * transformer.rotary.shape[-1])  # [T, W / 2], of heads at length 1
        self.cos, self.sin = torch.cat([cos, cos], dim=-1), torch.cat([-sin, sin], dim=-1)  # [T, W]

    def step(self, x: Tensor) -> Tensor:
        """Append an embedded event [B, 1, D]; the state [B, 1, D] of the event to come."""
        batch, _, width = x.shape
        head_width = width // self.heads
        cos, sin = self.cos[self.cache.length], self.sin[self.cache.length]
        for layer, (qkv, project, perceptron) in enumerate(self.layers):
            pair, value = qkv(unit(x)).view(batch, 3, self.heads, head_width).split((2, 1), dim=1)
            pair = unit(pair)  # [B, 2, H, W]
            query, key = torch.addcmul(pair * cos, pair.roll(head_width // 2, -1), sin).unbind(1)
            keys, values = self.cache.append(layer, key, (value * self.sqrt_width).squeeze(1))
            y = F.scaled_dot_product_attention(query.unsqueeze(2), keys, values)  # [B, H, 1, W]
            x = perceptron(project(y.reshape(batch, 1, width)).add_(x))
        self.cache.length += 1
        return unit(x).mul_(self.sqrt_width)


class Voters:
    """The last R events of each piece and their votes: `symbolic.models.copying` for one event to come.

    What a voter's traits are worth, and which value it votes for, is looked up; votes that do not count go to a value
    behind the vocabulary.
    """

    def __init__(self, pointer: Pointer, batch: int, capacity: int) -> None:
        self.size = pointer.recent_events
        gaps = torch.arange(-LARGEST_GAP_TICKS, LARGEST_GAP_TICKS + 1)
        counts = torch.arange(self.size + 1)
        first_sharing = self.size + int(gap_bucket(gaps[-1])) + 1  # rows of pointer.traits: lag, gap, sharing, later
        first_later = first_sharing + int(sharing_bucket(counts[-1:] + capacity)) + 1
        self.row_of_gap = self.size + gap_bucket(gaps)
        self.row_of_sharing, self.row_of_later = (
            first_sharing + sharing_bucket(counts),
            first_later + later_bucket(counts),
        )
        longest = VOCABULARY["duration"]
        self.target_of_gap = {
            "time": torch.where((gaps >= 0) & (gaps < REST), gaps, VOCABULARY["time"]),
            "duration": torch.where((gaps >= 1) & (gaps <= longest), gaps - 1, longest),
        }
        self.keys = torch.zeros(batch, self.size + capacity, pointer.key.out_features)
        self.pitch = torch.full((batch, self.size + capacity), VOCABULARY["pitch"])
        self.offset = torch.full((batch, self.size + capacity), NEVER, dtype=torch.long)
        self.rows = torch.zeros(batch, 3, self.size, dtype=torch.long)

    def fill(self, events: Tensor, keys: Tensor) -> None:
        """Start anew with a window's events int64 [B, S, 4] and their keys [B, S, 3 W]."""
        self.length = events.shape[1]
        clock = elapsed_ticks(events[..., 0]).cumsum(1)  # [B, S]
        self.clock = torch.nn.functional.pad(clock, (1, 0))[:, -1:]
        own = slice(self.size, self.size + self.length)
        self.keys[:, : self.size], self.keys[:, own] = 0.0, keys
        self.pitch[:, : self.size], self.offset[:, : self.size] = VOCABULARY["pitch"], NEVER
        self.pitch[:, own], self.offset[:, own] = self._facts(events, clock)
        self._look()

    def append(self, event: Tensor, keys: Tensor) -> None:
        """Remember the event int64 [B, 4] that the clock stands at, and its keys [B, 3 W]."""
        place = self.size + self.length
        self.pitch[:, place], self.offset[:, place] = self._facts(event, self.clock[:, 0])
        self.keys[:, place] = keys
        self.length += 1
        self._look()

    def advance(self, time: Tensor) -> None:
        """Move the clock by an event's time int64 [B]."""
        self.clock = self.clock + elapsed_ticks(time)[:, None]
        self._see_gaps()

    def add_votes(self, attribute: str, logits: Tensor, query: Tensor, scores: Tensor) -> None:
        """Add the votes to logits [B, V + 1] in place; query [B, W], scores [B, rows of pointer.traits]."""
        width = query.shape[-1]
        column = POINTED.index(attribute) * width
        keys = self.keys[:, self.length : self.length + self.size, column : column + width]  # [B, R, W]
        weight = (keys * query[:, None]).sum(-1) + scores[:, : self.size]  # [B, R]
        weight = weight + scores.gather(-1, self.rows.flatten(1)).view(self.rows.shape).sum(1)
        if attribute == "pitch":
            target = self.pitch[:, self.length : self.length + self.size]
        else:
            target = self.target_of_gap[attribute][self.gap]
        logits.scatter_add_(-1, target, weight)

    def _facts(self, events: Tensor, clock: Tensor) -> tuple[Tensor, Tensor]:
        is_note = events[..., 0] < REST
        pitch = torch.where(is_note, events[..., 1], VOCABULARY["pitch"])
        return pitch, torch.where(is_note, clock + events[..., 3] + 1, NEVER)

    def _look(self) -> None:
        self.recent_offset = self.offset[:, self.length : self.length + self.size].contiguous()  # [B, R]
        rising = self.recent_offset.sort(-1)[0]
        up_to = torch.searchsorted(rising, self.recent_offset, right=True)
        sharing = up_to - torch.searchsorted(rising, self.recent_offset)
        self.rows[:, 1], self.rows[:, 2] = self.row_of_sharing[sharing], self.row_of_later[self.size - up_to]
        self._see_gaps()

    def _see_gaps(self) -> None:
        gap = self.recent_offset - (self.clock - LARGEST_GAP_TICKS)
        self.gap = gap.clamp_(0, 2 * LARGEST_GAP_TICKS)  # [B, R], an index into the tables of gaps
        self.rows[:, 0] = self.row_of_gap[self.gap]


class Head:
    """One attribute's part of the note chain; all that its state decides comes from one product."""

    def __init__(self, model: EventGPT, index: int) -> None:
        name, chain = ATTRIBUTES[index], model.chain
        self.attribute, self.values = name, VOCABULARY[name]
        self.perceptron = Perceptron(chain.mlp[name])
        output, width = chain.output[name], model.config.width
        parts = {"values": (output.weight, output.bias), "void": (torch.zeros(1, width), torch.zeros(1))}
        if name in POINTED:
            query = chain.pointer.query[name]
            parts["query"] = (query.weight, query.bias)
            self.traits = RowProduct(chain.pointer.traits[name])
        self.codes = None
        if isinstance(model, CodeGPT):
            autoencoder, code_output = model.vqvae.attributes[name], model.code_output[name]
            self.codes, self.decoder = autoencoder.codebook()[1], autoencoder.decode_all()  # [V], [K, V]
            parts["codes"] = (code_output.weight, code_output.bias)
        weights, biases = zip(*parts.values(), strict=True)
        ends = torch.tensor([len(bias) for bias in biases]).cumsum(0).tolist()
        self.part = {key: slice(end - len(bias), end) for key, end, bias in zip(parts, ends, biases, strict=True)}
        padding = (0, -ends[-1] % ALIGNED_FLOATS)
        self.product = RowProduct(F.pad(torch.cat(weights), (0, 0, *padding)))
        self.bias = F.pad(torch.cat(biases), padding)
        following = chain.position[index + 1] if index + 1 < len(ATTRIBUTES) else 0.0
        self.told = (chain.embeddings[name].weight + following)[:, None]  # [V, 1, D]

    def code_logits(self, logits: Tensor, code_scores: Tensor) -> Tensor:
        """Scores [B, K] of the codes, of what the logits [B, V] of their values and the state [B, K] say.

        Values that are ruled out, at -inf, add nothing to their codes.
        """
        return code_scores + log_mass_of_codes(logits, self.codes, code_scores.shape[-1])

    def end_nats(self, logits: Tensor, code_scores: Tensor | None) -> Tensor:
        """-log p of the end symbol, with its code where there are codes: float32 [B]; only of the time."""
        if self.codes is None:
            return -logits.log_softmax(-1)[:, END]
        code = self.codes[END]
        code_nats = -self.code_logits(logits, code_scores).log_softmax(-1)[:, code]
        return code_nats - (logits + self.decoder[code]).log_softmax(-1)[:, END]


class Stepper:
    """The next event of B pieces, attribute by attribute: `scores` and `tell` for each in turn, then `append`.

    `open` comes first, whenever a window begins.
    """

    def __init__(self, model: EventGPT, batch: int) -> None:
        self.model, self.batch = model, batch
        self.trunk = Trunk(model, batch)
        self.voters = Voters(model.chain.pointer, batch, model.context_events)
        self.sqrt_width = sqrt(model.config.width)
        self.heads = [Head(model, index) for index in range(len(ATTRIBUTES))]
        key = model.chain.pointer.key.weight.T
        tables = [torch.cat([table, table @ key], dim=-1) for table in model.embedding_tables()]
        self.table = torch.cat(tables)  # [sum of V, D + 3 W], what each value adds to an event's embedding and key
        self.first_row = torch.tensor([0, *map(len, tables[:-1])]).cumsum(0)

    def open(self, events: Tensor, mid_piece: bool, style: Tensor | None, *, alike: bool) -> None:
        """Begin a window with its events int64 [B, S, 4]; style float [styles] or None.

        alike: all rows hold the same events, and one stands for all.
        """
        states, keys = [], []
        for row in range(1 if alike else self.batch):
            cache = self.trunk.cache.row(row)
            embedded = self.model.embed(events[row : row + 1])
            styles = None if style is None else style[None]
            states.append(self.model.history(embedded, torch.tensor([mid_piece]), styles, cache=cache)[:, -1:])
            keys.append(self.model.chain.pointer.key(embedded))
        if alike:
            self.trunk.cache.spread_first_row()
        self.trunk.cache.length = 1 + events.shape[1]
        self._start(torch.cat(states).expand(self.batch, -1, -1))
        self.voters.fill(events, torch.cat(keys).expand(self.batch, -1, -1))

    def scores(self, index: int) -> tuple[Tensor, Tensor | None]:
        """Logits [B, V] of the values of attribute `index` without the codes' part, and scores [B, K] of its codes."""
        head = self.heads[index]
        self.state = head.perceptron(self.state)
        scores = torch.add(head.bias, head.product(unit(self.state)), alpha=self.sqrt_width)[:, 0]
        if head.attribute in POINTED:
            logits = scores[:, : head.values + 1]
            query = scores[:, head.part["query"]]
            self.voters.add_votes(head.attribute, logits, query, head.traits(query[:, None])[:, 0])
        return scores[:, : head.values], None if head.codes is None else scores[:, head.part["codes"]]

    def tell(self, index: int, value: Tensor) -> None:
        """What attribute `index` became, int64 [B]."""
        if index == 0:
            self.voters.advance(value)
        self.state = self.state + self.heads[index].told[value]

    def append(self, event: Tensor) -> None:
        """Go on from the whole event int64 [B, 4]."""
        row = F.embedding_bag(event + self.first_row, self.table, mode="sum")  # [B, D + 3 W]
        width = self.model.config.width
        self.voters.append(event, row[:, width:])
        self._start(self.trunk.step(row[:, None, :width]))

    def _start(self, state: Tensor) -> None:
        self.state = state + self.model.chain.position[0]
