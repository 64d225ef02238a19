"""What a view's number means, in words: which way it points, and how reliable it is on input like this."""

from dataclasses import replace

import pytest
from sample_entries import make_figures, make_notes

from bridge.items.entry import ItemEntry, Sequenced, SoundHalf
from bridge.report.explanations import explanations
from bridge.views.declarations import VIEWS


def entry_of(*, percentile=50.0, ratio=3.25, sequenced=None):
    notes = make_notes({"events": make_figures(12.5, pitch_bits_per_note=4.25, percentile=percentile)}, sequenced)
    sound = SoundHalf({"spectral_lm": {"llr_nats_per_second": ratio, "llr_percentile": percentile}}, 9.0)
    return ItemEntry("a", None, "a.mid", "a.wav", symbolic=notes, audio=sound)


def test_figures_and_places_are_told_and_how_reliable_they_are():
    told = explanations(replace(entry_of(), audio=None), VIEWS, {})
    assert told == {
        "events": "events needs 12.50 bits a note; that is likelier than 50 % of held-out real music of about this "
        "length. Stand-in: events was tried on a midi."
    }


@pytest.mark.parametrize(("ratio", "words"), [(3.25, "3.2 nats a second likelier"), (-3.25, "3.2 nats a second less")])
def test_a_ratio_says_which_way_it_points(ratio, words):
    text = explanations(entry_of(ratio=ratio), VIEWS, {})["spectral_lm"]
    assert text.startswith(f"spectral_lm finds it {words}") and text.endswith("was tried on a recording.")


@pytest.mark.parametrize(
    ("percentile", "words"),
    [
        (99.7, "that is likelier than 99 % of held-out"),
        (100.0, "that is likelier than all held-out"),
        (0.3, "that is likelier than 1 % of held-out"),
        (0.0, "that is less likely than all held-out"),
        (None, "there is no percentile"),
    ],
)
def test_all_is_said_only_of_what_is_beyond_the_references(percentile, words):
    assert words in explanations(entry_of(percentile=percentile), VIEWS, {})["events"]


def test_sequenced_notes_are_a_kind_of_their_own():
    text = explanations(entry_of(sequenced=Sequenced(0.125, 1.0, 1)), VIEWS, {})["events"]
    assert "4.25 of them for its pitch" in text and text.endswith("events was tried on a sequenced.")
