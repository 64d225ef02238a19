"""One symbolic training run from a corpus to averaged weights: the part that train.gpt and train.vqvae share."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscal.errors import InputError
from symbolic.data.corpus import Corpus
from train.common import build_trainer, fit, story_of

if TYPE_CHECKING:
    import lightning
    from jsonargparse import Namespace

CHECKPOINT = "last.ckpt"


def check_fit(flags: "Namespace", corpus: Corpus) -> None:
    """Raise InputError where the corpus lacks a split, or crops are no whole phrases."""
    for split in ("train", "validation"):
        if not corpus.of_split(split):
            raise InputError(f"{flags.data}: holds no piece of the {split} split; prepare a larger corpus.")
    if flags.crops.crop_events % flags.model.phrase_events:
        raise InputError(
            f"--crops.crop-events: {flags.crops.crop_events} is no multiple of --model.phrase-events "
            f"{flags.model.phrase_events}; change one of them."
        )


def train(
    module: "lightning.LightningModule", corpus: Corpus, flags: "Namespace", *, monitor: str, configs: dict[str, Any]
) -> dict[str, Any]:
    """Train on excerpts as the flags say; `module` then holds the averaged weights, whose story comes back.

    monitor: the figure by which a checkpoint is the best; configs: by name, those of the model with the others.
    A checkpoint is written at every validation and where the run is asked to end; --resume goes on from it to the same
    weights as if nothing had been cut.
    """
    from train.signals import CheckpointOnSignal
    from train.symbolic.averaging import AverageAtEnd
    from train.symbolic.phrase_data import PhraseData

    # The data are shared out among processes as they are made; Lightning would do it again, and double what is over.
    own = {"limit_train_batches": flags.crops.steps_per_epoch, "use_distributed_sampler": False}
    flags.trainer = own | flags.trainer
    trainer = build_trainer(
        flags,
        monitor=monitor,
        callbacks=[
            AverageAtEnd(decay=flags.training.ema_decay),
            CheckpointOnSignal(Path(flags.out) / "checkpoints" / CHECKPOINT),
        ],
    )
    data = PhraseData(corpus, flags.crops, configs["phrases"].styles)
    configs = configs | {"crops": flags.crops, "training": flags.training, "optim": flags.optim}
    fit(trainer, module, data, flags=flags, data_hash=corpus.data_hash, configs=configs)
    if not any(name.startswith("validation") for name in trainer.callback_metrics):  # no step was left to make
        trainer.validate(module, data, verbose=False)
    figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("validation")}
    return story_of(flags.command, corpus.data_hash, configs, figures)
