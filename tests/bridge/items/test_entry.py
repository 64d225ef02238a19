"""Entries and reports come back from their JSON as they were, keys in the same order."""

import json
from dataclasses import replace

import pytest
from sample_entries import make_entry

from bridge.items.entry import ItemEntry, SoundHalf, Unavailable
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
        *("notes", "seconds", "repairs", "sequenced", "looped_share", "per_note"),
        *("events", "vqvae", "thirds", "elsewhere"),
    ]
    assert json_of["symbolic"]["elsewhere"] == {"unavailable": "no weights"}
    assert list(json_of["audio"]) == ["seconds", "spectral_lm", "musicgen"]
    assert list(json_of["audio"]["spectral_lm"]) == ["nll_nats_per_second", "curve", "llr_percentile"]
    assert json_of["audio"]["musicgen"]["cross_entropy"] == [3.0, 4.5]


def test_sound_without_open_views_has_no_seconds():
    half = SoundHalf({"musicgen": Unavailable("gone")})
    assert to_json(half) == {"musicgen": {"unavailable": "gone"}} and SoundHalf.from_json(to_json(half)) == half


def test_figures_are_found_by_half_and_view():
    entry = make_entry()
    assert entry.figures("symbolic", "events")["bits_per_note"] == 11.5
    assert entry.figures("symbolic", "thirds") == {"share": 0.25}
    assert entry.figures("symbolic", "elsewhere") == entry.figures("audio", "nothing") == {}
    assert replace(entry, audio=None).figures("audio", "musicgen") == {}
    assert set(entry.symbolic.scored) == {"events", "vqvae", "thirds"}
    assert entry.symbolic.unavailable == {"elsewhere": "no weights"}


def test_values_lie_at_paths_of_the_report_s_keys():
    entry, by_keys = make_entry(), to_json(make_entry())
    paths = [("id",), ("symbolic", "notes"), ("symbolic", "sequenced", "grid_seconds"), ("match", "offset_seconds")]
    paths += [
        ("symbolic", "events", "by_attribute", "pitch"),
        ("audio", "seconds"),
        ("audio", "musicgen", "perplexity"),
    ]
    paths += [("audio", "musicgen", "cross_entropy", 1), ("symbolic", "thirds", "share")]
    for path in paths:
        expected = by_keys
        for key in path:
            expected = expected[key]
        assert entry.at(path) == expected is not None
    absent = [("audio", "musicgen", "cross_entropy", 2), ("audio", "views"), ("symbolic", "elsewhere", "share")]
    absent += [("half",), ("symbolic", "nothing", "share"), ("nothing", "at", "all"), ("error", "x")]
    assert [entry.at(path) for path in absent] == [None] * len(absent)


def test_tables_are_named_and_can_be_forgotten():
    entry = make_entry()
    assert entry.tables == ["curves/a_spectral_lm.csv", "per_note/a.csv"]
    bare = entry.without_tables()
    assert bare.tables == [] and bare.symbolic.per_note is None
    assert bare.audio.views["spectral_lm"]["curve"] is None and "curve" not in bare.audio.views["musicgen"]
    assert replace(bare, symbolic=entry.symbolic, audio=entry.audio) == entry  # nothing else has changed
    nothing = ItemEntry("a", None, None, None)
    assert nothing.without_tables() == nothing and nothing.tables == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ((), "ItemEntry: of its keys unknown are surprise"),
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
