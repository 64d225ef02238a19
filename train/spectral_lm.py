"""`python -m train.spectral_lm`: train the audio model on FluidSynth renderings of the corpus."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from audio.spectral_config import SpectralLMConfig
from train.common import base_parser, best_figure, best_state, build_trainer, errors_as_usage, parse_flags, story_of
from train.configs import OptimConfig
from train.frames_data import ExcerptConfig, FrameCache, WindowConfig

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the flags, render what is not cached, train, write <out>/spectral_lm.safetensors.

    Exit status 2 on wrong flags or no data.
    """
    parser = base_parser("train.spectral_lm", "Train the spectral model on rendered excerpts.", "runs/spectral_lm")
    parser.add_argument(
        "--frames",
        type=str | None,
        default=None,
        help="folder of frames made earlier, used instead of --data and --excerpts",
    )
    parser.add_argument("--frames_root", default="runs/frames", help="where frames rendered from --data are kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that render")
    parser.add_class_arguments(SpectralLMConfig, "model")
    parser.add_class_arguments(ExcerptConfig, "excerpts")
    parser.add_class_arguments(WindowConfig, "windows")
    parser.add_class_arguments(OptimConfig, "optim")
    flags = parse_flags(parser, argv)

    import lightning

    from audio.frames import FrameConfig
    from audio.spectral_lm import KIND, SpectralLM
    from losscal.weights import save_weights
    from symbolic.corpus import Corpus
    from train.spectral_module import MONITOR, FrameData, SpectralModule

    with errors_as_usage(parser):
        trainer = build_trainer(flags, monitor=MONITOR)
        if flags.frames is not None:
            frames = FrameCache.open(flags.frames)
        else:
            frames = FrameCache.prepare(Corpus.open(flags.data), flags.excerpts, flags.frames_root, flags.workers)
    lightning.seed_everything(flags.windows.seed)
    module = SpectralModule(SpectralLM(flags.model), flags.optim)
    data = FrameData(frames, flags.windows, flags.model.context_frames)
    trainer.fit(module, data, ckpt_path=flags.resume, weights_only=True)
    configs = {KIND: flags.model, "windows": flags.windows, "optim": flags.optim}
    story = story_of(frames.data_hash, configs, best_figure(trainer))
    story |= {"frames": frames.recipe, "frames_hash": FrameConfig().hash}
    state = {name.removeprefix("model."): value for name, value in best_state(trainer, module).items()}
    path = Path(flags.out) / f"{KIND}.safetensors"
    save_weights(path, state, kind=KIND, story=story)
    log.info("wrote %s", path)


if __name__ == "__main__":
    main()
