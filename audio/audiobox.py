"""Audiobox-Aesthetics: four ratings of a recording, by the released model and our own windows.

The model (Tjandra et al. 2025, WavLM under four small heads; weights CC BY 4.0) rates 10 s of mono sound at 16 kHz. A
recording is brought to -23 LUFS and cut into windows of 10 s, the last one padded with zeros that the model is told to
ignore; a rating is the mean over the windows, weighted by what they hold of the recording. It is an opinion learned
from listeners, no likelihood.

`python -m audio.audiobox IN.jsonl --out OUT.jsonl` rates the files of a list.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from audio.checkpoints import checkpoint_folder, sha256_of_weights
from audio.scorer import Description
from audio.signal.blocks import excerpts
from audio.signal.waveform import Sound, cut, open_audio, prepare_mono, without_dc
from losscal.cli import EXIT_DONE, EXIT_ITEMS_FAILED, add_overwrite_flag, check_new, file_to_write, log, run
from losscal.errors import InputError, WeightsError
from losscal.files import atomic_path
from losscal.processes.progress import bar
from losscal.views import SOUND, Figure, TableColumn, View

AXES = ("CE", "CU", "PC", "PQ")
"""Content enjoyment, content usefulness, production complexity, production quality."""
DEFAULT_CHECKPOINT = "facebook/audiobox-aesthetics"
WINDOW_SECONDS = 10
BATCH_WINDOWS = 4
"""Windows rated at once; bounds the memory whatever the recording's length (each takes about 0.2 GB)."""


def _load(checkpoint: str | Path | None) -> "AudioboxScorer":
    return AudioboxScorer.load(checkpoint or DEFAULT_CHECKPOINT)


AUDIOBOX = View(
    "audiobox",
    SOUND,
    "ratings from 1 to 10 as learned from listeners",
    _load,
    figures=tuple(
        Figure(
            axis,
            "rating 1 to 10",
            TableColumn(
                axis,
                5,
                1,
                "CE, CU, PC, PQ: enjoyment, usefulness, complexity, quality as learned from listeners, 1 to 10; no "
                "likelihoods.",
            ),
            higher_is_better=True,
        )
        for axis in AXES
    ),
    checkpoint=DEFAULT_CHECKPOINT,
    glossary="Ratings learned from listeners (CE enjoyment, CU usefulness, PC complexity, PQ quality). Only where its "
    "weights are present.",
    calibrated=AXES,
)


class AudioboxScorer:
    """Rates recordings.

    Args:
        model: `audiobox_aesthetics.model.aes.AesMultiOutput`, or what behaves like it.
        weights_sha256: of its weights.
    """

    name, unit = AUDIOBOX.name, AUDIOBOX.unit
    sample_rate = 16_000
    loudness_lufs = -23.0

    def __init__(self, model: Any, weights_sha256: str) -> None:
        self.model, self.weights_sha256 = model.eval(), weights_sha256

    @classmethod
    def load(cls, checkpoint: str | Path = DEFAULT_CHECKPOINT) -> "AudioboxScorer":
        """A local folder, or a hub name that is fetched once and then read from the hub's cache.

        Raises InputError where the package or the checkpoint is not to be had, WeightsError where it is broken.
        """
        if find_spec("audiobox_aesthetics") is None:
            raise InputError(
                "the package audiobox_aesthetics is missing: pip install --no-deps audiobox_aesthetics installs it "
                "(its dependencies would bring a torchaudio that only goes with CUDA)."
            )
        folder = checkpoint_folder(checkpoint)
        return cls(_load_model(folder), sha256_of_weights(folder))

    def describe(self) -> Description:
        """What the figures are of."""
        return Description(self.unit, self.sample_rate, self.loudness_lufs, self.weights_sha256)

    def score(self, sound: Sound) -> dict[str, float]:
        """A sound of any rate and length to a rating for each of AXES; raises InputError where it is too quiet."""
        import torch

        prepared = prepare_mono(without_dc(sound), self.sample_rate, self.loudness_lufs)
        weighted = dict.fromkeys(AXES, 0.0)
        for windows, lengths in self._batches(prepared):
            is_sound = np.arange(windows.shape[1]) < lengths[:, None]
            batch = {"wav": torch.from_numpy(windows)[:, None], "mask": torch.from_numpy(is_sound)[:, None]}
            with torch.inference_mode():
                standardised = self.model(batch)  # {axis: [B]}
            for axis in AXES:
                weighted[axis] += float(standardised[axis].double() @ torch.from_numpy(lengths).double())
        scale = self.model.target_transform
        return {axis: weighted[axis] / prepared.n_samples * scale[axis]["std"] + scale[axis]["mean"] for axis in AXES}

    def _batches(self, mono: Sound) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Sound as (windows float32 [B, W], the last one zero-padded; how many samples each holds int64 [B])."""
        window = WINDOW_SECONDS * self.sample_rate
        batch = BATCH_WINDOWS * window
        for part in excerpts(mono.blocks(), ((start, start + batch) for start in range(0, mono.n_samples, batch))):
            n_samples = part.shape[1]
            n_windows = -(-n_samples // window)
            windows = np.zeros((n_windows, window), dtype=np.float32)
            windows.reshape(-1)[:n_samples] = part[0]
            yield windows, np.minimum(window, n_samples - window * np.arange(n_windows))


def _load_model(folder: Path) -> Any:
    """The folder's model; raises WeightsError where its files are broken or do not fill it."""
    from audiobox_aesthetics.model.aes import AesMultiOutput
    from safetensors import SafetensorError

    try:
        with contextlib.redirect_stdout(sys.stderr):  # it announces where it loads from
            model = AesMultiOutput.from_pretrained(str(folder), strict=True)  # else gaps keep random weights
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(f"{folder}: cannot be loaded ({reason}); fetch the checkpoint anew.") from error
    if model.target_transform is None:
        raise WeightsError(f"{folder}: config.json does not tell the ratings' scale; fetch the checkpoint anew.")
    return model


def read_request(line: str) -> dict[str, Any]:
    """One line of a list: a JSON object with "path" and, as the package has it, "start_time" and "end_time" in seconds.

    Other keys are kept, but for what an earlier run answered. Raises InputError (what is wrong and what to do) where it
    is nothing of the kind.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON ({error}); mend or remove this line.") from error
    if not isinstance(record, dict) or not isinstance(record.get("path"), str):
        raise InputError('names no file; write {"path": PATH}.')
    times = [record[key] for key in ("start_time", "end_time") if key in record]
    if times:
        are_numbers = len(times) == 2 and all(isinstance(t, int | float) and not isinstance(t, bool) for t in times)
        if not are_numbers or not 0 <= times[0] < times[1]:
            raise InputError('"start_time" and "end_time" must be seconds, 0 <= start_time < end_time; mend them.')
    return {key: value for key, value in record.items() if key not in (*AXES, "error")}


def open_requested(record: Mapping[str, Any]) -> Sound:
    """The sound of a request, cut to its times; raises InputError as `open_audio` does and where nothing is left."""
    try:
        recording = open_audio(record["path"])
    except OSError as error:  # a name too long, a folder on the way that may not be entered
        raise InputError(f"{record['path']}: cannot be read ({error.strerror}); check the path.") from error
    if "start_time" not in record:
        return recording
    if record["start_time"] >= recording.seconds:
        raise InputError(
            f"{record['path']}: ends at {recording.seconds:.1f} s, before start_time {record['start_time']}; mend it."
        )
    times = record["start_time"], min(record["end_time"], recording.seconds)
    first, last = (round(time * recording.sample_rate) for time in times)
    return cut(recording, first, last)


def answer(line: str, place: str, scorer: AudioboxScorer) -> dict[str, Any]:
    """What a line says, with its ratings, or else with an "error" that begins with its `place`, FILE:NUMBER."""
    record: dict[str, Any] = {}
    try:
        record = read_request(line)
        return record | scorer.score(open_requested(record))
    except InputError as error:
        return record | {"error": f"{place}: {error}"}


def _numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a list that are not blank, counted from 1; raises InputError where it cannot be read or has none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # splitlines() would cut inside strings
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8; a list holds one JSON object a line.") from error
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise InputError(f'{path}: holds no line; write one {{"path": PATH}} a line.')
    return numbered


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m audio.audiobox",
        description="Rate recordings with Audiobox-Aesthetics: enjoyment (CE), usefulness (CU), complexity (PC), "
        "quality (PQ).",
        epilog="Exit status: 0 all lines are rated, 1 some failed and the others are complete, 2 wrong usage.",
    )
    parser.add_argument(
        "list",
        metavar="IN.jsonl",
        type=Path,
        help='lines of {"path": AUDIO_FILE}, "id", "start_time" and "end_time" (seconds) optional',
    )
    parser.add_argument(
        "--out",
        metavar="OUT.jsonl",
        type=file_to_write(".jsonl"),
        required=True,
        help="the same lines with their ratings or an error",
    )
    parser.add_argument(
        "--model", metavar="DIR", default=DEFAULT_CHECKPOINT, help="folder or hub name (default: %(default)s)"
    )
    add_overwrite_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Rate the files of a list."""
    options = _parser().parse_args(argv)
    check_new([options.out], overwrite=options.overwrite)
    lines = _numbered_lines(options.list)

    scorer = AudioboxScorer.load(options.model)
    n_failed = 0
    with atomic_path(options.out) as temporary, open(temporary, "w", encoding="utf-8") as file:
        for number, line in bar(desc="rating", unit="file")(lines):
            row = answer(line, f"{options.list}:{number}", scorer)
            file.write(json.dumps(row) + "\n")
            if "error" in row:
                log(f"error: {row['error']}")
                n_failed += 1
    log(f"written: {options.out}")
    return EXIT_ITEMS_FAILED if n_failed else EXIT_DONE


if __name__ == "__main__":
    run(main)
