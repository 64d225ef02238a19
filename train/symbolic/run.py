"""One symbolic training run from corpus to weights file: the part that train.vqvae and train.gpt share."""

import logging
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from torch import nn

from losscal.errors import InputError
from symbolic.data.corpus import Corpus
from symbolic.models.code_gpt import CodeGPT
from symbolic.models.registry import save_model
from symbolic.models.vqvae import VQVAE
from train.common import best_figure, best_state, build_trainer, fit, story_of
from train.symbolic.codebook_monitor import CodebookMonitor
from train.symbolic.crops import CropData
from train.symbolic.module import MONITOR, SymbolicModule

log = logging.getLogger(__name__)


def run(
    model: nn.Module, *, kind: str, model_configs: dict[str, Any], flags: Namespace, styles: tuple[str, ...] = ()
) -> Path:
    """Train `model` as the command's `flags` say; write <out>/<kind>.safetensors from its best validation.

    styles: the composers and eras that the model can be told of.
    Raises InputError where there is no prepared corpus, a split is empty, or a flag does not fit.
    """
    corpus = Corpus.open(flags.data)
    for split in ("train", "validation"):
        if not corpus.of_split(split):
            raise InputError(f"{flags.data}: holds no piece of the {split} split; prepare a larger corpus.")
    if flags.crops.crop_events > model.context_events:
        raise InputError(
            f"--crops.crop-events: {flags.crops.crop_events} is above the model's window of {model.context_events} "
            "events; lower it or raise --model.context-events."
        )
    if flags.optim.steps % flags.crops.steps_per_epoch:
        raise InputError(
            f"--optim.steps: {flags.optim.steps} is no multiple of --crops.steps-per-epoch "
            f"{flags.crops.steps_per_epoch}: the last steps would never be validated, nor kept; change one of them."
        )
    module = SymbolicModule(model, flags.optim)
    data = CropData(corpus, flags.crops, styles)
    has_codes = isinstance(model, (VQVAE, CodeGPT))
    trainer = build_trainer(flags, monitor=MONITOR, callbacks=[CodebookMonitor()] if has_codes else [])
    configs = model_configs | {"crops": flags.crops, "optim": flags.optim}
    fit(trainer, module, data, flags=flags, data_hash=corpus.data_hash, configs=configs)
    story = story_of(flags.command, corpus.data_hash, configs, best_figure(trainer))
    path = Path(flags.out) / f"{kind}.safetensors"
    save_model(path, module.model_state(best_state(trainer, module)), kind=kind, story=story)
    log.info("wrote %s", path)
    return path
