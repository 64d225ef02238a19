"""`python -m train.gpt`: train the transformer over notes, and what it makes of the codes of their phrases."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from losscal.cli import in_range
from losscal.cli import run as run_command
from losscal.errors import InputError
from losscal.settings import CountOrNone
from symbolic.data.corpus import Corpus
from symbolic.models.phrases.config import PhraseConfig
from train.common import add_config_flags, base_parser, errors_as_usage, parse_flags, weights_path
from train.configs import CropConfig, OptimConfig, PhraseTrainingConfig

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace

    from symbolic.models.phrases.model import PhraseGPT

TRANSFORMER = ("embedding", "history", "recall", "chain")
"""The parts of the model that read and predict notes without any code."""
CODEBOOKS = "runs/vqvae/codebooks.safetensors"
"""Where train.vqvae writes them unless it is told otherwise."""
CONFIGS = {"model": PhraseConfig(), "crops": CropConfig(), "training": PhraseTrainingConfig(), "optim": OptimConfig()}
FROM_CORPUS = ("composers", "eras")
"""Fields of the model's config that are no flags."""


def build_parser() -> "ArgumentParser":
    """The command line."""
    parser = base_parser("train.gpt", "Train the transformer over notes and the codes of their phrases.", "runs/gpt")
    parser.add_argument("--init", type=str | None, default=None, help="weights to start from")
    parser.add_argument(
        "--vqvae",
        type=str | None,
        default=None,
        help=f"codebooks of train.vqvae, which stay as they are (default: those of --init, without it {CODEBOOKS})",
    )
    parser.add_argument(
        "--codes-alone",
        action="store_true",
        help="leave the transformer as --init has it, and train what predicts codes and what is told them",
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
    add_config_flags(parser, CONFIGS, skip=FROM_CORPUS)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write <out>/phrases.safetensors; exit status 2 on wrong flags or no data."""
    parser = build_parser()
    flags = parse_flags(parser, argv, CONFIGS, skip=FROM_CORPUS)
    with errors_as_usage(parser):
        run(flags)


def run(flags: "Namespace") -> Path:
    """Train as the flags say and write the averaged weights.

    Raises InputError where there is no prepared corpus, a split is empty or a flag does not fit, WeightsError where
    --init or --vqvae does not.
    """
    import lightning
    from lightning.pytorch.utilities import rank_zero_only

    from symbolic.models.phrases.model import PhraseGPT
    from symbolic.models.registry import save_model
    from train.symbolic.phrase_module import MONITOR, PhraseModule
    from train.symbolic.run import check_fit, train

    path = weights_path(flags, PhraseGPT.name)
    lightning.seed_everything(flags.crops.seed)  # before the weights are drawn
    corpus = Corpus.open(flags.data)
    config = with_styles(flags.model, corpus, flags.style_pieces)
    check_fit(flags, corpus)
    model = PhraseGPT(config)
    if flags.init is not None:
        start_from(model, flags.init)
    elif flags.codes_alone:
        raise InputError("--codes-alone: needs the transformer of --init; give both.")
    if flags.vqvae is not None or flags.init is None:
        take_codebooks(model, flags.vqvae or CODEBOOKS)
    for part in ("codebooks", *(TRANSFORMER if flags.codes_alone else ())):
        getattr(model, part).requires_grad_(False)
    module = PhraseModule(model, flags.optim, flags.training, fused=flags.compile)
    story = train(module, corpus, flags, monitor=MONITOR, configs={"phrases": config})
    rank_zero_only(save_model)(path, module.model_state(module.state_dict()), story=story)
    return path


def with_styles(config: PhraseConfig, corpus: Corpus, least_pieces: int) -> PhraseConfig:
    """The config with the corpus's composers of at least `least_pieces` training pieces, and its eras; 0: neither."""
    if not least_pieces:
        return config
    pieces = corpus.of_split("train")
    counts = Counter(piece.composer for piece in pieces if piece.composer)
    composers = sorted(name for name, count in counts.items() if count >= least_pieces)
    return replace(config, composers=tuple(composers), eras=tuple(sorted({piece.era for piece in pieces} - {""})))


def start_from(model: "PhraseGPT", path: str) -> None:
    """Give `model` the weights of a file, as far as it has such parts; what it has more says nothing yet.

    Raises WeightsError where the file holds no such model, InputError where its shape does not fit.
    """
    from losscal.weights import misfits
    from symbolic.models.registry import load_model

    trained, _ = load_model(path)
    if trained.config.styles != model.config.styles:
        raise InputError(
            f"--init {path}: knows other composers and eras than the corpus has; give its --style-pieces and --data."
        )
    held, needed = trained.state_dict(), model.state_dict()
    if differing := misfits({name: value for name, value in needed.items() if name in held}, held):
        raise InputError(
            f"--init {path}: is of another shape than the --model flags ask for: {differing[0]}; give its own."
        )
    model.load_state_dict(held, strict=False)


def take_codebooks(model: "PhraseGPT", path: str) -> None:
    """Give `model` the codebooks of a file; raises WeightsError where it holds none, InputError where they differ."""
    from losscal.weights import misfits
    from symbolic.models.phrases.codebooks import load_codebooks

    held = load_codebooks(path).state_dict()
    if differing := misfits(model.codebooks.state_dict(), held):
        raise InputError(
            f"--vqvae {path}: is of another shape than the --model flags ask for: {differing[0]}; give its own."
        )
    model.codebooks.load_state_dict(held)


if __name__ == "__main__":
    run_command(main)
