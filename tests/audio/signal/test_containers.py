"""A recording is as long as what can be decoded: cut, joined, unfinished and damaged files of every format."""

import os
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_formats import FORMATS, Format, encoded, music, mutated

from audio.signal.blocks import BLOCK_SAMPLES
from audio.signal.waveform import open_audio, read_audio
from benchmarks.speed import peak_mib
from losscal.errors import InputError

WAV, RF64, W64, AIFF, AU, CAF = (
    next(format for format in FORMATS if format.name == name) for name in ["WAV", "RF64", "W64", "AIFF", "AU", "CAF"]
)
ID3 = b"ID3\x04\0\0\0\0\0\x05hello"
ID3_V1 = b"TAG" + b"x" * 125
SECONDS_FOR_A_FILE = 10


def written(folder: Path, format: Format, data: bytes) -> Path:
    path = folder / f"{format}{format.suffix}"
    path.write_bytes(data)
    return path


def samples_of(folder: Path, format: Format, data: bytes) -> np.ndarray:
    return read_audio(written(folder, format, data)).samples


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_a_whole_file_gives_what_libsndfile_gives(tmp_path, format):
    path = written(tmp_path, format, encoded(format, music(channels=2)))
    with soundfile.SoundFile(path) as file:
        wanted, rate = file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True), file.samplerate
    recording = open_audio(path)
    assert (recording.sample_rate, recording.n_samples) == (rate, len(wanted))
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks()), axis=1), wanted.T)


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_a_file_cut_anywhere_is_refused(tmp_path, format):
    data = encoded(format, music())
    places = {0, 1, 20, len(data) // 2, *np.linspace(1, len(data) - 2, 25, dtype=int), len(data) - 100, len(data) - 2}
    for place in sorted(places):
        with pytest.raises(InputError) as caught:
            samples_of(tmp_path, format, data[:place])
        assert str(tmp_path) in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_joined_files_are_heard_one_after_the_other(tmp_path, format):
    parts = [encoded(format, music(seconds, seed)) for seed, seconds in enumerate((0.5, 0.7, 0.3))]
    wanted = np.concatenate([samples_of(tmp_path, format, part) for part in parts], axis=1)
    recording = open_audio(written(tmp_path, format, b"".join(parts)))
    assert recording.n_samples == wanted.shape[1]
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks()), axis=1), wanted)
    with pytest.raises(InputError):
        samples_of(tmp_path, format, parts[0] + parts[1][: len(parts[1]) // 2])


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_tags_and_zeros_around_are_passed_over(tmp_path, format):
    data = encoded(format, music())
    wanted = samples_of(tmp_path, format, data)
    tagged = ID3 + data + b"APETAGEX" + bytes([208, 7, 0, 0]) + bytes(20) + ID3_V1 + bytes(1000)
    np.testing.assert_array_equal(samples_of(tmp_path, format, tagged), wanted)


def test_parts_that_differ_are_refused(tmp_path):
    for format in FORMATS:
        other = encoded(format, music(rate=48_000, channels=2), 48_000)
        with pytest.raises(InputError, match="parts that differ"):
            samples_of(tmp_path, format, encoded(format, music()) + other)


@pytest.mark.parametrize("format", [format for format in FORMATS if format.name not in ("MP3", "FLAC")], ids=str)
def test_what_is_neither_sound_nor_a_tag_is_told(tmp_path, format):
    data = encoded(format, music())
    with pytest.raises(InputError, match=r"15000 bytes from byte [0-9]+ on are neither sound nor a tag"):
        samples_of(tmp_path, format, data + b"\x01\x02\x03" * 5000)


def size_of_sound(format: Format, data: bytes) -> tuple[int, int, str]:
    """Where the size of the sound stands, in how many bytes, of which order."""
    return {
        "WAV": lambda: (data.index(b"data") + 4, 4, "little"),
        "RF64": lambda: (data.index(b"ds64") + 16, 8, "little"),
        "W64": lambda: (data.index(b"data\xf3") + 16, 8, "little"),
        "AIFF": lambda: (data.index(b"SSND") + 4, 4, "big"),
        "AU": lambda: (8, 4, "big"),
        "CAF": lambda: (data.index(b"data") + 4, 8, "big"),
    }[format.name]()


@pytest.mark.parametrize("format", [WAV, RF64, W64, AIFF, AU, CAF], ids=str)
def test_a_size_that_was_never_filled_in_means_the_rest_of_the_file(tmp_path, format):
    data = bytearray(encoded(format, music()))
    wanted = samples_of(tmp_path, format, bytes(data))
    at, n_bytes, order = size_of_sound(format, bytes(data))
    of_header = {"W64": [24], "AIFF": [8], "CAF": [4]}.get(format.name, [])
    for size in [0, (1 << 8 * n_bytes) - 1, *([0x7FFFF000] if n_bytes == 4 else []), *of_header]:
        data[at : at + n_bytes] = size.to_bytes(n_bytes, order)
        np.testing.assert_array_equal(samples_of(tmp_path, format, bytes(data)), wanted)


def test_the_count_of_an_aiff_file_that_was_never_filled_in(tmp_path):
    data = bytearray(encoded(AIFF, music()))
    wanted = samples_of(tmp_path, AIFF, bytes(data))
    n_samples_at, size_at = data.index(b"COMM") + 10, data.index(b"SSND") + 4
    data[4:8] = data[n_samples_at : n_samples_at + 4] = data[size_at : size_at + 4] = bytes(4)
    np.testing.assert_array_equal(samples_of(tmp_path, AIFF, bytes(data)), wanted)


@pytest.mark.parametrize("format", [RF64, W64, CAF], ids=str)
def test_a_size_beyond_all_files_is_refused(tmp_path, format):
    data = bytearray(encoded(format, music()))
    at, n_bytes, order = size_of_sound(format, bytes(data))
    for size in [1 << 50, 1 << 62, (1 << 63) + 8]:
        data[at : at + n_bytes] = size.to_bytes(n_bytes, order)
        with pytest.raises(InputError):
            samples_of(tmp_path, format, bytes(data))


def test_a_flac_file_of_fewer_bytes_than_a_tag_is_refused(tmp_path):
    flac = next(format for format in FORMATS if format.name == "FLAC")
    data = encoded(flac, music())
    for n_bytes in (50, 100, 127):
        with pytest.raises(InputError):
            samples_of(tmp_path, flac, data[:n_bytes])


def test_a_cut_file_says_what_it_declares_and_what_is_there(tmp_path):
    data = encoded(WAV, music(2.0))
    with pytest.raises(InputError, match=r"declares 64000 bytes of sound \(2.00 s\), 32000 \(1.00 s\) are there"):
        samples_of(tmp_path, WAV, data[:-32_000])


def test_an_empty_chunk_before_another_one_is_empty(tmp_path):
    data = encoded(WAV, music()[:0])
    at = data.index(b"data") + 8
    with pytest.raises(InputError, match="no audio frame"):
        samples_of(tmp_path, WAV, data[:at] + b"LIST" + (1000).to_bytes(4, "little") + bytes([1] * 1000))


def test_a_chunk_cut_off_behind_the_sound_costs_nothing(tmp_path):
    data = encoded(WAV, music())
    wanted = samples_of(tmp_path, WAV, data)
    cut = data + b"LIST" + (1000).to_bytes(4, "little") + bytes([1] * 500)
    np.testing.assert_array_equal(samples_of(tmp_path, WAV, cut), wanted)


def test_a_recording_that_shrinks_while_it_is_read_is_refused(tmp_path):
    for format in (WAV, AIFF, *FORMATS[-5:]):
        path = written(tmp_path, format, ID3 + encoded(format, music()))
        recording = open_audio(path)
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(InputError):
            list(recording.blocks())


def fuzz(folder: Path, seed: int, count: int) -> None:
    """Read damaged files of every format: every one is read or refused, soon."""
    files = [encoded(format, music(0.5, channels=channels)) for format in FORMATS for channels in (1, 2)]
    formats = [format for format in FORMATS for _ in (1, 2)]
    for which, data in islice(mutated(files, seed), count):
        path = written(folder, formats[which], data)
        begin = time.process_time()
        try:
            recording = open_audio(path)
            assert sum(block.shape[1] for block in recording.blocks()) == recording.n_samples
        except InputError as error:
            assert str(path) in str(error), error
        seconds = time.process_time() - begin
        assert seconds < SECONDS_FOR_A_FILE, f"{path}: {seconds:.1f} s"


def test_damaged_files_are_read_or_refused_soon_in_little_memory(tmp_path):
    # In a process of its own, because the memory and the crashes of a C library are seen from outside only.
    command = [sys.executable, "-m", "tests.audio.signal.test_containers", str(tmp_path), "0", "600"]
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests")])}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    peak_megabytes = float(done.stdout.split()[-1])
    assert peak_megabytes < 400


if __name__ == "__main__":
    fuzz(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(f"{peak_mib()}\n")
