"""`python -m train.vqvae`: train the autoencoder whose codes `python -m train.gpt --tokens codes` then models."""

from collections.abc import Sequence

from losscal.cli import run as run_command
from symbolic.models.configs import VQVAEConfig
from train.common import base_parser, errors_as_usage, parse_flags
from train.configs import CropConfig, OptimConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write <out>/vqvae_autoencoder.safetensors; exit status 2 on wrong flags or no data."""
    parser = base_parser("train.vqvae", "Train the VQ-VAE of notes.", "runs/vqvae")
    optim = OptimConfig(steps=1500, muon_lr=0.005)  # the tables are small and soon learned
    flags = parse_flags(parser, argv, model=VQVAEConfig(), crops=CropConfig(), optim=optim)

    import lightning

    from symbolic.models.vqvae import VQVAE
    from train.symbolic.run import run

    lightning.seed_everything(flags.crops.seed)  # before the weights are drawn
    with errors_as_usage(parser):
        run(VQVAE(flags.model), kind=VQVAE.name, model_configs={"vqvae": flags.model}, flags=flags)


if __name__ == "__main__":
    run_command(main)
