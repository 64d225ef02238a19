"""FLAC of unknown length, MP3 with and without a table of its frames, OGG of many pages."""

import io
import re
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_formats import FORMATS, RATE, encoded, music
from sounds import peak_bytes

from audio.signal.blocks import BLOCK_SAMPLES
from audio.signal.waveform import open_audio
from losscal.errors import InputError

FLAC, VORBIS, OPUS, MP3 = (
    next(format for format in FORMATS if (format.name, format.subtype) == tuple(words.split()))
    for words in ("FLAC PCM_16", "OGG VORBIS", "OGG OPUS", "MP3 MPEG_LAYER_III")
)
FRAME_SAMPLES = 576
"""Of an MP3 frame at 16 kHz."""
ENCODER_DELAY_SAMPLES = 1105
"""LAME's 576 and the decoder's 529: what comes before the first sample."""


def samples_of(path: Path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    recording = open_audio(path)
    samples = np.concatenate(list(recording.blocks()), axis=1)
    assert recording.n_samples == samples.shape[1]
    return samples


def with_total(data: bytes, n_samples: int) -> bytes:
    """A FLAC file whose header declares that many samples."""
    changed = bytearray(data)
    changed[21] = changed[21] & 0xF0 | n_samples >> 32
    changed[22:26] = (n_samples & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(changed)


@pytest.mark.parametrize("seconds", [0.01, 0.3, 7.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_flac_of_unknown_or_too_small_length_is_read_to_its_last_frame(tmp_path, seconds, channels):
    data = encoded(FLAC, music(seconds, channels=channels))
    wanted = samples_of(tmp_path / "a.flac", data)
    assert wanted.shape == (channels, round(seconds * RATE))
    for declared in (0, 1, wanted.shape[1] - 1):
        for behind in (b"", b"TAG" + b"x" * 125):
            np.testing.assert_array_equal(samples_of(tmp_path / "a.flac", with_total(data, declared) + behind), wanted)


def test_joined_flac_files_of_unknown_length(tmp_path):
    parts = [with_total(encoded(FLAC, music(seconds, seed)), 0) for seed, seconds in enumerate((0.5, 1.5, 0.1))]
    wanted = [samples_of(tmp_path / "a.flac", part) for part in parts]
    np.testing.assert_array_equal(samples_of(tmp_path / "a.flac", b"".join(parts)), np.concatenate(wanted, axis=1))


def test_a_flac_that_declares_more_than_there_is_says_both(tmp_path):
    data = encoded(FLAC, music(1.0))
    with pytest.raises(InputError, match="ends after 16000 of 16001 declared samples"):
        samples_of(tmp_path / "a.flac", with_total(data, 16_001))
    with pytest.raises(InputError, match=r"ends after \d+ in the middle of a block of samples"):
        samples_of(tmp_path / "a.flac", with_total(data, 0)[:-20])


def frame_starts(data: bytes) -> list[int]:
    """Where the frames of an MP3 at 16 kHz begin, of fixed or changing rate (MPEG 2, layer III)."""
    kbps = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    starts, at = [], 0
    while at < len(data):
        assert data[at : at + 2] in (b"\xff\xf3", b"\xff\xf2"), at
        starts.append(at)
        at += 72_000 * kbps[data[at + 2] >> 4] // RATE + (data[at + 2] >> 1 & 1)
    return starts


def mp3(seconds: float, seed: int = 0, mode: str = "CONSTANT") -> tuple[bytes, list[int]]:
    """A file that begins with a table, and where its frames begin."""
    data = encoded(MP3, music(seconds, seed), bitrate_mode=mode, compression_level=0.5)
    assert b"LAME" in data[:200]
    return data, frame_starts(data)


def assert_is_what_libsndfile_decodes(samples: np.ndarray, data: bytes, guesses: bool) -> None:
    """To the bit, as far as libsndfile reads by itself: to the end where all frames are of one size."""
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        wanted = file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True).T
    assert guesses or wanted.shape[1] == min(samples.shape[1], BLOCK_SAMPLES)
    np.testing.assert_array_equal(samples[:, : wanted.shape[1]], wanted)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_without_a_table_gives_every_frame(tmp_path, capfd, mode):
    data, starts = mp3(6.0, mode=mode)
    whole = samples_of(tmp_path / "a.mp3", data)
    bare = samples_of(tmp_path / "a.mp3", data[starts[1] :])
    assert whole.shape[1] == 96_000 and bare.shape[1] == FRAME_SAMPLES * (len(starts) - 1)
    assert_is_what_libsndfile_decodes(bare, data[starts[1] :], guesses=mode == "VARIABLE")
    trimmed = bare[:, ENCODER_DELAY_SAMPLES : ENCODER_DELAY_SAMPLES + 96_000]
    # The first frames miss what they share with the frame of the table.
    np.testing.assert_allclose(trimmed[:, 4 * FRAME_SAMPLES :], whole[:, 4 * FRAME_SAMPLES :], atol=1e-4)
    assert "Xing" not in capfd.readouterr().err


def test_a_quiet_start_is_no_sign_of_a_cut(tmp_path):
    samples = np.concatenate([1e-4 * music(5.0), music(5.0)])
    data = encoded(MP3, samples, bitrate_mode="VARIABLE", compression_level=0.5)
    starts = frame_starts(data)
    for n_first in (0, 1):  # with and without the table
        heard = samples_of(tmp_path / "a.mp3", data[starts[n_first] :])
        assert heard.shape[1] >= 160_000
        assert np.abs(heard[:, -60_000:-10_000]).max() > 0.1


def test_joined_mp3_parts_keep_their_own_trimming_and_tags_between_are_passed_over(tmp_path, capfd):
    files = [mp3(seconds, seed) for seed, seconds in enumerate((2.0, 3.0, 1.0))]
    wanted = np.concatenate([samples_of(tmp_path / "a.mp3", data) for data, _ in files], axis=1)
    between = b"TAG" + b"x" * 125 + b"ID3\x03\0\0\0\0\0\x05hello" + bytes(100)
    for joint in (b"", between):
        np.testing.assert_array_equal(samples_of(tmp_path / "a.mp3", joint.join(data for data, _ in files)), wanted)
    assert wanted.shape[1] == 96_000
    bare = b"".join(data[starts[1] :] for data, starts in files)
    n_frames = sum(len(starts) - 1 for _, starts in files)
    assert samples_of(tmp_path / "a.mp3", bare).shape[1] == FRAME_SAMPLES * n_frames
    assert "Xing" not in capfd.readouterr().err


def test_a_table_that_counts_too_few_frames_is_not_believed(tmp_path):
    data, _ = mp3(4.0)
    at = data.index(b"Info") + 8
    changed = data[:at] + (20).to_bytes(4, "big") + data[at + 4 :]
    np.testing.assert_array_equal(samples_of(tmp_path / "a.mp3", changed), samples_of(tmp_path / "a.mp3", data))


def test_a_cut_mp3_says_how_many_frames_are_there(tmp_path):
    data, starts = mp3(4.0)
    n_frames = len(starts) - 1
    for place in (starts[50], starts[50] + 30):
        with pytest.raises(InputError, match=rf"ends after 49 of its {n_frames} frames \(1.76 of "):
            samples_of(tmp_path / "a.mp3", data[:place])
    bare = samples_of(tmp_path / "a.mp3", data[starts[1] : starts[50] + 30])
    assert bare.shape[1] == 49 * FRAME_SAMPLES, "a frame cut off at the end is dropped"


def test_bytes_between_mp3_frames_that_are_no_frames_are_told(tmp_path):
    data, starts = mp3(4.0)
    damaged = data[: starts[40]] + b"\x11" * 300 + data[starts[41] :]
    with pytest.raises(InputError, match=f"the 300 bytes from byte {starts[40]} on are no MP3 frames"):
        samples_of(tmp_path / "a.mp3", damaged)
    part_of_a_frame_first = data[starts[20] + 30 :]
    n_frames = len(starts) - 21
    assert samples_of(tmp_path / "a.mp3", part_of_a_frame_first).shape[1] == n_frames * FRAME_SAMPLES


def test_an_mp3_of_free_format_is_refused(tmp_path):
    data, starts = mp3(2.0)
    free = bytearray(data)
    for start in starts:
        free[start + 2] &= 0x0F
    with pytest.raises(InputError, match="nor MP3 of layer III with a stated bit rate"):
        samples_of(tmp_path / "a.mp3", bytes(free))


@pytest.mark.parametrize("format", [VORBIS, OPUS], ids=str)
def test_an_ogg_with_a_page_lost_or_damaged_is_refused(tmp_path, format):
    data = encoded(format, music(20.0))
    starts = [match.start() for match in re.finditer(rb"OggS\0", data)]
    assert len(starts) > 5
    lost = data[: starts[3]] + data[starts[4] :]
    with pytest.raises(InputError, match=f"pages are missing before byte {starts[3]}"):
        samples_of(tmp_path / "a.ogg", lost)
    damaged = bytearray(data)
    damaged[starts[3] + 100] ^= 1
    with pytest.raises(InputError, match=f"no whole page at byte {starts[3]} of {len(data)}"):
        samples_of(tmp_path / "a.ogg", bytes(damaged))
    with pytest.raises(InputError, match="its last page has not come"):
        samples_of(tmp_path / "a.ogg", data[: starts[-1]])


def test_a_long_joined_recording_is_read_in_little_memory(tmp_path):
    path = tmp_path / "long.flac"
    path.write_bytes(encoded(FLAC, music(60.0, rate=8_000), 8_000) * 20)
    recording = open_audio(path)
    assert recording.seconds == 1200
    assert peak_bytes(lambda: deque(recording.blocks(), maxlen=0)) < 10 << 20
