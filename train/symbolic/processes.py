"""One step in several processes as in one: who does which rows, and what is summed up over all of them."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import lightning
import torch
from torch import Tensor

Rows = TypeVar("Rows", Sequence, Tensor)


def of_process(rows: Rows, trainer: lightning.Trainer) -> Rows:
    """Every n-th of the rows that `n` processes share, from this process's own on."""
    return rows[trainer.global_rank :: trainer.world_size]


def mean_count(count: Tensor, trainer: lightning.Trainer) -> Tensor:
    """The mean of the processes' counts, for a loss to be divided by.

    Data parallel training takes the mean of the processes' gradients; sums divided by this make it the gradient of the
    mean over all that was counted in the step, however unlike the processes' counts are.
    """
    return trainer.strategy.reduce(count.float(), reduce_op="mean")


def summed(sums: Mapping[str, float]) -> dict[str, float]:
    """The processes' sums added up by name; a process may lack names that another has."""
    if not torch.distributed.is_initialized():
        return dict(sums)
    of_all: list[Mapping[str, float]] = [{}] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(of_all, sums)
    total: dict[str, float] = {}
    for of_one in of_all:
        for name, value in of_one.items():
            total[name] = total.get(name, 0.0) + value
    return total
