"""`python -m train.gpt`: train the decoder-only transformer, on events or on the codes of a trained VQ-VAE."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from losscal.errors import InputError
from symbolic.configs import GPTConfig
from train.common import base_parser, errors_as_usage, parse_flags
from train.configs import CropConfig, OptimConfig

if TYPE_CHECKING:
    from symbolic.code_gpt import CodeGPT


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write <out>/events.safetensors or <out>/vqvae.safetensors; exit status 2 on wrong flags or no data."""
    parser = base_parser("train.gpt", "Train the transformer on events or on VQ-VAE codes.", "runs/gpt")
    parser.add_argument("--tokens", type=Literal["events", "codes"], default="events", help="what the model predicts")
    parser.add_argument(
        "--vqvae",
        default="runs/vqvae/vqvae_autoencoder.safetensors",
        help="weights written by train.vqvae (for --tokens codes)",
    )
    parser.add_class_arguments(GPTConfig, "model")
    parser.add_class_arguments(CropConfig, "crops")
    parser.add_class_arguments(OptimConfig, "optim")
    flags = parse_flags(parser, argv)

    import lightning

    from symbolic.gpt import EventGPT
    from train.symbolic_run import run

    lightning.seed_everything(flags.crops.seed)  # before the weights are drawn
    configs = {"gpt": flags.model}
    with errors_as_usage(parser):
        if flags.tokens == "events":
            model = EventGPT(flags.model)
        else:
            model = over_codes(flags.model, flags.vqvae)
            configs["vqvae"] = model.vqvae_config
        run(model, kind=model.name, model_configs=configs, flags=flags)


def over_codes(config: GPTConfig, autoencoder_path: str) -> "CodeGPT":
    """A fresh transformer over the codes of a trained VQ-VAE, whose codes are frozen.

    Raises WeightsError where the file does not hold a VQ-VAE, InputError where the widths differ.
    """
    from symbolic.code_gpt import CodeGPT
    from symbolic.models import AUTOENCODER, load_model

    vqvae, _ = load_model(autoencoder_path, kind=AUTOENCODER)
    if vqvae.config.width != config.width:
        raise InputError(
            f"--model.width: {config.width} differs from {autoencoder_path}'s {vqvae.config.width}; make them equal."
        )
    model = CodeGPT(config, vqvae.config)
    model.vqvae.load_state_dict(vqvae.state_dict())
    model.freeze_codes()
    return model


if __name__ == "__main__":
    main()
