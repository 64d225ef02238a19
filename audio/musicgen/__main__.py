"""`python -m audio.musicgen evaluate|generate|self-check`: MusicGen as judge of recordings and author of new sound."""

import argparse
import os
from collections.abc import Sequence
from typing import Any

from audio.musicgen.config import DEFAULT_CHECKPOINT, DEFAULT_SAMPLING, LOUDNESS_LUFS, CodeSamplingConfig
from audio.new_sound import add_new_sound_flags
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, add_flags, check_new, config_from, log, run, write_result
from losscal.processes.progress import bar

NEW_SECONDS = 30.0
MAX_SECONDS = 3600.0


def evaluate(options: argparse.Namespace) -> int:
    """Score one recording."""
    import json

    from audio.musicgen.scoring import LABEL, MusicGenScorer
    from audio.signal.waveform import open_audio

    recording = open_audio(options.audio)
    scorer = MusicGenScorer.load(options.model, options.text, options.device)
    score = scorer.score_codes(recording, bar(desc="scoring", unit="window"))
    report = {
        "audio": options.audio,
        "model": options.model,
        "weights_sha256": scorer.weights_sha256,
        "label": LABEL,
        "condition": options.text,
        "context_policy": scorer.context_policy,
        "loudness_lufs": scorer.loudness_lufs,
        "seconds": recording.seconds,
        **score.report(),
    }
    write_result(json.dumps(report, allow_nan=False, indent=2) if options.json else _table(report))
    return EXIT_DONE


def generate(options: argparse.Namespace) -> int:
    """Write new sound: the second half of a recording, what follows it, or something of its own."""
    sampling = config_from(options, CodeSamplingConfig)
    check_new([options.out], overwrite=options.overwrite)

    import soundfile

    from audio.musicgen import generation as musicgen_generation
    from audio.musicgen.checkpoint import MusicGen
    from audio.signal.waveform import open_audio
    from losscal.files import atomic_path, name_for_c

    prompt = None if options.audio is None else open_audio(options.audio)
    melody = None if options.melody is None else open_audio(options.melody)
    seconds = NEW_SECONDS if options.seconds is None else options.seconds
    if prompt is not None and options.seconds is None:
        whole, prompt = prompt, musicgen_generation.first_half(prompt)
        seconds = whole.seconds - prompt.seconds
    sound = musicgen_generation.generate(
        MusicGen.load(options.model, options.device),
        seconds=seconds,
        seed=options.seed,
        prompt=prompt,
        text=options.text,
        melody=melody,
        sampling=sampling,
        progress=bar(desc="drawing", unit="step"),
    )
    with atomic_path(options.out) as path:  # as floats, in which peaks above 1 stay whole
        soundfile.write(name_for_c(path), sound.samples.T, sound.sample_rate, subtype="FLOAT")
    new = f"the last {seconds:.1f} s new" if prompt is not None else "all of it new"
    write_result(f"{options.out}: {sound.seconds:.1f} s, {new}, at {LOUDNESS_LUFS:g} LUFS")
    return EXIT_DONE


def self_check(options: argparse.Namespace) -> int:
    """Run the proofs on a checkpoint; exit status 1 where one fails."""
    from audio.musicgen.checkpoint import MusicGen
    from audio.musicgen.checks import figures_on, run_checks
    from audio.signal.waveform import open_audio

    recording = None if options.audio is None else open_audio(options.audio)
    musicgen = MusicGen.load(options.checkpoint, options.device)
    n_failed = 0
    for check in run_checks(musicgen):
        n_failed += not check.passed
        write_result(f"{'pass' if check.passed else 'FAIL'}  {check.claim} ({check.figure})")
    for name, value in {} if recording is None else figures_on(musicgen, recording).items():
        write_result(f"      {name}: {value:.4f}")
    log(f"{n_failed} proofs failed" if n_failed else "all proofs hold")
    return EXIT_ITEMS_FAILED if n_failed else EXIT_DONE


def _table(report: dict[str, Any]) -> str:
    """The report in lines for people."""
    of_codebooks = " ".join(f"{nats:.2f}" for nats in report["cross_entropy"])
    reconstruction = report["reconstruction"]
    return "\n".join(
        (
            f"{report['audio']}: {report['seconds']:.1f} s under {report['model']}, "
            f"{'no condition' if report['condition'] is None else 'text condition'}",
            f"perplexity {report['perplexity']:.2f}, {report['nll_nats_per_second']:.1f} nats/s ({report['label']}; "
            "lower is likelier)",
            f"cross-entropy of the codebooks: {of_codebooks} nats a code",
            f"EnCodec's reconstruction: waveform L1 {reconstruction['waveform_l1']:.4f}, spectral convergence "
            f"{reconstruction['spectral_convergence']:.3f}, log magnitude L1 {reconstruction['log_magnitude_l1']:.3f}",
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m audio.musicgen",
        description="MusicGen as judge of recordings and author of new sound. The released weights are CC-BY-NC 4.0: "
        "not for commercial use.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to compute (default: cpu)")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model", default=DEFAULT_CHECKPOINT, metavar="NAME_OR_DIR", help="hub name or folder (default: %(default)s)"
    )
    model.add_argument("--text", help="what the music is described as (default: nothing)")

    command = commands.add_parser("evaluate", parents=[shared, model], help="how likely is a recording?")
    command.set_defaults(run=evaluate)
    command.add_argument("--audio", required=True, metavar="F", help="audio file to score")
    command.add_argument("--json", action="store_true", help="print the whole report, curve included, as JSON")

    command = commands.add_parser("generate", parents=[shared, model], help="new sound, or the rest of a recording")
    command.set_defaults(run=generate)
    command.add_argument("--audio", metavar="F", help="audio file to continue: its second half from its first")
    command.add_argument("--melody", metavar="F", help="audio file whose melody to follow (Melody checkpoints only)")
    length = f"length of what is new (default: {NEW_SECONDS:g}); with --audio: beyond its end"
    add_new_sound_flags(command, most_seconds=MAX_SECONDS, seconds=None, seconds_help=length)
    add_flags(command, DEFAULT_SAMPLING)
    command.add_argument("--greedy", dest="top_k", action="store_const", const=1, help="short for --top-k 1")

    command = commands.add_parser("self-check", parents=[shared], help="prove the scorer on a checkpoint of yours")
    command.set_defaults(run=self_check)
    command.add_argument("checkpoint", metavar="CHECKPOINT", help="hub name or folder")
    command.add_argument(
        "--audio", metavar="F", help="also measure what depends on weights and sound, on this recording"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: done; 1: a proof of self-check failed. Raises InputError and WeightsError as the commands do."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # it warns of the fill symbol of every checkpoint
    return options.run(options)


if __name__ == "__main__":
    run(main)
