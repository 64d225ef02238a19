"""`python -m train.spectral_lm`: train the audio model, or its background model, on renderings of the corpus."""

from collections.abc import Sequence

from audio.spectral.config import BACKGROUND_KIND, KIND, SpectralLMConfig
from losscal.cli import run as run_command
from train.common import base_parser, build_trainer, errors_as_usage, parse_flags
from train.configs import OptimConfig
from train.frames.data import FrameWindowConfig
from train.frames.excerpts import ShuffleConfig
from train.frames.flags import add_frame_flags, frame_configs, open_frames


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the flags, render what is not cached, train, write <out>/spectral_lm[_background].safetensors.

    Exit status 2 on wrong flags or no data.
    """
    parser = base_parser("train.spectral_lm", "Train the spectral model on rendered excerpts.", "runs/spectral_lm")
    parser.add_argument("--background", action="store_true", help="train the background model, on shuffled notes")
    parser.add_argument("--init", type=str | None, default=None, help="weights of either model to start from")
    add_frame_flags(parser)
    configs = {"model": SpectralLMConfig(), "windows": FrameWindowConfig(), "optim": OptimConfig()}
    flags = parse_flags(parser, argv, **configs, **frame_configs(), shuffle=ShuffleConfig())

    import lightning

    from audio.spectral.model import SpectralLM
    from train.frames.module import MONITOR, SpectralModule, start_from
    from train.frames.run import run

    kind = BACKGROUND_KIND if flags.background else KIND
    lightning.seed_everything(flags.windows.seed)
    model = SpectralLM(flags.model)
    with errors_as_usage(parser):
        trainer = build_trainer(flags, monitor=MONITOR)
        if flags.init is not None:
            start_from(model, flags.init)
        frames = open_frames(flags, flags.shuffle if flags.background else None)
        module = SpectralModule(model, flags.optim)
        context_frames = flags.model.context_frames
        run(trainer, module, frames, kind=kind, configs={KIND: flags.model}, context_frames=context_frames, flags=flags)


if __name__ == "__main__":
    run_command(main)
