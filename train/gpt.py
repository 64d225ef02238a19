"""`python -m train.gpt`: train the decoder-only transformer, on events or on the codes of a trained VQ-VAE."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from losscal.cli import in_range
from losscal.cli import run as run_command
from losscal.errors import InputError
from losscal.settings import CountOrNone
from symbolic.data.corpus import Corpus
from symbolic.models.configs import GPTConfig
from train.common import base_parser, errors_as_usage, parse_flags
from train.configs import CropConfig, OptimConfig

if TYPE_CHECKING:
    from symbolic.models.code_gpt import CodeGPT
    from symbolic.models.event_gpt import EventGPT


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write <out>/events.safetensors or <out>/vqvae.safetensors; exit status 2 on wrong flags or no data."""
    parser = base_parser("train.gpt", "Train the transformer on events or on VQ-VAE codes.", "runs/gpt")
    parser.add_argument(
        "--tokens", type=Literal["events", "codes"], default="events", help="what the model predicts (%(default)s)"
    )
    parser.add_argument(
        "--vqvae",
        default="runs/vqvae/vqvae_autoencoder.safetensors",
        help="weights written by train.vqvae, for --tokens codes (%(default)s)",
    )
    parser.add_argument(
        "--init", type=str, help="weights of an event model whose transformer the new model starts from"
    )
    parser.add_argument(
        "--style-pieces",
        type=in_range(CountOrNone),
        default=3,
        help="composers with at least so many training pieces become styles, and all eras (0: no styles; default: 3)",
    )
    configs = {"model": GPTConfig(), "crops": CropConfig(), "optim": OptimConfig()}
    flags = parse_flags(parser, argv, **configs, skip=("composers", "eras"))  # those come from the corpus

    import lightning

    from symbolic.models.event_gpt import EventGPT
    from train.symbolic.run import run

    lightning.seed_everything(flags.crops.seed)  # before the weights are drawn
    with errors_as_usage(parser):
        config = with_styles(flags.model, Corpus.open(flags.data), flags.style_pieces)
        configs = {"gpt": config}
        if flags.tokens == "events":
            model = EventGPT(config)
        else:
            model = over_codes(config, flags.vqvae)
            configs["vqvae"] = model.vqvae_config
        if flags.init is not None:
            start_from(model, flags.init)
        run(model, kind=model.name, model_configs=configs, flags=flags, styles=config.styles)


def with_styles(config: GPTConfig, corpus: Corpus, least_pieces: int) -> GPTConfig:
    """The config with the corpus's composers of at least `least_pieces` training pieces, and its eras; 0: neither."""
    if not least_pieces:
        return config
    pieces = corpus.of_split("train")
    counts = Counter(piece.composer for piece in pieces if piece.composer)
    composers = sorted(name for name, count in counts.items() if count >= least_pieces)
    return replace(config, composers=tuple(composers), eras=tuple(sorted({piece.era for piece in pieces} - {""})))


def over_codes(config: GPTConfig, autoencoder_path: str) -> "CodeGPT":
    """A fresh transformer over the codes of a trained VQ-VAE, whose codes are frozen.

    Raises WeightsError where the file does not hold a VQ-VAE.
    """
    from symbolic.models.code_gpt import CodeGPT
    from symbolic.models.registry import load_model
    from symbolic.models.vqvae import VQVAE

    vqvae, _ = load_model(autoencoder_path, kind=VQVAE.name)
    model = CodeGPT(config, vqvae.config)
    model.vqvae.load_state_dict(vqvae.state_dict())
    model.freeze_codes()
    return model


def start_from(model: "EventGPT", path: str) -> None:
    """Copy the weights of an event model into `model`, which holds the same parts and perhaps more.

    Raises WeightsError where the file holds no event model, InputError where its shape is another.
    """
    from symbolic.models.registry import load_model

    trained, story = load_model(path, kind="events")
    if trained.config != model.config:
        raise InputError(f"--init {path}: is of shape {story['configs']['gpt']}, other than the --model flags ask for.")
    model.load_state_dict(trained.state_dict(), strict=False)


if __name__ == "__main__":
    run_command(main)
