"""What was heard becomes a MIDI file that reads back as the same notes."""

import mido
import numpy as np
import pytest

from bridge.transcribe import main
from bridge.transcription.transcriber import Heard, HeardNote
from losscal.errors import InputError
from symbolic.notes.cleaning import read_midi


def heard_of(*notes):
    return Heard(notes, "listener", "1.0", "o.wav")


def test_heard_notes_read_back_with_the_pedal_folded(tmp_path):
    pedal = HeardNote(0.0, 1.5, 64, 90, is_pedal=True)
    heard = heard_of(pedal, HeardNote(0.0, 0.5, 60, 80), HeardNote(1.0, 2.0, 64, 40))
    heard.write(tmp_path / "o.mid")
    notes = read_midi(tmp_path / "o.mid").performance.notes
    assert (notes == heard.cleaned.performance.notes).all()
    assert notes["pitch"].tolist() == [60, 64]
    assert notes["onset_ticks"].tolist() == [0, 100]
    assert notes["duration_ticks"].tolist() == [150, 100]


def test_every_key_and_pedal_is_written_with_its_times_and_velocity(tmp_path):
    rng = np.random.default_rng(0)
    notes, time = [], 0.0
    for i in range(200):
        time += float(rng.uniform(0.002, 0.1))
        key = int(rng.integers(21, 109)) if i % 3 else int(rng.choice([64, 67]))
        note = HeardNote(time, time + float(rng.uniform(0.01, 3.0)), key, int(rng.integers(1, 128)), i % 3 == 0)
        notes.append(note)
    heard_of(*notes).write(tmp_path / "o.mid")
    held, written = {}, []
    now = 0
    for message in mido.MidiFile(tmp_path / "o.mid").tracks[0]:
        now += message.time
        if message.is_meta:
            continue
        is_pedal = message.type == "control_change"
        key = (is_pedal, message.control if is_pedal else message.note)
        if message.type == "note_on" or (is_pedal and message.value):
            assert key not in held
            held[key] = (now, 0 if is_pedal else message.velocity)
        else:
            written.append((*held.pop(key), now, *key))
    assert not held
    expected = []
    for i, note in enumerate(notes):
        same = [of.start_seconds for of in notes[i + 1 :] if (of.is_pedal, of.number) == (note.is_pedal, note.number)]
        first, last = (round(1000 * seconds) for seconds in (note.start_seconds, min([note.end_seconds, *same])))
        expected.append((first, 0 if note.is_pedal else note.velocity, last, note.is_pedal, note.number))
    assert sorted(written) == sorted(expected)


def test_notes_of_no_length_and_keys_struck_twice_at_once_are_written_as_a_piano_could():
    notes = [HeardNote(0.0, 0.0, 60, 80), HeardNote(0.0, 0.0, 62, 10), HeardNote(0.0002, 0.5, 62, 90)]
    read = heard_of(*notes).cleaned
    assert read.performance.notes[["pitch", "duration_ticks"]].tolist() == [(60, 1), (62, 50)] and not read.repairs


def test_a_chord_begins_at_once_and_a_run_does_not(tmp_path):
    starts = {60: 1.0, 64: 1.02, 67: 1.049, 72: 1.07, 76: 1.121, 79: 1.18}
    heard = heard_of(*(HeardNote(start, start + 0.5, key, 80) for key, start in starts.items()))
    notes = heard.cleaned.performance.notes
    assert notes["onset_ticks"].tolist() == [0, 0, 0, 7, 12, 18]
    assert notes["duration_ticks"].tolist() == [50, 52, 55, 50, 50, 50]  # where they end is kept, and 76 is 1 ms late
    heard.write(tmp_path / "o.mid")
    assert read_midi(tmp_path / "o.mid").performance.notes["onset_ticks"].tolist() == [0, 2, 5, 7, 12, 18]


@pytest.mark.parametrize(
    "wrong",
    [
        {"start_seconds": -0.1},
        {"start_seconds": float("nan")},
        {"end_seconds": 0.9},
        {"end_seconds": float("inf")},
        {"number": 128},
        {"velocity": 0},
    ],
)
def test_what_cannot_be_heard_is_no_heard_note(wrong):
    with pytest.raises(ValueError, match=r"heard from|number .* and velocity"):
        HeardNote(**{"start_seconds": 1.0, "end_seconds": 2.0, "number": 60, "velocity": 80} | wrong)


def test_the_time_of_the_first_note_is_kept():
    heard = heard_of(HeardNote(0.5, 2.0, 64, 90, True), HeardNote(1.25, 2.0, 60, 80))
    assert heard.first_onset_seconds == 1.25 and heard.n_notes == 1
    assert heard.cleaned.performance.notes["onset_ticks"].tolist() == [0]


def test_a_recording_without_notes_is_told(tmp_path):
    with pytest.raises(InputError, match=r"o\.wav: no note"):
        heard_of(HeardNote(0.0, 1.5, 64, 90, is_pedal=True)).write(tmp_path / "o.mid")
    assert not list(tmp_path.iterdir())


def test_the_name_of_the_file_to_write_is_checked_before_the_work(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "absent.wav"), str(tmp_path / "out.wav")])
    assert stop.value.code == 2 and "end the name in .mid" in capsys.readouterr().err
