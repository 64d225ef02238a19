"""`python -m audio.set_metrics FOLDER_A FOLDER_B`: how far two folders of recordings lie apart.

FOLDER_A is the reference. FAD and KAD compare embeddings, by default the states of our own spectral_lm; with
checkpoints of transformers also CLAP's and EnCodec's, the KLD of a classifier and the CLAP score of a text. Four
distances need no model: of pitch classes, pitches, intervals between onsets, and timbre. Recordings count by their
length. Each figure is about two sets; none of them is a likelihood of one piece.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audio.signal.waveform import AUDIO_SUFFIXES
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, log, run, write_result
from losscal.errors import InputError
from losscal.processes.progress import bar

if TYPE_CHECKING:
    from audio.metrics.distances import Moments
    from audio.metrics.embeddings import Embedder, SoundClassifier
    from audio.signal.waveform import Sound

VERSION = 1
FEW_ROWS_PER_DIMENSION = 10
"""With fewer rows FAD is mostly its own bias; with no more rows than dimensions its covariance has no full rank."""
INTERVAL_STEP_OCTAVES = 1 / 8
INTERVAL_EDGES_OCTAVES = np.arange(-4.0, 2.0 + INTERVAL_STEP_OCTAVES, INTERVAL_STEP_OCTAVES)
"""Bins of log2 of an interval in seconds: 1/16 s to 4 s; what lies outside counts at the ends."""
FIGURES = {
    "fad": "Fréchet distance of the embeddings (squared)",
    "kad": "100 x unbiased squared MMD of the embeddings; about 0, also below, for two sets of one kind",
    "kld_nats": "mean KL divergence of the classes, recordings of equal name, nats",
    "clap_score": "mean cosine with the text: reference, evaluated",
    "chroma_distance": "Jensen-Shannon distance of the pitch classes' power, 0 to 1",
    "pitch_distance_semitones": "Wasserstein distance of the power by pitch, semitones",
    "rhythm_distance_octaves": "Wasserstein distance of the intervals between onsets, octaves of time",
    "mfcc_distance_db2": "Fréchet distance of the MFCCs (squared), dB^2",
}
"""Each figure of the report and what it is."""
LEGEND = "Distances of two sets (not the CLAP score): 0 for equal ones, KAD about 0. None is a likelihood of one piece."


@dataclass(frozen=True)
class Models:
    """What describes a recording beside its frames.

    text: float32 [D] of norm 1 in the embedder's space, where there is one.
    """

    embedder: "Embedder"
    classifier: "SoundClassifier | None" = None
    text: np.ndarray | None = None


@dataclass(frozen=True)
class Summary:
    """What is kept of one recording.

    pitch_shares: float64 [88]. interval_counts: int64, over INTERVAL_EDGES_OCTAVES. mfcc: of its active frames. rows:
    float32 [N, D], its embedding. log_probabilities: float64 [classes] or None. cosines: of its rows with the text,
    float32 [N] or None.
    """

    seconds: float
    pitch_shares: np.ndarray
    interval_counts: np.ndarray
    mfcc: "Moments"
    rows: np.ndarray
    log_probabilities: np.ndarray | None
    cosines: np.ndarray | None


def recording_of(sound: "Sound", models: Models) -> Summary:
    """Describe one sound; raises InputError where it is too quiet or nothing sounds in the range of a piano."""
    from audio.metrics.descriptors import describe
    from audio.metrics.distances import Moments

    described = describe(sound)
    intervals = np.log2(np.diff(described.onset_seconds))
    within = np.clip(intervals, INTERVAL_EDGES_OCTAVES[0], INTERVAL_EDGES_OCTAVES[-1])
    rows = models.embedder.embed(sound)
    return Summary(
        seconds=sound.seconds,
        pitch_shares=described.pitch_shares,
        interval_counts=np.histogram(within, INTERVAL_EDGES_OCTAVES)[0],
        mfcc=Moments.of(described.mfcc_db[described.is_active]),
        rows=rows,
        log_probabilities=None if models.classifier is None else models.classifier.log_probabilities(sound),
        cosines=None if models.text is None else rows @ models.text,
    )


def recordings_of(
    folder: Path, models: Models, progress: Callable[[Iterable[Path]], Iterable[Path]] = iter
) -> tuple[dict[str, Summary], list[str]]:
    """({name below the folder, without suffix: recording} of a folder and those below it, what failed and why).

    Raises InputError where the folder is missing or none of its files can be described.
    """
    from audio.signal.waveform import open_audio

    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give a folder of recordings.")
    recordings: dict[str, Summary] = {}
    errors: list[str] = []
    for path in progress(_audio_files(folder)):
        name = str(path.relative_to(folder).with_suffix(""))
        try:
            if name in recordings:
                raise InputError(f"{path}: another recording beside it has the same name; rename one.")
            recordings[name] = recording_of(open_audio(path), models)
        except InputError as error:
            errors.append(str(error))
    if not recordings:
        raise InputError(f"{folder}: holds no recording that can be used; give others. {' '.join(errors[:1])}".strip())
    return recordings, errors


def _audio_files(folder: Path) -> list[Path]:
    """The audio files below `folder` in a stable order; hidden ones are left out."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
    return [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def compare(reference: dict[str, Summary], evaluated: dict[str, Summary]) -> tuple[dict[str, Any], list[str]]:
    """(FIGURES' values by name, None for what cannot be told; warnings why and of what to doubt)."""
    from audio.metrics.descriptors import FRAMES, PITCH_CLASSES
    from audio.metrics.distances import Moments, frechet_distance, jensen_shannon, wasserstein

    sets = [list(side.values()) for side in (reference, evaluated)]
    mfcc = [reduce(Moments.merged, (recording.mfcc for recording in side)) for side in sets]
    pitches = [sum(recording.pitch_shares for recording in side) for side in sets]
    pitch_class = np.arange(FRAMES.min_pitch, FRAMES.max_pitch + 1) % PITCH_CLASSES
    chroma = [np.bincount(pitch_class, weights=shares) for shares in pitches]
    figures, warnings = _embedding_distances(*(np.concatenate([r.rows for r in side]) for side in sets))
    figures["kld_nats"], of_names = _paired_kld(reference, evaluated)
    figures["clap_score"] = _clap_scores(*sets)
    figures["chroma_distance"] = jensen_shannon(*chroma)
    figures["pitch_distance_semitones"] = wasserstein(*pitches, step=1.0)
    intervals = [sum(recording.interval_counts for recording in side) for side in sets]
    are_intervals = all(counts.sum() > 0 for counts in intervals)
    figures["rhythm_distance_octaves"] = wasserstein(*intervals, step=INTERVAL_STEP_OCTAVES) if are_intervals else None
    figures["mfcc_distance_db2"] = frechet_distance(*mfcc) if all(side.count > 1 for side in mfcc) else None
    return {name: figures[name] for name in FIGURES}, warnings + of_names


def _embedding_distances(reference: np.ndarray, evaluated: np.ndarray) -> tuple[dict[str, float | None], list[str]]:
    """FAD and KAD of rows [M, D] and [N, D], each None where there are too few rows for it, and the warnings."""
    from audio.metrics.distances import Moments, frechet_distance, kernel_distance, median_distance

    n_rows, n_dimensions = min(len(reference), len(evaluated)), reference.shape[1]
    n_wanted = FEW_ROWS_PER_DIMENSION * n_dimensions
    figures: dict[str, float | None] = {"fad": None, "kad": None}
    warnings = []
    if n_rows > n_dimensions:
        figures["fad"] = frechet_distance(Moments.of(reference), Moments.of(evaluated))
    if n_rows < n_wanted:
        effect = "it is left out" if figures["fad"] is None else "it is too high, compare it at equal numbers only"
        warnings.append(f"FAD: wants {n_wanted} rows of {n_dimensions} dimensions, there are {n_rows}: {effect}")
    width = median_distance(reference) if n_rows > 1 else 0.0
    if width > 0.0:
        figures["kad"] = kernel_distance(reference, evaluated, width)
    else:
        warnings.append("KAD: wants two rows of either folder and a reference that varies: it is left out")
    return figures, warnings


def _paired_kld(reference: dict[str, Summary], evaluated: dict[str, Summary]) -> tuple[float | None, list[str]]:
    """(mean over the names in both of KL(reference || evaluated), None without a classifier or pairs; warnings)."""
    from audio.metrics.distances import kl_nats

    if next(iter(reference.values())).log_probabilities is None:
        return None, []
    names = reference.keys() & evaluated.keys()
    if not names:
        return None, ["KLD: no recording has the same name in both folders: it is left out"]
    pairs = [(reference[name].log_probabilities, evaluated[name].log_probabilities) for name in sorted(names)]
    n_alone = len(reference.keys() ^ evaluated.keys())
    warnings = [f"KLD: {n_alone} recordings have no namesake in the other folder"] if n_alone else []
    return float(np.mean([kl_nats(*pair) for pair in pairs])), warnings


def _clap_scores(reference: list[Summary], evaluated: list[Summary]) -> dict[str, float] | None:
    """The mean cosine with the text of either set's windows, None where no text was given."""
    if reference[0].cosines is None:
        return None
    sides = {"reference": reference, "evaluated": evaluated}
    return {name: float(np.concatenate([r.cosines for r in side]).mean()) for name, side in sides.items()}


def measure(
    reference: str | Path,
    evaluated: str | Path,
    models: Models,
    progress: Callable[[Iterable[Path]], Iterable[Path]] = iter,
) -> dict[str, Any]:
    """The report of two folders; raises InputError where one has no recording that can be used.

    Its "errors" are the files left out and why; recordings are read one by one, what is kept of them is small.
    """
    folders = {"reference": Path(reference), "evaluated": Path(evaluated)}
    sides: dict[str, dict[str, Summary]] = {}
    errors: list[str] = []
    for name, folder in folders.items():
        sides[name], failed = recordings_of(folder, models, progress)
        errors += failed
    figures, warnings = compare(**sides)
    return {
        "version": VERSION,
        **{name: _size(folder, sides[name].values()) for name, folder in folders.items()},
        "embedding": {"name": models.embedder.name, "weights_sha256": models.embedder.weights_sha256},
        **figures,
        "warnings": warnings,
        "errors": errors,
    }


def _size(folder: Path, recordings: Iterable[Summary]) -> dict[str, Any]:
    sizes = [(recording.seconds, len(recording.rows)) for recording in recordings]
    seconds, rows = map(sum, zip(*sizes, strict=True))
    return {"folder": str(folder), "files": len(sizes), "seconds": seconds, "embedding_rows": rows}


def table(report: dict[str, Any]) -> str:
    """The report as text: one line a figure that was asked for."""
    lines = [
        f"{side}: {report[side]['folder']}: {report[side]['files']} files, {report[side]['seconds']:.1f} s"
        for side in ("reference", "evaluated")
    ]
    lines.append(f"embedding: {report['embedding']['name']}")
    for name, meaning in FIGURES.items():
        value = report[name]
        values = value.values() if isinstance(value, dict) else [value]
        shown = " ".join("-" if number is None else f"{number:.4g}" for number in values)
        lines.append(f"{name:<26}{shown:>16}  {meaning}")
    return "\n".join([*lines, LEGEND])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m audio.set_metrics",
        description="How far do two folders of recordings lie apart?",
        epilog=f"{LEGEND} Exit status: 0 all files are read, 1 some were left out, 2 wrong usage.",
    )
    parser.add_argument("reference", metavar="FOLDER_A", type=Path, help="the reference, real recordings for instance")
    parser.add_argument(
        "evaluated", metavar="FOLDER_B", type=Path, help="what is evaluated, generated ones for instance"
    )
    parser.add_argument("--json", action="store_true", help="print the report alone, as JSON")
    parser.add_argument(
        "--embedding",
        metavar="MODEL",
        default="spectral_lm",
        help="for FAD and KAD: spectral_lm, or folder or hub name of a CLAP or an EnCodec (default: %(default)s)",
    )
    parser.add_argument("--text", metavar="T", help="for the CLAP score; needs --embedding with a checkpoint of CLAP")
    parser.add_argument("--classifier", metavar="MODEL", help="for the KLD: a classifier of sound, folder or hub name")
    return parser


def _load(embedding: str, classifier: str | None, text: str | None) -> Models:
    from audio.metrics.embeddings import ClapEmbedder, SoundClassifier, load_embedder

    embedder = load_embedder(embedding)
    if text is not None and not isinstance(embedder, ClapEmbedder):
        raise InputError(f"--text: {embedding} has no place for texts; give a checkpoint of CLAP with --embedding.")
    return Models(
        embedder=embedder,
        classifier=None if classifier is None else SoundClassifier(classifier),
        text=None if text is None else embedder.embed_text(text),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure two folders."""
    options = _parser().parse_args(argv)
    models = _load(options.embedding, options.classifier, options.text)
    progress = bar(desc="reading", unit="file")
    report = measure(options.reference, options.evaluated, models, progress)
    write_result(json.dumps(report, allow_nan=False, indent=2) if options.json else table(report))
    for warning in report["warnings"]:
        log(f"warning: {warning}")
    for error in report["errors"]:
        log(f"error: {error}")
    return EXIT_ITEMS_FAILED if report["errors"] else EXIT_DONE


if __name__ == "__main__":
    run(main)
