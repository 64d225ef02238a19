"""A run that is asked to end leaves a checkpoint to go on from."""

from pathlib import Path

import lightning
from lightning.pytorch.utilities.exceptions import SIGTERMException


class CheckpointOnSignal(lightning.Callback):
    """Writes `path` where SIGTERM ends the run between two steps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Save, unless the run ends for another reason."""
        if isinstance(exception, SIGTERMException):
            trainer.save_checkpoint(self.path)
