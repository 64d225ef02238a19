"""`python -m bridge.calibrate SOURCE`: how far each view can be believed, by what it makes of corrupted music.

Excerpts of pieces are corrupted at five severities, changed in ways that must not matter, and set beside what is no
music; docs/calibration.md tells the protocol. With --out each finished excerpt is kept, so that a run that was cut
short goes on where it stopped; the tables are made of what is kept.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audio.diffusion.view import DIFFUSION
from bridge.calibration.accuracy import Measured, measured_of
from bridge.calibration.benchmark import measured_of_submission, write_benchmark
from bridge.calibration.cases import CONTROLS, SEVERITIES, Studio
from bridge.calibration.listeners import rows_of_weights
from bridge.calibration.pieces import pieces_of
from bridge.calibration.results import RESULT_FILE, VERSION, made_of, result, write_json, write_results
from bridge.calibration.scores import (
    DEFAULT_SAMPLE_RATE,
    Record,
    open_panel,
    quantities_of,
    sample_rate_of,
    trained_on,
)
from bridge.calibration.text import text_of
from bridge.references import OTHER_SOUNDFONT
from bridge.synthesis.rendering import SampleRate
from bridge.transcription.listening import Listener
from bridge.views.opening import OpenViews, checkpoints_of, open_views, view_names
from bridge.views.sound import AudioView
from losscal.cli import (
    EXIT_DONE,
    add_flags,
    add_overwrite_flag,
    check_new,
    config_from,
    in_range,
    log,
    prog_of,
    run,
    write_result,
)
from losscal.errors import InputError
from losscal.files import sha256_of
from losscal.processes.progress import bar
from losscal.records import to_json
from losscal.settings import Count, Seed, Settings
from symbolic.data.excerpts import Excerpt, ExcerptNotes, ExcerptSeconds, Length, draw_of_each

Progress = Callable[[Sequence[Excerpt]], Iterable[Excerpt]]


@dataclass(frozen=True)
class Draw(Settings):
    """How many excerpts are drawn.

    Args:
        pieces: at most so many pieces.
        per_piece: excerpts of each.
        seed: of excerpts and corruptions.
    """

    pieces: Count = 60
    per_piece: Count = 2
    seed: Seed = 1

    def excerpts(self, sources: Sequence[str | Path], length: Length) -> list[Excerpt]:
        """Of the test split of a prepared corpus, or of MIDI files; raises InputError where there are none."""
        pieces = pieces_of(sources)
        return draw_of_each(pieces, length, count=self.pieces, per_piece=self.per_piece, seed=self.seed)


def measure(
    excerpts: Sequence[Excerpt],
    studio: Studio,
    views: OpenViews,
    *,
    out: Path | None = None,
    progress: Progress = iter,
) -> Measured:
    """Score all versions of excerpts, as many of each piece; where the views have a listener, what it hears, too.

    out: a folder that keeps each excerpt's costs, under a name that changes with all that they depend on.
    progress: wraps the excerpts, as tqdm does.
    """
    panel = open_panel(views)
    kept = None if out is None else out / f"costs-{_key(excerpts, studio, views)}"
    adversaries: dict[float, Record] = {}
    records = []
    for number, excerpt in enumerate(progress(excerpts), start=1):
        path = None if kept is None else kept / f"{number:04d}.json"
        if path is not None and path.is_file():
            records.append(json.loads(path.read_text(encoding="utf-8")))
            continue
        seconds = excerpt.seconds
        if seconds not in adversaries:
            adversaries[seconds] = panel.record(studio.adversaries(seconds), seconds)
        record = panel.record(studio.versions(excerpt, number), seconds)
        records.append({part: own | adversaries[seconds][part] for part, own in record.items()})
        if path is not None:
            write_json(path, records[-1])
    pieces = {excerpt.piece.sha256: excerpt.piece.seconds for excerpt in excerpts}
    return measured_of(records, studio.cases, list(pieces.values()), quantities_of(views.declared.values()))


def config_of(excerpts: Sequence[Excerpt], studio: Studio, length: Length) -> dict[str, Any]:
    """What a calibration says of its excerpts and how they were played."""
    soundfont = studio.other_soundfont
    pieces = list(dict.fromkeys(excerpt.piece.sha256 for excerpt in excerpts))
    return {
        "length": str(length),
        "pieces": len(pieces),
        "excerpts": len(excerpts),
        "seed": studio.seed,
        "sample_rate": studio.sample_rate,
        "other_soundfont": None if soundfont is None else soundfont.name,
        "corruptions": list(studio.corruptions),
        "controls": list(studio.controls),
        "piece_sha256": pieces,
    }


def _key(excerpts: Sequence[Excerpt], studio: Studio, views: OpenViews) -> str:
    """A short hash of all that costs depend on but the code and FluidSynth."""
    soundfont = studio.other_soundfont
    content = {
        "version": VERSION,
        "excerpts": [(e.piece.sha256, e.first_note, len(e.performance), e.seconds) for e in excerpts],
        "cases": [*map(str, studio.cases), *studio.controls],
        "studio": [studio.seed, studio.sample_rate, None if soundfont is None else sha256_of(soundfont)],
        "views": [*views.symbolic, *views.audio],
        "weights": views.weights,
        "references": {name: reference.to_json() for name, reference in views.references.by_view.items()},
    }
    if views.listener is not None:
        content["heard by"] = [views.listener.description, views.listener.fingerprint]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _other_soundfont(flag: Path | None) -> Path | None:
    """The SoundFont of the control: that of --soundfont, else OTHER_SOUNDFONT where it is installed."""
    if flag is not None and not flag.is_file():
        raise InputError(f"--soundfont {flag}: no such file; give a SoundFont (.sf2).")
    if flag is None and not OTHER_SOUNDFONT.is_file():
        log(f"left out: the control of another SoundFont; {OTHER_SOUNDFONT} is not installed, give --soundfont.")
        return None
    return flag or OTHER_SOUNDFONT


def _open_views(flags: argparse.Namespace) -> OpenViews:
    names = None if flags.views is None else view_names(flags.views)
    views = open_views(names, flags.weights, checkpoints_of(flags.checkpoint))
    for reason in views.unavailable.values():
        log(f"left out: {reason}")
    if flags.diffusion:
        scorer = DIFFUSION.load(flags.weights)
        diffusion = AudioView(DIFFUSION, scorer.describe(), scorer.score)
        views = replace(views, audio={**views.audio, DIFFUSION.name: diffusion})
    if not views.symbolic and not views.audio:
        raise InputError(f"no view can be opened. {' '.join(views.unavailable.values())}")
    return views if flags.heard is None else replace(views, listener=Listener(flags.heard).opened())


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog_of("bridge.calibrate"),
        description="How far can each view be believed? Sets excerpts of pieces against corrupted versions of them.",
        epilog="Other scorers: --write-benchmark DIR writes all versions as files, --submission with --benchmark makes "
        "the same tables of their scores.",
    )
    parser.add_argument(
        "sources", metavar="SOURCE", nargs="*", help="a prepared corpus, of which the test split is used, or MIDI files"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="write the results there; a second run goes on there")
    add_overwrite_flag(parser)
    views = parser.add_argument_group("views")
    views.add_argument("--views", metavar="A,B", help="default: all whose weights are present")
    views.add_argument("--checkpoint", metavar="VIEW=CHECKPOINT", action="append", default=[], help="may be repeated")
    views.add_argument(
        "--weights", metavar="DIR", type=Path, help="folder of NAME.safetensors (default: those shipped)"
    )
    views.add_argument("--diffusion", action="store_true", help="the diffusion model's bound too")
    views.add_argument(
        "--heard", metavar="TRANSCRIBER", help="ask the views of notes of what is heard in the sounds, too: transkun"
    )
    parser.add_argument(
        "--listeners",
        metavar="LISTENING.json",
        type=Path,
        action="append",
        default=[],
        help="of python -m bridge.listen results --out: how far views agree with listeners goes in; may be repeated",
    )
    drawn = parser.add_argument_group("excerpts")
    length = drawn.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds", type=in_range(ExcerptSeconds), default=10.0, help="their length (default: %(default)g)"
    )
    length.add_argument("--notes", type=in_range(ExcerptNotes), help="their length in notes instead")
    add_flags(drawn, Draw())
    drawn.add_argument(
        "--corruptions",
        metavar="A,B",
        help=f"of {','.join(SEVERITIES)}, or single cases as the tables write them: clip 5 %% (default: all)",
    )
    drawn.add_argument("--controls", metavar="A,B", help=f"of {','.join(CONTROLS)} (default: all)")
    drawn.add_argument("--soundfont", metavar="PATH", type=Path, help=f"of the control (default: {OTHER_SOUNDFONT})")
    drawn.add_argument(
        "--sample-rate", type=in_range(SampleRate), help="of the sounds, in Hz (default: what the views listen at)"
    )
    others = parser.add_argument_group("other scorers")
    others.add_argument(
        "--write-benchmark", metavar="DIR", type=Path, help="write the versions as files, score nothing"
    )
    others.add_argument("--benchmark", metavar="DIR", type=Path, help="what --write-benchmark wrote")
    others.add_argument("--submission", metavar="CSV", type=Path, help="case_id and a column of figures a score")
    others.add_argument("--lower-is-better", action="store_true", help="of all its figures (default: higher)")
    return parser


def _evaluate(flags: argparse.Namespace) -> tuple[Measured, dict[str, Any]]:
    if flags.out is not None:
        check_new([flags.out / RESULT_FILE], overwrite=flags.overwrite)
    measured, config = measured_of_submission(flags.benchmark, flags.submission, lower_is_better=flags.lower_is_better)
    return measured, result(measured, config)


def _calibrate(flags: argparse.Namespace) -> tuple[Measured, dict[str, Any]] | None:
    """Draw excerpts and score them; None where only a benchmark was asked for."""
    length = Length(flags.seconds, "seconds") if flags.notes is None else Length(flags.notes, "notes")
    draw = config_from(flags, Draw)
    corruptions = tuple(SEVERITIES) if flags.corruptions is None else tuple(view_names(flags.corruptions))
    controls = CONTROLS if flags.controls is None else tuple(view_names(flags.controls))
    soundfont = _other_soundfont(flags.soundfont)

    def studio_at(default_rate: int) -> Studio:
        rate = default_rate if flags.sample_rate is None else flags.sample_rate
        return Studio(rate, soundfont, corruptions, draw.seed, controls)

    progress = bar(desc="calibrating", unit="excerpt", mininterval=5)
    if flags.write_benchmark is not None:
        write_benchmark(
            flags.write_benchmark, draw.excerpts(flags.sources, length), studio_at(DEFAULT_SAMPLE_RATE), progress
        )
        log(f"written: {flags.write_benchmark}")
        return None
    views = _open_views(flags)
    listeners = to_json(list(rows_of_weights(flags.listeners, views.weights)))
    studio = studio_at(sample_rate_of(views))
    excerpts = draw.excerpts(flags.sources, length)
    config = config_of(excerpts, studio, length)
    if views.listener is not None:
        config["heard_by"] = views.listener.description
    if flags.out is not None and made_of(flags.out) != {"config": config, "weights": views.weights}:
        check_new([flags.out / RESULT_FILE], overwrite=flags.overwrite)
    measured = measure(excerpts, studio, views, out=flags.out, progress=progress)
    known = trained_on(views, flags.weights)
    return measured, result(measured, config, weights=views.weights, known=known, listeners=listeners)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; raises InputError and WeightsError where an argument cannot be used."""
    parser = build_parser()
    flags = parser.parse_args(arguments)
    if (flags.submission is None) != (flags.benchmark is None):
        parser.error("--submission CSV and --benchmark DIR go together")
    if flags.listeners and not flags.sources:
        parser.error("--listeners goes with a SOURCE, whose views they are about")
    if bool(flags.sources) == (flags.submission is not None):
        parser.error("give a SOURCE, or --submission with --benchmark")
    made = _evaluate(flags) if flags.submission is not None else _calibrate(flags)
    if made is not None:
        measured, calibration = made
        write_result(text_of(calibration))
        if flags.out is not None:
            write_results(flags.out, measured, calibration)
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
