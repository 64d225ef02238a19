"""`python -m train.phrases`: train the phrase model, from the shipped event model or going on from a checkpoint."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from losscal.cli import in_range
from losscal.cli import run as run_command
from losscal.errors import InputError
from losscal.settings import CountOrNone
from symbolic.data.corpus import Corpus
from symbolic.models.phrases.config import PhraseConfig
from train.common import base_parser, build_trainer, errors_as_usage, fit, parse_flags, story_of
from train.configs import CropConfig, OptimConfig, PhraseTrainingConfig
from train.gpt import with_styles

if TYPE_CHECKING:
    from jsonargparse import Namespace

    from symbolic.models.phrases.model import PhraseGPT

CHECKPOINT = "last.ckpt"


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write <out>/phrases.safetensors; exit status 2 on wrong flags or no data.

    A checkpoint is written at every validation and where the run is asked to end (SIGTERM); --resume goes on from it to
    the same weights as if nothing had been cut.
    """
    parser = base_parser(
        "train.phrases", "Train the phrase model: notes, codes of phrases, notes under codes.", "runs/phrases"
    )
    parser.add_argument(
        "--init",
        type=str | None,
        default=None,
        help="weights of an event model to start from, which the new parts change nothing of, or of a phrase model",
    )
    parser.add_argument(
        "--style-pieces",
        type=in_range(CountOrNone),
        default=3,
        help="composers with at least so many training pieces become styles, and all eras (0: no styles; default: 3)",
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="fuse operations: a fifth faster on a processor, after some minutes; needs a C++ compiler",
    )
    flags = parse_flags(
        parser,
        argv,
        model=PhraseConfig(),
        crops=CropConfig(batch_size=2, crop_events=1024, validation_notes=2048, composer_evenness=0.5),
        training=PhraseTrainingConfig(),
        optim=OptimConfig(),
        skip=("composers", "eras"),  # those come from the corpus
    )
    with errors_as_usage(parser):
        run(flags)


def run(flags: "Namespace") -> Path:
    """Train as the flags say and write the averaged weights.

    Raises InputError where there is no prepared corpus or a flag does not fit, WeightsError where --init does not.
    """
    import lightning
    from lightning.pytorch.callbacks import EMAWeightAveraging

    from symbolic.models.phrases.model import PhraseGPT
    from symbolic.models.registry import save_model
    from train.signals import CheckpointOnSignal
    from train.symbolic.phrase_data import PhraseData
    from train.symbolic.phrase_module import MONITOR, PhraseModule

    lightning.seed_everything(flags.crops.seed)  # before the weights are drawn
    corpus = Corpus.open(flags.data)
    config = with_styles(flags.model, corpus, flags.style_pieces)
    if flags.crops.crop_events % config.phrase_events:
        raise InputError(
            f"--crops.crop_events: {flags.crops.crop_events} is no multiple of --model.phrase_events "
            f"{config.phrase_events}; change one of them."
        )
    model = PhraseGPT(config)
    if flags.init is not None:
        start_from(model, flags.init)
    module = PhraseModule(model, flags.optim, flags.training, fused=flags.compile)
    data = PhraseData(corpus, flags.crops, config.styles)
    flags.trainer = {"limit_train_batches": flags.crops.steps_per_epoch} | flags.trainer
    trainer = build_trainer(
        flags,
        monitor=MONITOR,
        callbacks=[
            EMAWeightAveraging(decay=flags.training.ema_decay),
            CheckpointOnSignal(Path(flags.out) / "checkpoints" / CHECKPOINT),
        ],
    )
    configs = {"phrases": config, "crops": flags.crops, "training": flags.training, "optim": flags.optim}
    fit(trainer, module, data, flags=flags, data_hash=corpus.data_hash, configs=configs)
    path = Path(flags.out) / f"{model.name}.safetensors"
    figures = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("validation")}
    save_model(
        path,
        module.model_state(module.state_dict()),
        kind=model.name,
        story=story_of(flags.command, corpus.data_hash, configs, figures),
    )
    return path


def start_from(model: "PhraseGPT", path: str) -> None:
    """Give `model` the weights of an event or phrase model; blocks and parts that it has more of say nothing yet.

    Raises WeightsError where the file holds neither, InputError where its shape does not fit.
    """
    from losscal.weights import kind_of
    from symbolic.models.registry import load_model

    trained, _ = load_model(path, kind="events" if kind_of(path) == "events" else model.name)
    state = trained.state_dict()
    ours = model.state_dict()
    misfits = [name for name, value in state.items() if name not in ours or ours[name].shape != value.shape]
    if misfits or trained.config.styles != model.config.styles:
        raise InputError(f"--init {path}: its {misfits[0] if misfits else 'styles'} are not of the shape asked for.")
    model.load_state_dict(state, strict=False)


if __name__ == "__main__":
    run_command(main)
