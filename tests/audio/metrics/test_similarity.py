"""A recording is found to be of a MIDI file or not, and by how much it is late; descriptors say what was played."""

import mido
import numpy as np
import pytest
import soxr
from music import random_performance

from audio.metrics import descriptors
from audio.metrics.descriptors import FRAMES, N_MELS, N_MFCC, chroma_of_levels, describe, mel_cepstrum
from audio.metrics.similarity import MISMATCH_BELOW, Match, compare, match_of
from audio.signal.waveform import Waveform
from audio.spectral.frames import levels_of, power_spectra
from losscal.errors import InputError
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi

RATE = 16_000
HARPSICHORD, ORGAN = 6, 19
MAJOR_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def waveform(samples, sample_rate=RATE):
    return Waveform(np.ascontiguousarray(np.atleast_2d(samples), dtype=np.float32), sample_rate, "sound")


def tone(frequency, seconds, amplitude=0.3):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def in_c_major(seed):
    """The hard case: pieces that share key, register and pace."""
    rng = np.random.default_rng(seed)
    notes = np.zeros(160, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.sort(rng.integers(0, 2500, len(notes)))
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    notes["pitch"] = 48 + 12 * rng.integers(0, 3, len(notes)) + rng.choice(MAJOR_SCALE, len(notes))
    notes["velocity_bin"] = rng.integers(8, 32, len(notes))
    notes["duration_ticks"] = rng.integers(10, 80, len(notes))
    return Performance(notes[np.unique(notes["onset_ticks"] * 128 + notes["pitch"], return_index=True)[1]])


@pytest.fixture(scope="module")
def play(tmp_path_factory):
    """A function that plays a Performance: float32 [2, N] at RATE."""
    from bridge.render import render

    path = tmp_path_factory.mktemp("midi") / "piece.mid"

    def play(performance, program=0):
        write_midi(performance, path)
        file = mido.MidiFile(path)
        file.tracks[0].insert(0, mido.Message("program_change", program=program))
        file.save(path)
        return render(path, sample_rate=RATE)

    return play


@pytest.fixture(scope="module")
def pieces(play):
    performances = [random_performance(seed, 60) for seed in (0, 1, 5)] + [in_c_major(seed) for seed in range(3)]
    return performances, [play(performance) for performance in performances]


def in_a_noisy_room(samples):
    rng = np.random.default_rng(0)
    echo = 0.05 * rng.standard_normal(RATE) * np.exp(-4.6 * np.arange(RATE) / RATE)
    echo[0] = 1.0
    n = samples.shape[1] + RATE
    wet = np.fft.irfft(np.fft.rfft(samples[0], n) * np.fft.rfft(echo, n), n)
    return wet + 0.1 * wet.std() * rng.standard_normal(n)


@pytest.mark.fluidsynth
def test_mismatches_are_noticed_with_a_margin(pieces):
    described = [describe(waveform(samples)) for samples in pieces[1]]
    unrelated = [match_of(a, b) for i, a in enumerate(described) for b in described[:i]]
    raised = soxr.resample(pieces[1][3].T, RATE * 2 ** (1 / 12), RATE).T  # a semitone
    for match in [*unrelated, match_of(describe(waveform(raised)), described[3])]:
        assert match.is_mismatch and match.chroma_similarity < MISMATCH_BELOW - 0.1


@pytest.mark.fluidsynth
def test_pairs_are_accepted_with_a_margin(pieces, play):
    performances, rendered = pieces
    pairs = [(i, in_a_noisy_room(rendered[i])) for i in (0, 2, 3, 4)]
    pairs += [(i, play(performances[i], program)) for i in (3, 4) for program in (HARPSICHORD, ORGAN)]
    for i, samples in pairs:
        match = compare(waveform(samples), waveform(rendered[i]))
        assert match.is_mismatch is False and match.chroma_similarity > MISMATCH_BELOW + 0.2
        assert abs(match.offset_seconds) < 0.1 and match.mfcc_distance_db > 1.0


@pytest.mark.fluidsynth
@pytest.mark.parametrize("seconds", [-3.21, -0.008, 0.0, 0.016, 1.37])
def test_the_offset_is_how_much_later_the_recording_is(pieces, seconds):
    played = pieces[1][3]
    n = round(abs(seconds) * RATE)
    late = np.pad(played, ((0, 0), (n, 0))) if seconds >= 0 else played[:, n:]
    recording = waveform(0.2 * soxr.resample(late.T, RATE, 44_100).T, 44_100)
    match = compare(recording, waveform(played))
    assert match.offset_seconds == pytest.approx(seconds, abs=0.005)
    assert match.chroma_similarity > 0.97 and match.mfcc_distance_db < 2.0
    assert match.report() == {"chroma_similarity": match.chroma_similarity, "offset_seconds": match.offset_seconds}


@pytest.mark.fluidsynth
def test_a_sound_matches_itself_exactly(pieces):
    match = compare(*[waveform(pieces[1][4])] * 2)
    assert (match.chroma_similarity, match.mfcc_distance_db) == (pytest.approx(1.0, abs=1e-6), 0.0)
    assert match.offset_seconds == pytest.approx(0.0, abs=1e-9)


def test_music_that_repeats_is_not_found_late():
    loop = np.concatenate([tone(440 * 2 ** (step / 12), 0.5) for step in (0, 4, 7, 11)] * 6)
    hiss = 0.01 * np.random.default_rng(0).standard_normal(len(loop))  # the second time is a little more alike
    match = compare(waveform(np.concatenate([loop + hiss, loop])), waveform(loop))
    assert match.offset_seconds == pytest.approx(0.0, abs=0.01)


@pytest.mark.fluidsynth
def test_there_is_no_verdict_on_a_few_seconds(pieces):
    short = waveform(pieces[1][3][:, : 5 * RATE])
    assert compare(short, short).is_mismatch is None
    assert Match(0.39, 0.0, 0.0, 15.0).is_mismatch is True
    assert Match(0.41, 0.0, 0.0, 15.0).is_mismatch is False


@pytest.mark.fluidsynth
def test_the_best_offset_is_the_one_found_by_trying_all(pieces):
    a, b = (describe(waveform(pieces[1][i][:, : 12 * RATE])) for i in (3, 4))
    needed = 0.5 * min(a.is_active.sum(), b.is_active.sum())
    tried = []
    for lag in range(1 - len(b.chroma), len(a.chroma)):
        pairs = [(t + lag, t) for t in range(len(b.chroma)) if 0 <= t + lag < len(a.chroma)]
        both = [(i, j) for i, j in pairs if a.is_active[i] and b.is_active[j]]
        if len(both) >= needed:
            tried.append((np.mean([a.chroma[i] @ b.chroma[j] for i, j in both]), lag, both))
    similarity, lag, both = max(tried)
    match = match_of(a, b)
    assert match.chroma_similarity == pytest.approx(similarity, abs=1e-6)
    assert match.offset_seconds * FRAMES.frames_per_second == pytest.approx(lag, abs=0.5)
    assert match.sounding_seconds == pytest.approx(2 * needed / FRAMES.frames_per_second)
    distances = [np.linalg.norm(a.mfcc_db[i] - b.mfcc_db[j]) for i, j in both]
    assert match.mfcc_distance_db == pytest.approx(np.mean(distances) / np.sqrt(N_MELS), rel=1e-5)


def test_descriptors_say_which_pitch_sounds_and_when():
    hits = np.zeros(5 * RATE)
    for number, at in enumerate((0.5, 1.0, 2.0, 2.25, 4.0)):
        hit = tone(440.0 if number < 3 else 660.0, 0.2) * np.exp(-20 * np.arange(round(0.2 * RATE)) / RATE)
        hits[round(at * RATE) :][: len(hit)] += hit
    described = describe(waveform(hits))
    np.testing.assert_allclose(described.onset_seconds, [0.5, 1.0, 2.0, 2.25, 4.0], atol=0.05)
    assert set(np.argsort(described.pitch_shares)[-2:] + 21) == {69, 76}
    sounding = described.chroma[described.is_active]
    assert set(sounding.argmax(axis=1)) == {9, 4}  # A and E
    np.testing.assert_allclose(np.linalg.norm(sounding, axis=1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(sounding.sum(axis=1), 0.0, atol=1e-5)
    assert not described.chroma[~described.is_active].any() and 0 < described.is_active.mean() < 0.7


def test_chroma_sums_decibels_over_octaves():
    levels = np.zeros((2, 88), dtype=np.uint8)
    levels[0, [0, 12, 4]] = 50, 60, 44  # -55, -50 and -58 dB of A0, A1 and C#1; those at -80 count nothing
    wanted = np.zeros(12)
    wanted[[9, 1]] = 5.0 + 10.0, 2.0
    wanted -= wanted.mean()
    np.testing.assert_allclose(chroma_of_levels(levels), [wanted / np.linalg.norm(wanted), np.zeros(12)], atol=1e-6)


def test_mfcc_are_those_of_the_definition():
    samples = 0.1 * np.random.default_rng(2).standard_normal(4000) + tone(1000.0, 0.25)
    frame = np.pad(samples, (1024, 1024))[3 * 512 :][:2048] * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048))
    power = np.abs([frame @ np.exp(-2j * np.pi * k * np.arange(2048) / 2048) for k in range(1025)]) ** 2
    power *= 4 / (2048 * np.sum(np.hanning(2049)[:-1] ** 2))
    mel = np.linspace(2595 * np.log10(1 + 20 / 700), 2595 * np.log10(1 + 8000 / 700), 42)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.arange(1025) * RATE / 2048
    bands = [power @ np.interp(hertz, edges[b : b + 3], [0, 1, 0]) for b in range(40)]
    decibels = 10 * np.log10(np.maximum(bands, 1e-8))
    wanted = [np.sqrt(2 / 40) * decibels @ np.cos(np.pi * k * (np.arange(40) + 0.5) / 40) for k in range(1, 14)]
    (spectra,) = power_spectra(waveform(samples))
    got = mel_cepstrum(spectra)
    assert got.shape == (8, N_MFCC)
    np.testing.assert_allclose(got[3], wanted, atol=1e-3)


@pytest.mark.fluidsynth
def test_descriptors_do_not_depend_on_the_blocks_they_are_computed_in(pieces, monkeypatch):
    sound = waveform(pieces[1][0])
    whole = describe(sound)
    monkeypatch.setattr(descriptors, "BLOCK_FRAMES", 100)
    parts = describe(sound)
    for name in ("is_active", "chroma", "pitch_shares", "onset_seconds", "mfcc_db"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-6, atol=1e-6, err_msg=name)


def test_frames_of_timbre_and_of_pitch_are_the_same_frames():
    click = np.zeros(2 * RATE, dtype=np.float32)
    click[20_000] = 1.0
    levels = levels_of(waveform(click))
    (spectra,) = power_spectra(waveform(click))
    changed = np.abs(mel_cepstrum(spectra)).max(axis=1) > 1e-3
    np.testing.assert_array_equal(changed, levels.max(axis=1) > 0)


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.2])
def test_the_shortest_clips_are_described(seconds):
    described = describe(waveform(tone(440.0, seconds)))
    assert len(described.mfcc_db) == len(described.chroma) == -(-round(seconds * RATE) // 512)


def test_what_has_no_pitch_of_the_piano_is_refused():
    with pytest.raises(InputError, match="sound: nothing sounds in the range of a piano"):
        describe(waveform(tone(7000.0, 3.0)))
