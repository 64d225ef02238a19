"""Checkpoints that know which run they are of, and from which it goes on wherever its folder was moved to."""

import logging
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from losscal.errors import InputError
from losscal.weights import misfits

RUN = "losscal_run"
_NEEDED = ("state_dict", "optimizer_states", "global_step")
_MAY_CHANGE = (("optim", "steps"), ("optim", "decay_share"))
"""Settings of the steps to come: when a run ends and its rate falls is often decided while it goes on."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunFacts:
    """What stays the same when a run goes on: its data's hash and its configs as JSON values, by their names."""

    data_hash: str
    configs: dict[str, dict[str, Any]]


class RunCheckpoint(ModelCheckpoint):
    """Keeps the best checkpoint by `monitor` and the last one; each tells the `facts` of its run.

    resume: the checkpoint that the run goes on from. The files that it speaks of are looked for beside it.
    """

    facts: RunFacts

    def __init__(self, folder: str, *, monitor: str, resume: str | None) -> None:
        super().__init__(
            folder,
            monitor=monitor,
            mode="min",
            save_last=True,
            save_on_train_epoch_end=False,
            enable_version_counter=False,  # a resumed run's last checkpoint is last.ckpt too
        )
        self.resume = resume

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the facts."""
        checkpoint[RUN] = {"data_hash": self.facts.data_hash, "configs": self.facts.configs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the best and the last checkpoint of the run that goes on."""
        beside = Path(self.resume).absolute().parent if self.resume else Path(self.dirpath)

        def found(path: str) -> str:
            return str(beside / Path(path).name) if path else path

        paths = {
            name: found(state_dict[name]) for name in ("best_model_path", "kth_best_model_path", "last_model_path")
        }
        best = {found(path): figure for path, figure in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | paths | {"best_k_models": best, "dirpath": self.dirpath})


def check_resumable(path: str, facts: RunFacts, module: torch.nn.Module) -> None:
    """Raises InputError where a checkpoint cannot be read, or is of another run than that of these facts."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"--resume {path}: cut off or no checkpoint; give a .ckpt file of an earlier run.") from error
    if not isinstance(checkpoint, dict) or any(key not in checkpoint for key in _NEEDED):
        raise InputError(f"--resume {path}: holds no run to go on from; give a .ckpt file of an earlier run.")
    if RUN in checkpoint:
        _check_facts(path, RunFacts(**checkpoint[RUN]), facts)
    else:
        log.warning("%s: does not tell its corpus and settings; they are taken to be these", path)
    steps, done = facts.configs["optim"]["steps"], checkpoint["global_step"]
    if steps < done:
        raise InputError(f"--optim.steps: {steps}, the checkpoint has made {done} already; ask for at least so many.")
    differing = misfits(module.state_dict(), checkpoint["state_dict"])
    if differing:
        raise InputError(f"--resume {path}: is of another model: {differing[0]}; give the flags of that run.")


def _check_facts(path: str, begun: RunFacts, ours: RunFacts) -> None:
    if begun.data_hash != ours.data_hash:
        raise InputError(
            f"--resume {path}: was trained on another corpus (data hash {begun.data_hash[:12]}, here "
            f"{ours.data_hash[:12]}); give that one, or start anew without --resume."
        )
    for name, config in ours.configs.items():
        for field, value in config.items():
            old = begun.configs.get(name, {}).get(field)
            if value != old and (name, field) not in _MAY_CHANGE:
                raise InputError(
                    f"--resume {path}: was begun with {name}.{field} {old}, here it is {value}; give that value, or "
                    "start anew without --resume."
                )
