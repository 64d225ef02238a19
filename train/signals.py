"""A run that is asked to end does so between two steps, with a checkpoint to go on from."""

import signal
from pathlib import Path

import lightning
from lightning.pytorch.utilities.exceptions import SIGTERMException

from losscal.processes.interruption import PROCESS


class EndBetweenSteps(lightning.Callback):
    """Lets the step or the validation batch under way be finished where a signal ends the run."""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """From here on the trainer looks at each step whether it was asked."""
        PROCESS.instead = self._ask

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Now it does no more."""
        PROCESS.instead = None

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Nor now."""
        PROCESS.instead = None

    @staticmethod
    def _ask(number: int) -> None:
        """The trainer ends between two steps for SIGTERM, and for no other signal."""
        if number != signal.SIGTERM:
            signal.raise_signal(signal.SIGTERM)


class CheckpointOnSignal(lightning.Callback):
    """Writes `path` where a signal ends the run between two steps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_exception(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, exception: BaseException
    ) -> None:
        """Save, unless the run ends for another reason."""
        if isinstance(exception, SIGTERMException):
            trainer.save_checkpoint(self.path)
