"""How a model reads an event: the sum of an embedding for each of its attributes."""

from torch import Tensor, nn

from symbolic.tokens.events import ATTRIBUTES, VOCABULARY


class EventEmbedding(nn.Module):
    """The sum of an embedding per attribute: events int64 [..., 4] to [..., D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(VOCABULARY[name], width) for name in ATTRIBUTES)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.5)

    def forward(self, events: Tensor) -> Tensor:
        """Events int64 [..., 4] to [..., D]."""
        return sum(table(events[..., index]) for index, table in enumerate(self.tables))
