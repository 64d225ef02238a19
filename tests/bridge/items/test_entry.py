"""Entries and reports come back from their JSON as they were, keys in the same order."""

import json
from dataclasses import replace

import pytest
from sample_entries import make_entry

from bridge.items.entry import Figures, ItemEntry, NotesFigures, NotesHalf, SoundHalf, Unavailable
from losscal.errors import InputError
from losscal.records import record_of, to_json


def there_and_back(entry):
    text = json.dumps(to_json(entry))
    back = record_of(ItemEntry, json.loads(text))
    assert json.dumps(to_json(back)) == text
    return back


def test_an_entry_with_all_there_can_be_comes_back():
    entry = make_entry()
    assert there_and_back(entry) == entry
    failed = ItemEntry("broken.mid", None, "broken.mid", None, error="broken.mid: is no MIDI file.")
    assert there_and_back(failed) == failed


def test_views_stand_beside_the_keys_of_their_half():
    json_of = to_json(make_entry())
    assert list(json_of["symbolic"]) == [
        *("notes", "seconds", "repairs", "sequenced", "per_note", "events", "vqvae", "thirds", "elsewhere")
    ]
    assert "codes" not in json_of["symbolic"]["events"] and "by_composer" not in json_of["symbolic"]["events"]
    assert list(json_of["symbolic"]["vqvae"])[-4:] == [
        *("code_nll_nats", "note_nll_nats", "mixture_nll_nats", "by_composer")
    ]
    assert json_of["symbolic"]["elsewhere"] == {"unavailable": "no weights"}
    assert list(json_of["audio"]) == ["seconds", "spectral_lm", "musicgen"]
    assert list(json_of["audio"]["spectral_lm"]) == ["nll_nats_per_second", "curve", "llr_percentile"]
    assert json_of["audio"]["musicgen"]["cross_entropy"] == [3.0, 4.5]


def test_sound_without_open_views_has_no_seconds():
    half = SoundHalf({"musicgen": Unavailable("gone")})
    assert to_json(half) == {"musicgen": {"unavailable": "gone"}} and SoundHalf.from_json(to_json(half)) == half


def test_figures_are_found_by_half_view_and_key():
    entry = make_entry()
    assert entry.figure("symbolic", "events", "bits_per_note") == 11.5
    assert entry.figure("symbolic", "thirds", "share") == 0.25
    assert entry.figure("audio", "spectral_lm", "curve") == "curves/a_spectral_lm.csv"
    for path in (("symbolic", "elsewhere", "share"), ("audio", "nothing", "x"), ("audio", "musicgen", "x")):
        assert entry.figure(*path) is None
    assert replace(entry, audio=None).figure("audio", "musicgen", "perplexity") is None
    assert set(entry.symbolic.scored) == {"events", "vqvae", "thirds"}
    assert entry.symbolic.unavailable == {"elsewhere": "no weights"}


def test_tables_are_named_and_can_be_forgotten():
    entry = make_entry()
    assert entry.tables == ["curves/a_spectral_lm.csv", "per_note/a.csv"]
    bare = entry.without_tables()
    assert bare.tables == [] and bare.symbolic.per_note is None
    assert (
        bare.audio.views["spectral_lm"].by_name["curve"] is None and "curve" not in bare.audio.views["musicgen"].by_name
    )
    assert replace(bare, symbolic=entry.symbolic, audio=entry.audio) == entry  # nothing else has changed
    nothing = ItemEntry("a", None, None, None)
    assert nothing.without_tables() == nothing and nothing.tables == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ((), "ItemEntry: of its keys unknown are surprise"),
        (("symbolic", "events"), "NotesFigures: of its keys unknown are surprise"),
        (("symbolic", "sequenced"), "Sequenced: of its keys unknown are surprise"),
        (("match",), "PairMatch: of its keys unknown are surprise"),
        (("moments", 0), "Moment: of its keys unknown are surprise"),
        (("symbolic", "elsewhere"), "Unavailable: of its keys unknown are surprise"),
    ],
)
def test_keys_that_nobody_knows_are_refused_where_names_are_fixed(path, told):
    json_of = to_json(make_entry())
    part = json_of
    for key in path:
        part = part[key]
    part["surprise"] = 1.0
    with pytest.raises(InputError, match=told):
        record_of(ItemEntry, json_of)


def test_figures_of_a_view_without_attributes_keep_whatever_they_are_called():
    half = NotesHalf.from_json(
        {"notes": 1, "seconds": 0.1, "repairs": {}, "sequenced": None, "per_note": None, "thirds": {"surprise": 1.0}}
    )
    assert half.views == {"thirds": Figures({"surprise": 1.0})} and not isinstance(half.views["thirds"], NotesFigures)
