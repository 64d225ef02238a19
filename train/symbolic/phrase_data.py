"""Training excerpts of the phrase model, numbered by optimiser step, so that a run cut off anywhere goes on exactly."""

from collections.abc import Callable, Iterator
from itertools import count

import lightning
import numpy as np
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset

from symbolic.data.corpus import Corpus
from symbolic.tokens.events import encode
from train.configs import CropConfig
from train.symbolic.crops import Batch, Crops, collate


class CropStream(IterableDataset):
    """Batches of `Crops` without end, from that of the step `first_step()` on."""

    def __init__(self, crops: Crops, first_step: Callable[[], int]) -> None:
        self.crops, self.first_step = crops, first_step

    def __iter__(self) -> Iterator[Batch]:
        size, length = self.crops.config.batch_size, self.crops.config.crop_events
        for step in count(self.first_step()):
            batch = collate([self.crops[step * size + row] for row in range(size)])
            missing = length - batch.events.shape[1]  # one shape for all: a compiled model is compiled for a shape
            yield batch._replace(
                events=F.pad(batch.events, (0, 0, 0, missing)), valid=F.pad(batch.valid, (0, missing), value=False)
            )


class PhraseData(lightning.LightningDataModule):
    """Endless training batches; validation on whole stretches of the same pieces every time, unvaried."""

    def __init__(self, corpus: Corpus, config: CropConfig, styles: tuple[str, ...]) -> None:
        super().__init__()
        self.corpus, self.config = corpus, config
        self.crops = Crops(corpus, config, styles)

    def train_dataloader(self) -> DataLoader:
        """Batches by step; the trainer says how many make an epoch."""
        return DataLoader(CropStream(self.crops, lambda: self.trainer.global_step), batch_size=None)

    def val_dataloader(self) -> DataLoader:
        """Every second validation piece from its start, rows int64 [S, 4] in batches of like lengths."""
        pieces = self.corpus.of_split("validation")[::2]
        openings = [self.corpus.performance(piece).excerpt(0, self.config.validation_notes) for piece in pieces]
        rows: list[np.ndarray] = sorted((encode(opening, end=False) for opening in openings), key=len)
        return DataLoader(rows, batch_size=2, collate_fn=list)

    def transfer_batch_to_device(self, batch: object, device: object, dataloader_idx: int) -> object:
        """Crops move to the device; rows of events stay, the scoring function moves what it makes of them."""
        return super().transfer_batch_to_device(batch, device, dataloader_idx) if isinstance(batch, Batch) else batch
