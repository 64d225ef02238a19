"""The least likely moments are where surprises were put, with their notes, reasons and words."""

import numpy as np
import pytest

from bridge.items.moments import FEWEST_NOTES, MOST_MOMENTS, MOST_OF_LONG_PIECES, clock, of_curve, of_notes
from symbolic.notes.performance import NOTE_DTYPE, Performance
from symbolic.scoring.likelihood import SymbolicScore
from symbolic.scoring.views import EVENTS, VQVAE
from symbolic.tokens.events import ATTRIBUTES


def piece(count=100):
    notes = np.zeros(count, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["duration_ticks"], notes["velocity_bin"] = 20 * np.arange(count), 15, 16
    notes["pitch"] = 60 + np.arange(count) % 12
    return Performance(notes)


def scored(performance, surprises):
    """2 nats an attribute, apart from {(note, attribute): nats more}."""
    nats = np.full((len(performance), 4), 2.0)
    for (note, attribute), more in surprises.items():
        nats[note, ATTRIBUTES.index(attribute)] += more
    return SymbolicScore(nats, performance.seconds, None)


def test_a_single_surprise_is_told_with_its_note_and_reason():
    performance = piece()
    (moment,) = of_notes(EVENTS, performance, scored(performance, {(42, "pitch"): 6.4, (42, "time"): 1.0}))
    assert moment.view == "events" and moment.reason == "pitch" and moment.notes == (42,)
    assert moment.nats == pytest.approx(7.4) and moment.share_of_reason == pytest.approx(6.4 / 7.4)
    assert (moment.start_seconds, moment.end_seconds) == (pytest.approx(8.4), pytest.approx(8.55))
    assert moment.text == "at 0:08.4 the F#4: its pitch is 9.2 bits less likely than usual here."


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_every_attribute_can_be_the_reason(attribute):
    performance = piece()
    (moment,) = of_notes(VQVAE, performance, scored(performance, {(50, attribute): 5.0}))
    assert moment.reason == attribute and f"its {attribute} is" in moment.text


def test_the_duration_of_a_heard_note_is_no_surprise():
    performance = piece()
    scores = scored(performance, {(42, "pitch"): 6.4, (42, "duration"): 7.0, (80, "duration"): 9.0})
    (moment,) = of_notes(EVENTS.of_heard_notes(), performance, scores)
    assert (moment.view, moment.reason, moment.notes) == ("heard_events", "pitch", (42,))
    assert moment.nats == pytest.approx(6.4)


def test_neighbours_are_one_passage_and_the_least_likely_stands_first():
    performance = piece()
    surprises = {(note, "duration"): 4.0 for note in (20, 21, 22)} | {(80, "velocity"): 9.0}
    first, second = of_notes(EVENTS, performance, scored(performance, surprises))
    assert first.notes == (20, 21, 22) and first.nats == pytest.approx(12.0)
    assert first.text.startswith(
        "from 0:04.0 to 0:04.4, 3 notes (G#4, A4, A#4): their durations are together 17.3 bits"
    )
    assert second.notes == (80,) and second.reason == "velocity"


def test_what_is_always_so_is_usual():
    performance = piece()
    assert of_notes(EVENTS, performance, scored(performance, {})) == []
    everywhere = {(note, "pitch"): 10.0 for note in range(100)}
    assert of_notes(EVENTS, performance, scored(performance, everywhere)) == []
    short = piece(FEWEST_NOTES - 1)
    assert of_notes(EVENTS, short, scored(short, {(3, "pitch"): 9.0})) == []


def test_no_more_than_a_few_are_told():
    performance = piece(400)
    surprises = {(note, "pitch"): 5.0 + note / 100 for note in range(10, 400, 20)}
    moments = of_notes(EVENTS, performance, scored(performance, surprises))
    assert [moment.notes for moment in moments] == [(390 - 20 * place,) for place in range(MOST_MOMENTS)]


@pytest.mark.parametrize(("minutes", "told"), [(2, 5), (5, 10), (9, 18), (15, MOST_OF_LONG_PIECES)])
def test_of_long_pieces_more_are_told(minutes, told):
    performance = piece(300 * minutes + 1)
    surprises = {(note, "pitch"): 5.0 + note / 1000 for note in range(10, 300 * minutes, 60)}
    moments = of_notes(EVENTS, performance, scored(performance, surprises))
    assert [moment.notes for moment in moments] == [(note,) for note, _ in [*surprises][: -told - 1 : -1]]


def test_of_sound_the_seconds_with_the_lowest_ratio_are_told():
    ratio = np.full(60, 50.0) + np.tile([1.0, -1.0], 30)
    ratio[[30, 31]] = -40.0
    curve = {"start_seconds": 0.5 + np.arange(60), "llr_nats_per_second": ratio, "nll_nats_per_second": np.zeros(60)}
    moment, *others = of_curve("spectral_lm", curve)
    assert (moment.reason, moment.notes) == ("sound", ())
    assert (moment.start_seconds, moment.end_seconds) == (30.5, 32.5)
    assert moment.text.startswith("from 0:30.5 to 0:32.5 the sound is 89 nats a second")
    assert all(other.nats < 10 for other in others)
    (raw, *_) = of_curve("musicgen", {"start_seconds": np.arange(60), "nll_nats_per_second": -ratio})
    assert raw.start_seconds == 30.0 and "less likely than usual" in raw.text
    assert of_curve("musicgen", {"start_seconds": [0.0], "nll_nats_per_second": [1.0]}) == []


def test_rests_and_constant_curves_have_no_moments():
    start = 0.5 + np.arange(60)
    ratio = np.full(60, 50.0)
    ratio[20:26], ratio[40] = 0.0, 10.0
    active = np.where(ratio == 0.0, 0.1, 1.0)
    curve = {"start_seconds": start, "llr_nats_per_second": ratio, "active_fraction": active}
    (moment,) = of_curve("spectral_lm", curve)
    assert (moment.start_seconds, moment.nats) == (40.5, pytest.approx(40.0))
    assert of_curve("musicgen", {"start_seconds": start, "nll_nats_per_second": np.full(60, 7.0)}) == []
    assert of_curve("spectral_lm", curve | {"active_fraction": np.zeros(60)}) == []


def test_times_are_told_in_minutes():
    assert [clock(seconds) for seconds in (0.0, 12.34, 59.96, 83.0, 3600.0)] == [
        *("0:00.0", "0:12.3", "1:00.0", "1:23.0", "60:00.0")
    ]
