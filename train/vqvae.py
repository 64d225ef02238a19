"""`python -m train.vqvae`: train the codebooks of phrases, whose codes `python -m train.gpt` then learns to predict."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from losscal.cli import run as run_command
from symbolic.data.corpus import Corpus
from symbolic.models.phrases.config import PhraseConfig
from train.common import add_config_flags, base_parser, errors_as_usage, parse_flags, weights_path
from train.configs import CodecTrainingConfig, CropConfig, OptimConfig

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser, Namespace


CONFIGS = {
    "model": PhraseConfig(),
    # Many short excerpts: a phrase is read by itself, and neighbours are alike.
    "crops": CropConfig(batch_size=32, crop_events=128, steps_per_epoch=175, opening_share=0.02, validation_notes=256),
    "training": CodecTrainingConfig(),
    "optim": OptimConfig(steps=1400, adamw_lr=3e-3, decay_share=0.5),
}
OF_STYLE = ("composers", "eras")
"""Fields of the model's config that are no flags: codes know of no style."""


def build_parser() -> "ArgumentParser":
    """The command line."""
    parser = base_parser("train.vqvae", "Train the VQ-VAE's codebooks of phrases.", "runs/vqvae")
    add_config_flags(parser, CONFIGS, skip=OF_STYLE)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write <out>/codebooks.safetensors; exit status 2 on wrong flags or no data."""
    parser = build_parser()
    flags = parse_flags(parser, argv, CONFIGS, skip=OF_STYLE)
    with errors_as_usage(parser):
        run(flags)


def run(flags: "Namespace") -> Path:
    """Train as the flags say and write the averaged weights.

    Raises InputError where there is no prepared corpus, a split is empty or a flag does not fit.
    """
    import lightning
    from lightning.pytorch.utilities import rank_zero_only

    from symbolic.models.phrases.codebooks import save_codebooks
    from train.symbolic.codec_module import MONITOR, CodecModule
    from train.symbolic.run import check_fit, train

    path = weights_path(flags, "codebooks")
    lightning.seed_everything(flags.crops.seed)  # before the weights are drawn
    corpus = Corpus.open(flags.data)
    check_fit(flags, corpus)
    module = CodecModule(flags.model, flags.optim, flags.training)
    story = train(module, corpus, flags, monitor=MONITOR, configs={"phrases": flags.model})
    rank_zero_only(save_codebooks)(path, module.codebooks, story)
    return path


if __name__ == "__main__":
    run_command(main)
