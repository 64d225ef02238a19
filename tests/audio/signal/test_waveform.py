"""Every format comes in alike, whole or in blocks, every bad file has its sentence, loudness agrees with arithmetic."""

import os

import numpy as np
import pytest
import soundfile

from audio.signal.decoding import MAX_FILE_BYTES, MAX_FILE_CHANNELS
from audio.signal.waveform import (
    Waveform,
    cut,
    in_memory,
    loudness_lufs,
    mono_blocks,
    normalise,
    open_audio,
    prepare_mono,
    read_audio,
    resample,
    to_mono,
    without_dc,
)
from losscal.errors import InputError


def sine(frequency: float, seconds: float, sample_rate: int, amplitude: float = 0.5, channels: int = 1) -> Waveform:
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    samples = np.tile(amplitude * np.sin(2 * np.pi * frequency * t), (channels, 1)).astype(np.float32)
    return Waveform(samples, sample_rate, "sine")


@pytest.mark.parametrize(
    ("suffix", "subtype", "sample_rate", "channels", "tolerance"),
    [
        ("wav", "PCM_U8", 8_000, 1, 2**-6),
        ("wav", "PCM_16", 44_100, 2, 2**-14),
        ("wav", "PCM_24", 48_000, 6, 2**-22),
        ("wav", "PCM_32", 96_000, 1, 2**-22),
        ("wav", "FLOAT", 11_025, 1, 0.0),
        ("wav", "DOUBLE", 192_000, 2, 0.0),
        ("flac", "PCM_16", 44_100, 2, 2**-14),
        ("aiff", "PCM_16", 22_050, 1, 2**-14),
    ],
)
def test_reads_every_format_width_rate_and_channel_count(tmp_path, suffix, subtype, sample_rate, channels, tolerance):
    wanted = sine(220.0, 0.2, sample_rate, channels=channels)
    path = tmp_path / f"Chopin, F. Étude No. 1.{suffix}"
    soundfile.write(path, wanted.samples.T, sample_rate, subtype=subtype)
    got = read_audio(path)
    assert (got.sample_rate, got.samples.shape, got.samples.dtype) == (sample_rate, wanted.samples.shape, np.float32)
    np.testing.assert_allclose(got.samples, wanted.samples, atol=tolerance, rtol=0)
    assert got.seconds == pytest.approx(0.2, abs=1e-3)


def test_a_recording_is_read_in_blocks_as_often_as_wanted(tmp_path):
    path = tmp_path / "long.flac"
    wanted = sine(220.0, 5.0, 44_100, channels=2)
    soundfile.write(path, wanted.samples.T, 44_100)
    recording = open_audio(path)
    assert (recording.source, recording.sample_rate, recording.n_channels) == (str(path), 44_100, 2)
    assert (recording.n_samples, recording.seconds) == (220_500, 5.0)
    for _ in range(2):
        blocks = list(recording.blocks())
        assert max(block.shape[1] for block in blocks) < recording.n_samples / 3
        np.testing.assert_allclose(np.concatenate(blocks, axis=1), wanted.samples, atol=2**-14)


def bad_files(tmp_path):
    def write(name: str, samples: np.ndarray, **options) -> str:
        soundfile.write(tmp_path / name, samples, 16_000, **options)
        return name

    def cut_short(name: str) -> str:
        whole = write(name, sine(220.0, 2.0, 16_000).samples[0])
        content = (tmp_path / whole).read_bytes()
        (tmp_path / whole).write_bytes(content[: len(content) // 2])
        return name

    one_nan = np.full(1000, 0.1)
    one_nan[500] = np.nan
    good = write("good.wav", np.full(1000, 0.1))
    header = (tmp_path / good).read_bytes()
    for name, content in {
        "text.wav": b"this is no sound",
        "empty.wav": b"",
        "header.wav": b"RIFF\xff\xff\xff\xffWAVEjunk" + header[16:40],
        "cut.wav": header[:30],
        "samples.raw": b"\0" * 100,
    }.items():
        (tmp_path / name).write_bytes(content)
    return {
        cut_short("music.flac"): "ends after",
        cut_short("music.mp3"): "ends after",
        cut_short("music.wav"): "is cut short",
        write("zero.wav", np.zeros(0)): "no audio frame",
        write("nan.wav", one_nan, subtype="FLOAT"): "NaN",
        write("inf.wav", np.full(1000, np.inf), subtype="FLOAT"): "infinite",
        write("silent.wav", np.zeros(16_000)): "silent",
        "text.wav": "cannot be read as audio",
        "empty.wav": "cannot be read as audio",
        "header.wav": "cannot be read as audio",
        "cut.wav": "cannot be read as audio",
        "samples.raw": "no header",
        "missing.wav": "no such file",
        ".": "a folder, not audio",
    }


def test_every_bad_file_has_one_sentence_with_its_name(tmp_path):
    for name, reason in bad_files(tmp_path).items():
        with pytest.raises(InputError, match=reason) as caught:
            read_audio(tmp_path / name)
        message = str(caught.value)
        assert str(tmp_path / name) in message and "\n" not in message and message.endswith("."), message


def test_mono_is_the_mean_of_the_channels():
    stereo = Waveform(np.array([[1.0, 0.5], [0.0, -0.5]], dtype=np.float32), 8_000, "two")
    np.testing.assert_array_equal(in_memory(to_mono(stereo)).samples, [[0.5, 0.0]])


def test_a_cut_is_part_of_the_sound():
    sound = sine(440.0, 20.0, 16_000)
    part = cut(sound, 100, 200_000)
    np.testing.assert_array_equal(in_memory(part).samples, sound.samples[:, 100:200_000])
    assert part.n_samples == 199_900
    with pytest.raises(InputError, match="no audio frame"):
        cut(sound, 100, 100)


def test_nothing_is_left_of_a_clip_that_is_too_short_to_resample():
    with pytest.raises(InputError, match="sine: too short to resample to 16000 Hz"):
        resample(sine(440.0, 1 / 44_100, 44_100), 16_000)


@pytest.mark.parametrize("sample_rate", [1, 100, 3_999, 768_001, 2**31 - 1])
def test_a_rate_that_nothing_is_recorded_at_is_refused(tmp_path, sample_rate):
    path = tmp_path / "odd.wav"
    soundfile.write(path, np.full(1000, 0.1), sample_rate)
    with pytest.raises(InputError, match=rf"a sample rate of {sample_rate} Hz, possible are 4000 to 768000 Hz"):
        open_audio(path)


def test_more_channels_than_anyone_records_are_refused(tmp_path):
    soundfile.write(tmp_path / "many.wav", np.full((100, 65), 0.1), 8_000)
    with pytest.raises(InputError, match="65 channels, the limit is 64"):
        open_audio(tmp_path / "many.wav")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", "/dev/zero"):
        with pytest.raises(InputError, match="no regular file"):
            open_audio(path)


def test_files_and_recordings_beyond_the_limits_are_refused(tmp_path):
    path = tmp_path / "huge.wav"
    soundfile.write(path, np.full(1000, 100, dtype=np.int16), 4_000, subtype="PCM_U8")
    header = path.read_bytes()[:40]
    n_bytes = 4_000 * 3600 * 25
    path.write_bytes(header + n_bytes.to_bytes(4, "little"))
    os.truncate(path, len(header) + 4 + n_bytes)  # zeros that take no place on the disk
    with pytest.raises(InputError, match=r"lasts 25\.0 hours, the limit is 24"):
        open_audio(path)
    os.truncate(path, MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match=f"{MAX_FILE_BYTES + 1} bytes, the limit is {MAX_FILE_BYTES}"):
        open_audio(path)


@pytest.mark.parametrize("left_over", [0.0, 0.009])
def test_stereo_in_opposite_phase_is_refused_by_its_cause(left_over):
    tone = sine(440.0, 2.0, 16_000).samples[0]
    sound = Waveform(np.stack([tone, tone * np.float32(left_over - 1)]), 16_000, "phase")
    with pytest.raises(InputError, match="phase: its channels are in opposite phase and cancel"):
        prepare_mono(sound, 16_000, -23.0)


def test_channels_that_differ_do_not_cancel():
    noise = np.random.default_rng(0).standard_normal((MAX_FILE_CHANNELS, 16_000)).astype(np.float32)
    alone = noise * (np.arange(MAX_FILE_CHANNELS)[:, None] == 0)
    for samples in (noise, alone):
        assert in_memory(to_mono(Waveform(samples, 16_000, "noise"))).n_samples == 16_000


def test_an_offset_is_taken_out_of_each_channel_and_what_has_none_is_left_alone():
    clean = sine(440.0, 2.0, 16_000, channels=2)
    offset = np.array([[0.02], [-0.1]], dtype=np.float32)
    shifted = Waveform(clean.samples + offset, 16_000, "shifted")
    assert np.abs(in_memory(without_dc(shifted)).samples - clean.samples).max() < 2**-20
    assert without_dc(clean) is clean


def test_an_offset_alone_is_told_as_what_it_is():
    for samples in (np.full((2, 8000), 0.01), np.tile([[0.3], [-0.2]], 8000)):
        with pytest.raises(InputError, match=r"offset: holds a constant offset \(DC\) and no sound"):
            without_dc(Waveform(samples.astype(np.float32), 16_000, "offset"))


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 44_100, 96_000])
def test_resampling_keeps_a_sine_in_place(sample_rate):
    got = in_memory(resample(sine(440.0, 1.0, sample_rate), 16_000))
    wanted = sine(440.0, 1.0, 16_000)
    assert got.samples.shape == wanted.samples.shape
    np.testing.assert_allclose(got.samples[:, 2000:-2000], wanted.samples[:, 2000:-2000], atol=2e-3)


@pytest.mark.parametrize("amplitude", [1.0, 0.1])
def test_loudness_of_a_sine_is_what_the_standard_says(amplitude):
    # ITU-R BS.1770: a 997 Hz sine of full scale in one channel measures -3.01 LUFS; meters may be off by 0.1 LU.
    assert loudness_lufs(sine(997.0, 3.0, 48_000, amplitude)) == pytest.approx(
        -3.01 + 20 * np.log10(amplitude), abs=0.1
    )


def test_two_equal_channels_are_3_db_louder_than_one():
    one, two = (loudness_lufs(sine(997.0, 2.0, 48_000, channels=channels)) for channels in (1, 2))
    assert two - one == pytest.approx(10 * np.log10(2), abs=1e-6)


def test_a_clip_shorter_than_a_gating_block_is_as_loud_as_a_long_one():
    short, long = (loudness_lufs(sine(1000.0, seconds, 48_000)) for seconds in (0.05, 2.0))
    assert short == pytest.approx(long, abs=0.1)


def test_normalise_reaches_the_target():
    assert loudness_lufs(normalise(sine(440.0, 2.0, 16_000, 0.01), -23.0)) == pytest.approx(-23.0, abs=1e-3)


def test_mono_blocks_are_mono_resampled_and_at_the_loudness():
    blocks = list(mono_blocks(sine(440.0, 5.0, 44_100, channels=2), 16_000, -23.0))
    assert len(blocks) > 1 and all(block.ndim == 1 and block.dtype == np.float32 for block in blocks)
    mono = Waveform(np.concatenate(blocks)[None], 16_000, "mono")
    assert mono.n_samples == 80_000 and loudness_lufs(mono) == pytest.approx(-23.0, abs=1e-3)


def test_what_is_below_the_absolute_gate_is_refused_by_name():
    with pytest.raises(InputError, match=r"sine: is all but silent, quieter than -70 LUFS"):
        loudness_lufs(sine(440.0, 1.0, 16_000, 1e-5))
