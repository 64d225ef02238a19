"""Why a version is not held against its reference, and what an interval says of one that is."""

from dataclasses import replace

import pytest
from sample_entries import make_entry, make_figures, make_notes

from bridge.items.entry import SoundHalf, Unavailable
from bridge.versions.differences import Difference
from bridge.versions.verdicts import (
    IS_REFERENCE,
    LESS_LIKELY,
    LIKELIER,
    NEGLIGIBLE_NATS,
    NOT_DISTINGUISHABLE,
    NOT_RANKED,
    quantity_of,
    reason_not_ranked,
    rows_of,
)
from bridge.views.declarations import VIEWS

EVENTS, SPECTRAL = VIEWS["events"], VIEWS["spectral_lm"]


def of_notes(name, **figures):
    return replace(make_entry(), id=name, symbolic=make_notes({"events": make_figures(**figures)}))


def of_sound(name, *, curve="curves/a.csv"):
    figures = {"nll_nats_per_second": 4800.0, "percentile": 50.0, "curve": curve}
    return replace(make_entry(), id=name, audio=SoundHalf(views={"spectral_lm": figures}, seconds=20.0))


def of_recording(name, llr_percentile, notes_percentile):
    """A recording with its heard notes."""
    figures = {"llr_nats_per_second": 3.0, "llr_percentile": llr_percentile, "curve": "curves/a.csv"}
    return replace(
        make_entry(),
        id=name,
        wav=f"{name}.wav",
        audio=SoundHalf(views={"spectral_lm": figures}, seconds=20.0),
        symbolic=make_notes({"events": make_figures(percentile=notes_percentile)}),
    )


def reason(view, entry, reference):
    return reason_not_ranked(view, quantity_of(view, [entry, reference]), entry, reference)


def test_no_number_is_told_by_its_own_reason():
    reference = of_notes("reference")
    unavailable = replace(make_entry(), symbolic=make_notes({"events": Unavailable("too few notes")}))
    assert reason(EVENTS, unavailable, reference) == "too few notes"
    assert reason(EVENTS, replace(make_entry(), symbolic=None, error="cut off"), reference) == "cut off"
    assert "only a recording" in reason(EVENTS, replace(make_entry(), symbolic=None, error=None), reference)
    assert reason(SPECTRAL, replace(make_entry(), audio=None), of_sound("a")) == "its sound was not scored"
    assert reason(EVENTS, of_notes("version"), replace(unavailable, id="b")) == (
        "the reference b has no number to be held against"
    )


def test_sounds_need_curves_and_a_reference_needs_nothing():
    with_curve, without = of_sound("version"), of_sound("reference", curve=None)
    assert reason(SPECTRAL, with_curve, with_curve) is None
    assert reason(SPECTRAL, without, without) is None
    assert "it has no curve" in reason(SPECTRAL, without, with_curve)
    assert "the reference reference has no curve" in reason(SPECTRAL, with_curve, without)


def test_a_sound_that_is_foreign_to_a_view_is_not_ranked_by_it():
    at_home, foreign = of_recording("at home", 40.0, 60.0), of_recording("foreign", 0.0, 60.0)
    assert reason(SPECTRAL, foreign, at_home).startswith("it is a foreign sound: its ratio lies below")
    assert reason(SPECTRAL, at_home, foreign).startswith("the reference foreign is a foreign sound")
    no_music = of_recording("no music", 0.0, 0.0)  # which its notes tell, too: its sound may be at home
    assert reason(SPECTRAL, no_music, at_home) is None
    assert reason(SPECTRAL, replace(foreign, wav=None), at_home) is None
    assert reason(SPECTRAL, replace(foreign, symbolic=None), at_home) is None  # nobody can tell


def test_too_predictable_is_told_of_the_one_that_is():
    usual, beyond = of_notes("usual"), of_notes("beyond", percentile=100.0)
    assert "too predictable to be called better" in reason(EVENTS, beyond, usual)
    assert "the reference beyond is" in reason(EVENTS, usual, beyond)
    assert reason(EVENTS, beyond, replace(beyond, id="other")) is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-2.0, -1.0, LIKELIER),
        (1.0, 2.0, LESS_LIKELY),
        (-1.0, 1.0, NOT_DISTINGUISHABLE),
        (-1.0, -NEGLIGIBLE_NATS, NOT_DISTINGUISHABLE),
        (NEGLIGIBLE_NATS, 1.0, NOT_DISTINGUISHABLE),
    ],
)
def test_only_an_interval_that_leaves_zero_out_is_a_verdict(low, high, verdict):
    reference, version, unmeasured = of_notes("reference"), of_notes("version"), of_notes("unmeasured")
    differences = {1: Difference((low + high) / 2, low, high, 20), 2: None}
    rows = rows_of(EVENTS, quantity_of(EVENTS, [reference]), [reference, version, unmeasured], reference, differences)
    assert [row.verdict for row in rows] == [IS_REFERENCE, verdict, NOT_RANKED]
