"""What the training commands share: the flags, the Lightning trainer, and the written weights with their story.

A config's fields are flags below the name of the config, as in `--optim.muon-lr 0.01`, or lines of a YAML file, as in
`optim: {muon_lr: 0.01}`; the underscore will do on the command line too.
"""

import errno
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscal.cli import FlagError, add_flags, add_overwrite_flag, check_new, command_line, config_from, prog_of
from losscal.errors import InputError, WeightsError
from losscal.processes.interruption import PROCESS
from losscal.settings import Settings

if TYPE_CHECKING:
    import lightning
    from jsonargparse import ArgumentParser, Namespace
    from torch import nn


def base_parser(module: str, description: str, default_out: str) -> "ArgumentParser":
    """A parser with the flags every training command has; each command adds its own."""
    from argparse import HelpFormatter

    from jsonargparse import ArgumentParser

    parser = ArgumentParser(prog=prog_of(module), description=description, formatter_class=HelpFormatter)
    parser.add_argument("--config", action="config", help="YAML file with any of these flags")
    parser.add_argument(
        "--data", default="data/giantmidi-piano", help="cache made by python -m symbolic.prepare (%(default)s)"
    )
    parser.add_argument("--out", default=default_out, help="folder for logs, checkpoints and the weights (%(default)s)")
    parser.add_argument("--resume", type=str | None, default=None, help="checkpoint (.ckpt) to go on from")
    parser.add_argument(
        "--trainer",
        type=dict[str, Any],
        default={},
        metavar="ARGUMENTS",
        help="any argument of lightning.Trainer, as in --trainer.max_time 00:00:30:00 --trainer.accelerator gpu",
    )
    add_overwrite_flag(parser)
    return parser


def add_config_flags(parser: "ArgumentParser", configs: Mapping[str, Settings], *, skip: Collection[str] = ()) -> None:
    """The flags of each config below its name; skip: fields that are no flags."""
    for name, config in configs.items():
        group = parser.add_argument_group(name, (type(config).__doc__ or "").partition("\n")[0])
        add_flags(group, config, name, skip=skip)


def parse_flags(
    parser: "ArgumentParser", argv: Sequence[str] | None, configs: Mapping[str, Settings], *, skip: Collection[str] = ()
) -> "Namespace":
    """The flags, with the configs made of those that `add_config_flags` added; exit status 2 for wrong values.

    `command` is the command line, for the weights' metadata.
    """
    try:
        flags = parser.parse_args(argv)
    except FlagError as error:  # out of a file of flags, whose errors argparse does not tell
        parser.error(f"argument {error.flag}: {error}")
    with errors_as_usage(parser):
        for name, config in configs.items():
            flags[name] = config_from(flags[name], type(config), name, skip=skip)
    flags.command = command_line(parser, argv)
    return flags


def weights_path(flags: "Namespace", name: str) -> Path:
    """Where a run writes its weights.

    Raises InputError where other weights lie there that nobody asked to replace; a run that goes on has asked.
    """
    path = Path(flags.out) / f"{name}.safetensors"
    check_new([path], overwrite=flags.overwrite or flags.resume is not None)
    return path


@contextmanager
def errors_as_usage(parser: "ArgumentParser") -> Iterator[None]:
    """Errors meant for the user end the command with their one sentence and exit status 2."""
    try:
        yield
    except (InputError, WeightsError) as error:
        parser.error(str(error))


def default_precision() -> str:
    """bf16 where the machine multiplies in it (CUDA, or a CPU with AMX or AVX-512 bf16), else fp32."""
    import torch

    if torch.cuda.is_available():
        return "bf16-mixed"
    capabilities = torch.cpu.get_capabilities()
    return "bf16-mixed" if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16") else "32-true"


def build_trainer(
    flags: "Namespace", *, monitor: str, callbacks: "Sequence[lightning.Callback]" = ()
) -> "lightning.Trainer":
    """Trainer with CSV and TensorBoard logs under `flags.out` and the best and last checkpoints by `monitor`.

    `flags.trainer` goes to lightning.Trainer as it is and wins over the defaults; raises InputError for a flag that
    the Trainer does not know and where the checkpoint to resume is missing.
    """
    import lightning
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    from train.checkpoints import RunCheckpoint
    from train.signals import EndBetweenSteps

    if flags.resume is not None and not Path(flags.resume).is_file():
        raise InputError(f"--resume {flags.resume}: no such checkpoint; give a .ckpt file of an earlier run.")
    checkpoint = RunCheckpoint(f"{flags.out}/checkpoints", monitor=monitor, resume=flags.resume)
    defaults: dict[str, Any] = {
        "max_steps": flags.optim.steps,
        "precision": default_precision(),
        "reload_dataloaders_every_n_epochs": 1,
        "log_every_n_steps": 50,
        "num_sanity_val_steps": 0,
        "logger": [CSVLogger(flags.out, name="csv"), TensorBoardLogger(flags.out, name="tensorboard")],
        "callbacks": [checkpoint, EndBetweenSteps(), *callbacks],
    }
    try:
        return lightning.Trainer(**(defaults | flags.trainer))
    except TypeError as error:
        raise InputError(f"--trainer: {error}; see the arguments of lightning.Trainer.") from error


def fit(
    trainer: "lightning.Trainer",
    module: "lightning.LightningModule",
    data: "lightning.LightningDataModule",
    *,
    flags: "Namespace",
    data_hash: str,
    configs: dict[str, Any],
) -> None:
    """Train, from the checkpoint that `flags` name or from the start.

    A signal ends it after the step under way. Raises InputError where that checkpoint cannot be read or is of a run
    with another corpus or other configs, and where the disk is full.
    """
    from train.checkpoints import RunFacts, check_resumable

    as_json = json.loads(json.dumps({name: asdict(config) for name, config in configs.items()}))
    facts = trainer.checkpoint_callback.facts = RunFacts(data_hash, as_json)
    if flags.resume is not None:
        check_resumable(flags.resume, facts, module)
    try:
        trainer.fit(module, data, ckpt_path=flags.resume, weights_only=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        raise InputError(
            f"{flags.out}: cannot be written ({error.strerror}); free some space and go on with --resume and the last "
            "checkpoint."
        ) from error
    except BaseException:
        last = Path(f"{flags.out}/checkpoints/last.ckpt")
        if PROCESS.interrupted is not None and last.is_file():
            PROCESS.interrupted.add_note(f"--resume {last} goes on")
        raise


def best_state(trainer: "lightning.Trainer", module: "nn.Module") -> dict[str, Any]:
    """The LightningModule's state at the best validation, the present one where none was reached."""
    import torch

    best = trainer.checkpoint_callback.best_model_path
    if not best:
        return module.state_dict()
    return torch.load(best, map_location="cpu", weights_only=True)["state_dict"]


def best_figure(trainer: "lightning.Trainer") -> dict[str, float]:
    """The monitored figure at the best validation, {} where none was reached."""
    checkpoint = trainer.checkpoint_callback
    score = checkpoint.best_model_score
    return {} if score is None else {checkpoint.monitor: float(score)}


def story_of(command: str, data_hash: str, configs: dict[str, Any], figures: dict[str, float]) -> dict[str, Any]:
    """What the weights' metadata says about how they were made: configs, data, command, commit, validation figures."""
    from losscal.weights import git_commit

    return {
        "configs": {name: asdict(config) for name, config in configs.items()},
        "data_hash": data_hash,
        "command": command,
        "commit": git_commit(),
        "figures": figures,
    }
