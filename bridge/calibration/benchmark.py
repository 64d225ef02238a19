"""The calibration as a benchmark for other scorers: its versions as files with a manifest, and how scores come back.

A benchmark is a folder with `manifest.csv`, a line a case (MANIFEST_FIELDS), and the files that it names: MIDI where
notes are to be scored, WAV (32-bit floats, since gain may exceed 1) where sound is. The lines of an excerpt are its
original, corruptions and controls, and the adversaries. A submission is a CSV with the column `case_id` and a column
a score. A cell is a number, `refused`, which loses to all numbers, or empty where the score has no say in the case.
"""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np

from bridge.calibration.accuracy import Measured
from bridge.calibration.cases import ORIGINAL, YARDSTICK, Case, Studio, Version
from bridge.calibration.scores import quantities_of
from bridge.views.declarations import VIEWS
from losscal.errors import InputError
from losscal.files import atomic_path, name_for_c, sha256_of
from symbolic.data.excerpts import Excerpt
from symbolic.notes.performance import write_midi

MANIFEST = "manifest.csv"
MANIFEST_FIELDS = (
    "case_id",
    "excerpt",
    "piece_sha256",
    "piece",
    "piece_seconds",
    "first_note",
    "n_notes",
    "seconds",
    "corruption",
    "severity",
    "seed",
    "midi",
    "midi_sha256",
    "wav",
    "wav_sha256",
)
ID, REFUSED = "case_id", "refused"
Progress = Callable[[Sequence[Excerpt]], Iterable[Excerpt]]


def case_id(number: int, case: Case) -> str:
    """The name of a version of an excerpt."""
    return f"{number:04d} {case}"


def write_benchmark(folder: Path, excerpts: Sequence[Excerpt], studio: Studio, progress: Progress = iter) -> None:
    """Write all versions of excerpts as files, the manifest last; an adversary's files serve all excerpts as long."""
    lines = []
    adversaries: dict[float, list[dict[str, Any]]] = {}
    for number, excerpt in enumerate(progress(excerpts), start=1):
        of_excerpt = [
            _written(folder, f"{number:04d}-{place:02d}", version)
            for place, version in enumerate(studio.versions(excerpt, number))
        ]
        if excerpt.seconds not in adversaries:
            adversaries[excerpt.seconds] = [
                _written(folder, f"{version.case.name.replace(' ', '_')}-{excerpt.seconds:g}s", version)
                for version in studio.adversaries(excerpt.seconds)
            ]
        facts = {
            "excerpt": number,
            "piece_sha256": excerpt.piece.sha256,
            "piece": excerpt.piece.name,
            "piece_seconds": excerpt.piece.seconds,
            "first_note": excerpt.first_note,
            "n_notes": len(excerpt.performance),
            "seconds": excerpt.seconds,
            "seed": studio.seed,
        }
        for line in of_excerpt + adversaries[excerpt.seconds]:
            case = Case(line["corruption"], line["severity"])
            lines.append({ID: case_id(number, case), **facts, **line})
    _write_csv(folder / MANIFEST, MANIFEST_FIELDS, lines)


def write_scores(path: Path, measured: Measured) -> None:
    """All costs of a calibration in the format of a submission, lower being better."""
    lines: dict[str, dict[str, Any]] = {}
    for (case, score), costs in measured.costs.items():
        for number, cost in enumerate(costs.ravel().tolist(), start=1):
            name = case_id(number, case)
            lines.setdefault(name, {ID: name})[score] = cost if isfinite(cost) else REFUSED
    _write_csv(path, (ID, *measured.scores), lines.values())


def measured_of_submission(
    benchmark: Path, submission: Path, *, lower_is_better: bool
) -> tuple[Measured, dict[str, Any]]:
    """The costs in a submission, and what calibration.json says of the excerpts.

    Raises InputError where a file is missing or broken, where cases are unknown, and where a score has a say in some
    excerpts of a case and not in others, or none in the originals and in 10 % of wrong notes.
    """
    manifest = _read_csv(benchmark / MANIFEST, MANIFEST_FIELDS[:-4])
    scores = _scores_of(submission, {line[ID] for line in manifest}, lower_is_better)
    by_case: dict[Case, list[str]] = {}
    for line in manifest:
        case = Case(line["corruption"], float(line["severity"]) if line["severity"] else None)
        by_case.setdefault(case, []).append(line[ID])
    seconds = {line["piece_sha256"]: float(line["piece_seconds"]) for line in manifest}
    costs = {}
    for score, of_score in scores.items():
        for case, names in by_case.items():
            present = [of_score[name] for name in names if name in of_score]
            if present and len(present) < len(names):
                missing = next(name for name in names if name not in of_score)
                raise InputError(f"{submission}: {score} has no value for {missing}; give one or {REFUSED}.")
            if present:
                costs[case, score] = np.array(present).reshape(len(seconds), -1)
            elif case in (ORIGINAL, YARDSTICK):
                raise InputError(
                    f"{submission}: {score} has no value for any {case}, which all else is compared with; give some."
                )
    is_timed = len({line["seconds"] for line in manifest}) == 1
    size = {
        "length": f"{float(manifest[0]['seconds']):g} seconds" if is_timed else f"{manifest[0]['n_notes']} notes",
        "pieces": len(seconds),
        "excerpts": len(by_case[ORIGINAL]),
        "submission": submission.name,
        "piece_sha256": list(seconds),
    }
    return Measured(costs, np.array(list(seconds.values())), quantities_of(VIEWS.values())), size


def _written(folder: Path, stem: str, version: Version) -> dict[str, Any]:
    """Write a version's files, none of one that is not; returns as much of its line as is the version's own."""
    import soundfile

    line: dict[str, Any] = {"corruption": version.case.name, "severity": version.case.severity}
    if version.notes is not None:
        line["midi"] = f"files/{stem}.mid"
        write_midi(version.notes, folder / line["midi"])
        line["midi_sha256"] = sha256_of(folder / line["midi"])
    if version.sound is None:
        return line
    line["wav"] = f"files/{stem}.wav"
    sound = version.sound()
    with atomic_path(folder / line["wav"]) as temporary:
        soundfile.write(name_for_c(temporary), sound.samples.T, sound.sample_rate, subtype="FLOAT")
    line["wav_sha256"] = sha256_of(folder / line["wav"])
    return line


def _scores_of(path: Path, known: set[str], lower_is_better: bool) -> dict[str, dict[str, float]]:
    """{score: {case: cost}} of a submission, infinite where refused; empty cells are left out."""
    sign = 1.0 if lower_is_better else -1.0
    scores: dict[str, dict[str, float]] = {}
    for number, line in enumerate(_read_csv(path, (ID,)), start=2):
        name = line.pop(ID)
        if name not in known:
            raise InputError(f"{path}:{number}: {name!r} is no case of the benchmark; see its {MANIFEST}.")
        for score, cell in line.items():
            of_score = scores.setdefault(score, {})
            if name in of_score:
                raise InputError(f"{path}:{number}: {name} stands there twice; keep one line of it.")
            if cell:
                of_score[name] = inf if cell == REFUSED else sign * _number(cell, f"{path}:{number}: {score}")
    if not scores:
        raise InputError(f"{path}: holds no score; write a column {ID} and a column of figures.")
    return scores


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError as error:
        raise InputError(f"{where}: {cell!r} is no number; write one, {REFUSED}, or nothing.") from error
    if not isfinite(value):
        raise InputError(f"{where}: {cell} is not finite; write {REFUSED} where there is no score.")
    return value


def _read_csv(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error}); check the path.") from error
    missing = [name for name in needed if name not in (reader.fieldnames or ())]
    if missing or not lines:
        raise InputError(f"{path}: has no {f'column {missing[0]}' if missing else 'line'}; see docs/calibration.md.")
    return lines


def _write_csv(path: Path, fields: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> None:
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(lines)
