"""`python -m audio.diffusion score|sample`: the diffusion model as judge of recordings and author of new sound."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audio.diffusion.config import DEFAULT_ESTIMATE, DEFAULT_STEPS, EstimateConfig
from audio.new_sound import check_flags
from losscal.cli import EXIT_DONE, run, write_result
from losscal.errors import InputError

MAX_SECONDS = 60.0
"""Longest sample: it is drawn in one piece, with some 5 MB of memory a second."""


def score(options: argparse.Namespace) -> int:
    """Bound the likelihood of one recording."""
    estimate = _estimate(options)
    import json
    from functools import partial

    from tqdm import tqdm

    from audio.diffusion.scoring import DiffusionScorer
    from audio.signal.waveform import open_audio

    sound = open_audio(options.audio)
    scorer = DiffusionScorer.load(options.weights, estimate)
    figures = scorer.score_sound(sound, partial(tqdm, desc="scoring", unit="window", disable=None)).report()
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
    check_flags(options, MAX_SECONDS)
    if options.steps < 1:
        raise InputError(f"--steps {options.steps}: allowed is 1 and above.")
    from functools import partial

    import soundfile
    from tqdm import tqdm

    from audio.diffusion.sampling import new_sound
    from audio.diffusion.scoring import DiffusionScorer
    from losscal.files import atomic_path

    progress = partial(tqdm, desc="drawing", unit="step", disable=None)
    model = DiffusionScorer.load(options.weights).model
    sound = new_sound(model, options.seconds, options.steps, options.seed, progress)
    with atomic_path(options.out) as path:
        soundfile.write(path, sound.samples.T, sound.sample_rate, subtype="PCM_16")
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


def _estimate(options: argparse.Namespace) -> EstimateConfig:
    try:
        return EstimateConfig(times=options.times, repeats=options.repeats, seed=options.seed)
    except ValueError as error:
        raise InputError(f"--{error}.") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m audio.diffusion",
        description="A diffusion model of semitone-band frames as judge of recordings and author of new sound.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--weights", type=Path, metavar="DIR", help="folder of weights other than the shipped ones")

    command = commands.add_parser("score", parents=[shared], help="how likely is a recording, at least?")
    command.set_defaults(run=score)
    defaults = DEFAULT_ESTIMATE
    command.add_argument("audio", metavar="FILE", help="audio file to score")
    command.add_argument("--times", type=int, default=defaults.times, help="noise levels a window (%(default)s)")
    command.add_argument("--repeats", type=int, default=defaults.repeats, help="independent estimates (%(default)s)")
    command.add_argument("--seed", type=int, default=defaults.seed, help="of the noise (default: %(default)s)")
    command.add_argument("--json", action="store_true", help="print the whole report, curve included, as JSON")

    command = commands.add_parser("sample", parents=[shared], help="new sound")
    command.set_defaults(run=sample)
    command.add_argument("--seconds", type=float, default=10.0, help="length (default: %(default)g)")
    command.add_argument("--seed", type=int, default=1, help="the same seed gives the same sound (default: 1)")
    command.add_argument("--steps", type=int, default=DEFAULT_STEPS, help="steps from noise to sound (%(default)s)")
    command.add_argument("--out", type=Path, required=True, metavar="NEW.wav", help="WAV file to write")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0. Raises InputError and WeightsError as the commands do."""
    options = _parser().parse_args(arguments)
    return options.run(options)


if __name__ == "__main__":
    run(main)
