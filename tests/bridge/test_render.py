"""Rendering plays the file as it is: repeatable, at any rate, with its tail, never clipped, and quiet on stdout."""

import sys

import mido
import numpy as np
import pytest
import soundfile
from full_disk import room_for

from audio.signal.blocks import BLOCK_SAMPLES
from audio.signal.waveform import Waveform, in_memory, read_audio
from bridge.items.music import Music
from bridge.render import main, render, write_audio
from bridge.synthesis import rendering, synthesiser
from bridge.synthesis.messages import first_note_seconds
from bridge.synthesis.rendering import TAIL_SECONDS
from losscal.errors import InputError
from losscal.midi import read_midi_file

TICKS_PER_SECOND = 960  # 480 ticks a beat at mido's default of 120 beats a minute


def write(path, messages, tempo_map=()):
    """messages: (seconds, mido message) on the default tempo; tempo_map: (seconds, microseconds a beat), track 0."""
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    tempi = [(seconds, mido.MetaMessage("set_tempo", tempo=tempo)) for seconds, tempo in tempo_map]
    for events in (tempi, messages):
        track, now = mido.MidiTrack(), 0
        for seconds, message in sorted(events, key=lambda event: event[0]):
            tick = round(seconds * TICKS_PER_SECOND)
            track.append(message.copy(time=tick - now))
            now = tick
        file.tracks.append(track)
    file.save(path)
    return path


def note(start, stop, pitch=69, velocity=100, channel=0):
    return [
        (start, mido.Message("note_on", note=pitch, velocity=velocity, channel=channel)),
        (stop, mido.Message("note_off", note=pitch, channel=channel)),
    ]


def control(seconds, number, value):
    return seconds, mido.Message("control_change", control=number, value=value)


@pytest.fixture
def one_note(tmp_path):
    return write(tmp_path / "one, note. Op. 1.mid", note(0.0, 1.0))


def loudness(samples, sample_rate, start, stop):
    return float(np.sqrt(np.mean(samples[:, int(start * sample_rate) : int(stop * sample_rate)] ** 2)))


def pitch_hz(samples, sample_rate, start, stop):
    part = samples.mean(axis=0)[int(start * sample_rate) : int(stop * sample_rate)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 18))
    return float(spectrum.argmax() * sample_rate / (1 << 18))


@pytest.mark.fluidsynth
def test_the_same_file_gives_the_same_bits_whatever_was_played_before(tmp_path, one_note):
    first = render(one_note)
    render(write(tmp_path / "other.mid", note(0.0, 0.3, pitch=40)))
    np.testing.assert_array_equal(render(one_note), first)


@pytest.mark.fluidsynth
@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100, 96_000])
def test_any_rate_gives_the_same_music(one_note, sample_rate):
    samples = render(one_note, sample_rate=sample_rate)
    assert samples.dtype == np.float32 and samples.shape[0] == 2
    assert pitch_hz(samples, sample_rate, 0.1, 0.9) == pytest.approx(440.0, rel=0.01)
    reference = render(one_note)
    wanted = loudness(reference, 44_100, 0.1, 0.9)
    assert loudness(samples, sample_rate, 0.1, 0.9) == pytest.approx(wanted, rel=0.2)


@pytest.mark.fluidsynth
def test_the_tail_is_kept_and_ends_where_it_is_silent(one_note):
    samples = render(one_note)
    seconds = samples.shape[1] / 44_100
    assert 1.1 < seconds < 1.0 + TAIL_SECONDS
    assert loudness(samples, 44_100, 1.0, 1.05) > 0.001
    assert 1e-4 <= np.abs(samples[:, -1]).max() < 1e-3


@pytest.mark.fluidsynth
def test_a_note_that_is_never_closed_ends_with_the_longest_tail(tmp_path):
    organ = [(0.0, mido.Message("program_change", program=19)), *note(0.0, 0.1)[:1], *note(0.2, 0.5, pitch=60)]
    samples = render(write(tmp_path / "hung.mid", organ), sample_rate=8_000)
    assert samples.shape[1] == round((0.5 + TAIL_SECONDS) * 8_000)


@pytest.mark.fluidsynth
def test_times_follow_the_tempo_map(tmp_path):
    # From tick 960 on a beat lasts twice as long, so what stands at tick 1920 sounds at 1 + 2 = 3 s.
    messages = [*note(0.0, 0.1), *note(2.0, 2.5)]
    samples = render(write(tmp_path / "tempo.mid", messages, tempo_map=[(1.0, 1_000_000)]))
    assert loudness(samples, 44_100, 2.5, 2.99) < 1e-3 < loudness(samples, 44_100, 3.05, 3.3)


@pytest.mark.fluidsynth
def test_the_first_note_is_no_drum(tmp_path):
    drum, late = note(0.25, 0.5, channel=9), note(1.5, 2.0)
    expected = render(write(tmp_path / "late.mid", late), sample_rate=8_000, from_first_note=True)
    both = render(write(tmp_path / "both.mid", [*drum, *late]), sample_rate=8_000, from_first_note=True)
    np.testing.assert_array_equal(both, expected)
    assert first_note_seconds(tmp_path / "both.mid") == pytest.approx(1.5)
    assert first_note_seconds(write(tmp_path / "drums.mid", drum)) == pytest.approx(0.25)
    with pytest.raises(InputError, match=r"none\.mid: holds no note"):
        render(write(tmp_path / "none.mid", [control(0.0, 64, 127)]))


@pytest.mark.fluidsynth
def test_rests_and_stray_messages_change_nothing_of_what_is_heard_from_the_first_note_on(tmp_path):
    music = [control(0.0, 7, 80), *note(0.0, 0.3), *note(0.5, 0.8, pitch=60)]
    expected = render(write(tmp_path / "music.mid", music), sample_rate=8_000)
    late = [(seconds + 4.0, message) for seconds, message in music[1:]]
    strays = [
        control(20.0, 7, 100),
        control(20.0, 64, 127),
        control(21.0, 64, 0),
        (22.0, mido.Message("note_off", note=60)),
    ]
    for name, messages in {"rest": [music[0], *late], "stray": [*music, *strays]}.items():
        samples = render(write(tmp_path / f"{name}.mid", messages), sample_rate=8_000, from_first_note=True)
        np.testing.assert_array_equal(samples, expected)


@pytest.mark.fluidsynth
def test_a_controller_hours_later_costs_neither_time_nor_memory(tmp_path):
    expected = render(write(tmp_path / "music.mid", note(0.0, 0.3)), sample_rate=8_000)
    for stray in (control(10_800.0, 7, 90), control(10_800.0, 64, 0)):
        held = [control(0.1, 64, 127)] if stray[1].control == 64 else []
        samples = render(write(tmp_path / "stray.mid", [*note(0.0, 0.3), *held, stray]), sample_rate=8_000)
        assert samples.shape[1] <= 8_000 * 30
        assert held or np.array_equal(samples, expected)


def test_music_of_rests_is_refused_before_it_is_played(tmp_path, monkeypatch):
    monkeypatch.setattr("bridge.synthesis.rendering.play", lambda *_, **__: "played")
    for name, second_note, is_refused in (("late", 10_800.0, True), ("rest", 205.0, True), ("music", 195.0, False)):
        music = Music(write(tmp_path / f"{name}.mid", [*note(0.0, 0.5), *note(second_note, second_note + 0.5)]), None)
        if is_refused:
            with pytest.raises(InputError, match=rf"{name}\.mid: notes sound for only .* begins at 1[01] s"):
                music.rendering(8_000)
        else:
            assert music.rendering(8_000) == "played"
    held = [control(0.1, 64, 127), control(10_700.0, 64, 0)]  # whether that is silence only its sound can tell
    held_music = Music(write(tmp_path / "held.mid", [*note(0.0, 0.5), *held, *note(10_800.0, 10_801.0)]), None)
    beside_a_recording = Music(tmp_path / "late.mid", tmp_path / "late.wav")
    assert held_music.rendering(8_000) == beside_a_recording.rendering(8_000) == "played"


@pytest.mark.fluidsynth
def test_smpte_time_is_played(tmp_path):
    path = write(tmp_path / "beats.mid", note(0.0, 0.5))
    data = path.read_bytes()
    path.write_bytes(data[:12] + (0xE728).to_bytes(2, "big") + data[14:])  # 25 frames of 40: a tick is a millisecond
    assert np.abs(render(path)[:, : 44 * 480]).max() > 0.01


@pytest.mark.fluidsynth
def test_what_ends_notes_for_the_reader_ends_them_for_the_synthesiser(tmp_path):
    for ending in (control(0.2, 120, 0), control(0.2, 123, 0), control(0.2, 126, 0)):
        path = write(tmp_path / "ended.mid", [*note(0.0, 4.0), ending, *note(4.5, 4.6, pitch=30)])
        samples = render(path)
        assert loudness(samples, 44_100, 1.5, 4.0) < 0.02 * loudness(samples, 44_100, 0.05, 0.2)


@pytest.mark.fluidsynth
def test_the_pedal_holds_a_note(tmp_path):
    later = [control(2.0, 64, 0), *note(2.1, 2.2, pitch=40)]
    dry = render(write(tmp_path / "dry.mid", [*note(0.0, 0.2), *later]))
    held = render(write(tmp_path / "held.mid", [control(0.0, 64, 127), *note(0.0, 0.2), *later]))
    assert loudness(held, 44_100, 1.0, 1.9) > 10 * loudness(dry, 44_100, 1.0, 1.9)


@pytest.mark.fluidsynth
def test_programs_pitch_bends_and_all_channels_are_played(tmp_path, one_note):
    piano = render(one_note)
    flute = render(write(tmp_path / "flute.mid", [(0.0, mido.Message("program_change", program=73)), *note(0.0, 1.0)]))
    assert np.abs(piano[:, :40_000] - flute[:, :40_000]).max() > 0.01
    bend = (0.0, mido.Message("pitchwheel", pitch=8191))  # two semitones up
    bent = render(write(tmp_path / "bent.mid", [bend, *note(0.0, 1.0)]))
    assert pitch_hz(bent, 44_100, 0.1, 0.9) == pytest.approx(440.0 * 2 ** (2 / 12), rel=0.01)
    later = render(write(tmp_path / "channels.mid", [*note(0.0, 0.1), *note(1.0, 1.5, channel=5)]))
    assert loudness(later, 44_100, 1.05, 1.4) > 0.001


@pytest.mark.fluidsynth
def test_a_rendering_is_the_same_from_disk_and_from_memory_in_every_pass(tmp_path, monkeypatch):
    file = read_midi_file(write(tmp_path / "long.mid", [*note(0.0, 0.5), *note(9.0, 9.5, pitch=50)]))
    expected = in_memory(rendering.play(file, "long.mid")).samples
    monkeypatch.setattr(rendering, "IN_MEMORY_BYTES", 1 << 16)
    on_disk = rendering.play(file, "long.mid")
    assert on_disk.n_samples == expected.shape[1] > 2 * BLOCK_SAMPLES
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(on_disk.blocks()), axis=1), expected)
    for ours, theirs in zip(on_disk.blocks(), on_disk.blocks(), strict=True):  # two passes at a time
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@pytest.mark.fluidsynth
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_names_need_be_no_utf_8(tmp_path, suffix):
    folder = tmp_path / "d\udce9j\udce0"
    folder.mkdir()
    sound = rendering.play(read_midi_file(write(folder / "\udcff.mid", note(0.0, 0.5))), "one.mid", sample_rate=32_000)
    write_audio(folder / f"\udcfe{suffix}", sound)
    assert read_audio(folder / f"\udcfe{suffix}").seconds == pytest.approx(sound.seconds, abs=0.1)


@pytest.mark.fluidsynth
def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rendering.SpooledTemporaryFile, "write", full)
    with pytest.raises(InputError, match=r"its rendering cannot be kept \(No space left on device\)"):
        render(write(tmp_path / "one.mid", note(0.0, 0.5)))


@pytest.mark.fluidsynth
def test_nothing_clips(tmp_path):
    cluster = [event for pitch in range(30, 90) for event in note(0.0, 1.0, pitch=pitch, velocity=127)]
    path = write(tmp_path / "loud.mid", cluster)
    samples = render(path, gain=5.0)
    assert np.abs(samples).max() == pytest.approx(1.0, abs=1e-6)
    assert np.mean(np.abs(samples) > 0.99) < 1e-3
    quiet = render(path, gain=0.05)
    np.testing.assert_allclose(quiet / np.abs(quiet).max(), samples[:, : quiet.shape[1]], atol=1e-4)


@pytest.mark.fluidsynth
def test_what_cannot_be_played_has_its_sentence(tmp_path, one_note):
    silent = write(tmp_path / "silent.mid", [control(0.0, 64, 127)])
    (tmp_path / "text.mid").write_text("this is no MIDI file")
    (tmp_path / "empty.mid").write_bytes(b"")
    (tmp_path / "cut.mid").write_bytes(one_note.read_bytes()[:-6])
    (tmp_path / "text.sf2").write_text("this is no SoundFont")
    (tmp_path / "cut.sf2").write_bytes(b"RIFF\xff\xff\xff\x00sfbk" + bytes(100))
    (tmp_path / "junk.sf2").write_bytes(b"RIFF\x68\x00\x00\x00sfbk" + bytes(100))
    cases = [
        (silent, {}, "holds no note"),
        (tmp_path / "text.mid", {}, "not a MIDI file"),
        (tmp_path / "empty.mid", {}, "the file is empty"),
        (tmp_path / "cut.mid", {}, "truncated"),
        (tmp_path / "missing.mid", {}, "no such file"),
        (one_note, {"sample_rate": 7_999}, "sample rate 7999: allowed is a whole number from 8000 up to 96000"),
        (one_note, {"sample_rate": 192_000}, "sample rate 192000: allowed is"),
        (one_note, {"gain": 1000.0}, "gain 1000.0: allowed is"),
        (one_note, {"gain": float("nan")}, "gain nan: allowed is"),
        (one_note, {"soundfont": tmp_path / "missing.sf2"}, "no such SoundFont"),
        (one_note, {"soundfont": tmp_path / "text.sf2"}, "not a SoundFont"),
        (one_note, {"soundfont": tmp_path / "cut.sf2"}, "truncated SoundFont"),
        (one_note, {"soundfont": tmp_path / "junk.sf2"}, "not a readable SoundFont"),
    ]
    for path, options, reason in cases:
        with pytest.raises(InputError, match=reason) as caught:
            render(path, **options)
        assert "\n" not in str(caught.value)


def test_a_missing_library_says_what_to_install(one_note, monkeypatch):
    synthesiser._load_fluidsynth.cache_clear()
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(InputError, match="install libfluidsynth3"):
        render(one_note)
    synthesiser._load_fluidsynth.cache_clear()


@pytest.mark.fluidsynth
def test_the_command_writes_a_file_and_nothing_else(tmp_path, one_note, capfd, monkeypatch):
    monkeypatch.setenv("CI", "1")  # where pyfluidsynth would announce the library on stdout
    synthesiser._load_fluidsynth.cache_clear()
    wav = tmp_path / "out" / "one.wav"
    assert main([str(one_note), str(wav), "--sample-rate", "16000"]) == 0
    assert capfd.readouterr() == ("", "")
    samples, sample_rate = soundfile.read(wav, always_2d=True)
    assert sample_rate == 16_000
    np.testing.assert_allclose(samples.T, render(one_note, sample_rate=16_000), atol=2**-14)


def test_help_names_the_licence_of_the_default_soundfont(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0 and "GPL-2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("one.xyz", "no audio format"),
        ("one", "no audio format"),
        ("one.raw", "no audio format"),
        ("one.mp3", "cannot be written at 96000 Hz"),
    ],
)
def test_a_file_that_could_not_be_written_is_told_before_the_work_in_one_line(tmp_path, capfd, name, reason):
    assert main([str(tmp_path / "never_read.mid"), str(tmp_path / name), "--sample-rate", "96000"]) == 1
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and reason in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path, suffix):
    sound = Waveform(0.1 * np.random.default_rng(0).standard_normal((2, 200_000)).astype(np.float32), 22_050, "noise")
    with room_for(1000), pytest.raises(InputError, match=r"cannot be written; the disk may be full: make room"):
        write_audio(tmp_path / f"a{suffix}", sound)
    assert list(tmp_path.iterdir()) == []
