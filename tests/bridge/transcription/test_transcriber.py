"""What was heard becomes a MIDI file that reads back as the same notes."""

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


def test_a_recording_without_notes_is_told(tmp_path):
    with pytest.raises(InputError, match=r"o\.wav: no note"):
        heard_of(HeardNote(0.0, 1.5, 64, 90, is_pedal=True)).write(tmp_path / "o.mid")
    assert not list(tmp_path.iterdir())


def test_the_name_of_the_file_to_write_is_checked_before_the_work(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path / "absent.wav"), str(tmp_path / "out.wav")])
    assert stop.value.code == 2 and "end the name in .mid" in capsys.readouterr().err
