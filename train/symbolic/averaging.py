"""Averaged weights, which a run has at its end, however little was left to do when it went on."""

import lightning
from lightning.pytorch.callbacks import EMAWeightAveraging


class AverageAtEnd(EMAWeightAveraging):
    """The module holds the averaged weights after every fit.

    Lightning leaves out `on_train_end` where a run goes on from a checkpoint behind its last step.
    """

    def on_fit_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Copy them; it does nothing where training has ended with that."""
        self.on_train_end(trainer, pl_module)
