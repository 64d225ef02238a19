"""An item's entry with all there can be in one, made without any model."""

from dataclasses import replace

from bridge.items.entry import (
    ItemEntry,
    Moment,
    NotesHalf,
    PairMatch,
    Sequenced,
    SoundHalf,
    Unavailable,
)


def make_figures(bits_per_note=11.5, **more):
    """Figures of a view of notes."""
    attributes = {"time": 6.0, "pitch": 5.0, "velocity": 2.0, "duration": 3.0}
    figures = {"nll_nats": 16.0, "end_nll_nats": 5.0, "nll_nats_per_note": 8.0, "bits_per_note": bits_per_note}
    figures |= {"nll_nats_per_second": 0.75, "percentile": 50.0}
    return figures | {"by_attribute": attributes} | more


def make_notes(views, sequenced=None):
    """The half of two notes."""
    repairs = {"doubled_note_on": 1}
    return NotesHalf(views, 2, 20.0, repairs, sequenced=sequenced, looped_share=0.0, per_note=None)


def make_entry():
    """A pair that all kinds of views have scored."""
    symbolic = make_notes(
        {
            "events": make_figures(pitch_bits_per_note=4.25),
            "vqvae": make_figures(12.5, code_nll_nats=12.0, by_composer={"Bach": 7.5}),
            "thirds": {"share": 0.25},
            "elsewhere": Unavailable("no weights"),
        },
        sequenced=Sequenced(0.125, 1.0, 1),
    )
    symbolic = replace(symbolic, per_note="per_note/a.csv")
    audio = SoundHalf(
        views={
            "spectral_lm": {"nll_nats_per_second": 4800.0, "curve": "curves/a_spectral_lm.csv", "llr_percentile": None},
            "musicgen": {"perplexity": 60.0, "cross_entropy": [3.0, 4.5]},
        },
        seconds=21.5,
    )
    return ItemEntry(
        id="a",
        group="takes",
        midi="a.mid",
        wav="a.wav",
        symbolic=symbolic,
        audio=audio,
        match=PairMatch(0.9, 0.25),
        moments=(Moment("events", 3.5, 4.0, 17.25, 0.5, "pitch", (0, 1), "at 0:03.5 it surprises."),),
        explanations={"events": "One sentence. And another."},
        warnings=("first", "second"),
    )
