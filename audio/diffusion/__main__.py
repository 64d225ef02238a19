"""`python -m audio.diffusion score|sample`: the diffusion model as judge of recordings and author of new sound."""

import argparse
from collections.abc import Sequence
from typing import Any

from audio.diffusion.config import DEFAULT_ESTIMATE, DEFAULT_STEPS, EstimateConfig
from audio.new_sound import add_new_sound_flags
from losscal.cli import EXIT_DONE, add_flags, add_weights_flag, check_new, config_from, in_range, run, write_result
from losscal.processes.progress import bar
from losscal.settings import Count

MAX_SECONDS = 60.0
"""Longest sample: it is drawn in one piece, with some 5 MB of memory a second."""
NO_FLAGS = ("window_frames", "batch_size")
"""Fields of EstimateConfig that change speed and memory, or what is estimated."""


def score(options: argparse.Namespace) -> int:
    """Bound the likelihood of one recording."""
    estimate = config_from(options, EstimateConfig, skip=NO_FLAGS)
    import json

    from audio.diffusion.scoring import DiffusionScorer
    from audio.signal.waveform import open_audio

    sound = open_audio(options.audio)
    scorer = DiffusionScorer.load(options.weights, estimate)
    figures = scorer.score_sound(sound, bar(desc="scoring", unit="window")).report()
    report = {
        "audio": options.audio,
        "label": scorer.unit,
        "weights_sha256": scorer.weights_sha256,
        "seconds": sound.seconds,
        **figures,
    }
    write_result(json.dumps(report, allow_nan=False, indent=2) if options.json else _table(report))
    return EXIT_DONE


def sample(options: argparse.Namespace) -> int:
    """Write new sound."""
    check_new([options.out], overwrite=options.overwrite)

    import soundfile

    from audio.diffusion.sampling import new_sound
    from audio.diffusion.scoring import DiffusionScorer
    from losscal.files import atomic_path, name_for_c

    progress = bar(desc="drawing", unit="step")
    model = DiffusionScorer.load(options.weights).model
    sound = new_sound(model, options.seconds, options.steps, options.seed, progress)
    with atomic_path(options.out) as path:
        soundfile.write(name_for_c(path), sound.samples.T, sound.sample_rate, subtype="PCM_16")
    write_result(f"{options.out}: {sound.seconds:.1f} s of new sound, drawn in {options.steps} steps")
    return EXIT_DONE


def _table(report: dict[str, Any]) -> str:
    """The report in lines for people."""
    return "\n".join(
        (
            f"{report['audio']}: {report['seconds']:.1f} s, at most {report['bound_nats_per_second']:.1f} "
            f"± {report['standard_error_nats_per_second']:.1f} nats/s ({report['label']}; lower is likelier)",
            f"prior {report['prior_nats_per_second']:.1f}, diffusion {report['diffusion_nats_per_second']:.1f}, "
            f"reconstruction {report['reconstruction_nats_per_second']:.1f} nats/s",
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m audio.diffusion",
        description="A diffusion model of semitone-band frames as judge of recordings and author of new sound.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    add_weights_flag(shared)

    command = commands.add_parser("score", parents=[shared], help="how likely is a recording, at least?")
    command.set_defaults(run=score)
    command.add_argument("audio", metavar="FILE", help="audio file to score")
    add_flags(command, DEFAULT_ESTIMATE, skip=NO_FLAGS)
    command.add_argument("--json", action="store_true", help="print the whole report, curve included, as JSON")

    command = commands.add_parser("sample", parents=[shared], help="new sound")
    command.set_defaults(run=sample)
    add_new_sound_flags(command, most_seconds=MAX_SECONDS, seconds=10.0, seconds_help="length (default: %(default)g)")
    steps_help = "steps from noise to sound (default: %(default)s)"
    command.add_argument("--steps", type=in_range(Count), default=DEFAULT_STEPS, help=steps_help)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0. Raises InputError and WeightsError as the commands do."""
    options = _parser().parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    run(main)
