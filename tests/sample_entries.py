"""An item's entry with all there can be in one, made without any model."""

from bridge.items.entry import (
    CodeTerms,
    Figures,
    ItemEntry,
    Moment,
    NotesFigures,
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
    figures |= {"pitch_bits_per_note": 4.25, "nll_nats_per_second": 0.75, "percentile": 50.0}
    return NotesFigures(**(figures | {"by_attribute": attributes} | more))


def make_entry():
    """A pair that all kinds of views have scored."""
    symbolic = NotesHalf(
        views={
            "events": make_figures(),
            "vqvae": make_figures(12.5, codes=CodeTerms(12.0, 4.0, None), by_composer={"Bach": 7.5}),
            "thirds": Figures({"share": 0.25}),
            "elsewhere": Unavailable("no weights"),
        },
        notes=2,
        seconds=20.0,
        repairs={"doubled_note_on": 1},
        sequenced=Sequenced(0.125, 1.0, 1),
        per_note="per_note/a.csv",
    )
    audio = SoundHalf(
        views={
            "spectral_lm": Figures(
                {"nll_nats_per_second": 4800.0, "curve": "curves/a_spectral_lm.csv", "llr_percentile": None}
            ),
            "musicgen": Figures({"perplexity": 60.0, "cross_entropy": (3.0, 4.5)}),
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
