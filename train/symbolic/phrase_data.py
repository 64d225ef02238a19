"""Training excerpts of the phrase model, numbered by optimiser step, so that a run cut off anywhere goes on exactly."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

import lightning
import numpy as np
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset

from losscal.errors import InputError
from symbolic.data.corpus import Corpus
from symbolic.tokens.events import encode
from train.configs import CropConfig
from train.symbolic.crops import Batch, Crops, collate
from train.symbolic.processes import of_process


class CropStream(IterableDataset):
    """Batches of `Crops` without end, from that of the step `first_step()` on; of each batch the rows `own(rows)`."""

    def __init__(
        self, crops: Crops, first_step: Callable[[], int], own: Callable[[Sequence[int]], Sequence[int]]
    ) -> None:
        self.crops, self.first_step, self.own = crops, first_step, own

    def __iter__(self) -> Iterator[Batch]:
        size, length = self.crops.config.batch_size, self.crops.config.crop_events
        for step in count(self.first_step()):
            batch = collate([self.crops[step * size + row] for row in self.own(range(size))])
            missing = length - batch.events.shape[1]  # one shape for all: a compiled model is compiled for a shape
            yield batch._replace(
                events=F.pad(batch.events, (0, 0, 0, missing)), valid=F.pad(batch.valid, (0, missing), value=False)
            )


class PhraseData(lightning.LightningDataModule):
    """Endless training batches; validation on whole stretches of the same pieces every time, unvaried.

    Several processes share every batch of training, and the batches of validation.
    """

    def __init__(self, corpus: Corpus, config: CropConfig, styles: tuple[str, ...]) -> None:
        super().__init__()
        self.corpus, self.config = corpus, config
        self.crops = Crops(corpus, config, styles)

    def setup(self, stage: str) -> None:
        """Raises InputError where there is not the same to do for all processes, or nothing for one of them."""
        processes, size = self.trainer.world_size, self.config.batch_size
        if size % processes:
            raise InputError(
                f"--crops.batch-size: {size} excerpts cannot be shared out evenly among {processes} processes; give a "
                "multiple of that."
            )
        if len(self.validation_batches()) < processes:
            raise InputError(
                f"--trainer.devices: {len(self.validation_batches())} batches of validation are too few for "
                f"{processes} processes; use fewer, or prepare a larger corpus."
            )

    def train_dataloader(self) -> DataLoader:
        """Batches by step; the trainer says how many make an epoch."""
        own = partial(of_process, trainer=self.trainer)
        return DataLoader(CropStream(self.crops, lambda: self.trainer.global_step, own), batch_size=None)

    def val_dataloader(self) -> DataLoader:
        """The process's share of `validation_batches`."""
        return DataLoader(of_process(self.validation_batches(), self.trainer), batch_size=None, collate_fn=list)

    def validation_batches(self) -> list[list[np.ndarray]]:
        """Every second validation piece from its start, rows int64 [S, 4] in batches of like lengths."""
        pieces = self.corpus.of_split("validation")[::2]
        openings = [self.corpus.performance(piece).excerpt(0, self.config.validation_notes) for piece in pieces]
        rows: list[np.ndarray] = sorted((encode(opening, end=False) for opening in openings), key=len)
        return [rows[start : start + 2] for start in range(0, len(rows), 2)]

    def transfer_batch_to_device(self, batch: object, device: object, dataloader_idx: int) -> object:
        """Crops move to the device; rows of events stay, the scoring function moves what it makes of them."""
        return super().transfer_batch_to_device(batch, device, dataloader_idx) if isinstance(batch, Batch) else batch
