"""The views of notes declare themselves: two readings of one model; what any likelihood of notes may use.

Free of torch, so that command lines and reports know the views at once.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscal.references import PER_SECOND_SUFFIX
from losscal.views import (
    BEYOND_PERCENTILE,
    NOTES,
    PERCENTILE,
    Figure,
    Quantity,
    Reference,
    ShippedWeights,
    TableColumn,
    View,
)
from symbolic.models.configs import SHIPPED_WEIGHTS

if TYPE_CHECKING:
    from symbolic.scoring.likelihood import SymbolicScorer

SHOWN_ATTRIBUTES = ("time", "pitch", "duration", "velocity")
"""As readers are shown them: the loudness of a note, which matters least, at the end."""
NLL_NATS = Figure("nll_nats", "nats")
NATS_PER_NOTE = Figure("nll_nats_per_note", "nats/note")
NATS_PER_SECOND = Figure("nll_nats_per_second", "nats/s")


WEIGHTS = "phrases"
"""The name of the file that both views stand on."""
CODE_PART = "code"
"""What a note's share of the nats of its phrase's code is called in the per-note table."""
NOTE_PART = "note"
"""What a note's nats are called in the per-note table where a scorer does not tell its attributes apart."""


def likelihood(name: str, unit: str, load: Callable[[Any], Any], *, legend: str = "", glossary: str = "") -> View:
    """A likelihood of notes that gives the nats of each note as a whole; legend: the line below the table."""
    return View(
        name,
        NOTES,
        unit,
        load,
        figures=(NLL_NATS, NATS_PER_NOTE, _bits_per_note(legend), NATS_PER_SECOND),
        quantities=(_bits_a_note((NOTE_PART,)),),
        glossary=glossary,
        note_parts=(NOTE_PART,),
    )


def _bits_per_note(legend: str | None = None) -> Figure:
    """legend: of its column in the table; None: it has none there."""
    return Figure("bits_per_note", "bits/note", None if legend is None else TableColumn("bits/note", 10, legend=legend))


def _bits_a_note(source: tuple[str, ...], percentile: str | None = None) -> Quantity:
    words = "needs {bits_per_note:.2f} bits a note".format_map
    return Quantity("bits_per_note", "bits a note", source, words, percentile)


def _bits_an_onset(source: tuple[str, ...]) -> Quantity:
    words = "needs {onset_bits_per_note:.2f} bits for a note without its duration".format_map
    return Quantity(ONSET_BITS.key, "bits an onset", source, words, PERCENTILE.key)


def _load(name: str, weights_dir: Path | None) -> "SymbolicScorer":
    from symbolic.scoring.likelihood import SymbolicScorer

    return SymbolicScorer.load(name, weights_dir)


ONSET_BITS = Figure("onset_bits_per_note", "bits/onset")
"""Of a note without its duration."""
SHOWN_OF_HEARD = TableColumn(
    "bits/onset",
    11,
    legend="bits/onset: surprise of heard notes, but of their durations, which are heard worst; lower is likelier.",
)
PITCH_BITS = Figure("pitch_bits_per_note", "bits/note")
CODE_BITS = Figure("code_bits_per_note", "bits/note")
OF_PITCH = Quantity(
    PITCH_BITS.key,
    "bits of pitch a note",
    ("pitch",),
    "needs {bits_per_note:.2f} bits a note ({pitch_bits_per_note:.2f} of them for its pitch, which alone count in "
    "sequenced music)".format_map,
    percentile=PERCENTILE.key,
    of_sequenced=True,
)


def _ours(
    name: str,
    legend: str,
    glossary: str,
    *,
    figures: tuple[Figure, ...],
    calibrated: Figure,
    quantities: tuple[Quantity, ...] = (),
    parts: tuple[str, ...] = SHOWN_ATTRIBUTES,
) -> View:
    """A reading of the phrase model, which tells the four attributes of a note apart.

    Of heard notes it goes by all but the durations, which no transcriber tells well where a pedal may hold the notes.
    figures, quantities: what it has beside those of both readings. parts: of a note's nats.
    """
    by_attribute: dict[str, Any] = {"unit": "nats", "under": "by_attribute"}
    read = View(
        name,
        NOTES,
        "nats of the notes as cleaned",
        partial(_load, name),
        figures=(
            NLL_NATS,
            Figure("end_nll_nats", "nats"),
            NATS_PER_NOTE,
            _bits_per_note(legend),
            ONSET_BITS,
            NATS_PER_SECOND,
            PERCENTILE,
            *figures,
            *(Figure(attribute, column=f"{attribute}_nats", **by_attribute) for attribute in SHOWN_ATTRIBUTES),
        ),
        quantities=(*quantities, _bits_a_note(parts, percentile=PERCENTILE.key)),
        references=(
            Reference("nll_nats_per_note", percentile="percentile", beyond=BEYOND_PERCENTILE),
            Reference("nll_nats_per_second", PER_SECOND_SUFFIX),
        ),
        weights=ShippedWeights(SHIPPED_WEIGHTS, (WEIGHTS,)),
        glossary=glossary,
        note_parts=parts,
        sorts_by="bits_per_note",
        calibrated=("bits_per_note", calibrated.key),
        tells_moments=True,
        knows_composers=True,
    )
    onset_parts = tuple(part for part in parts if part != "duration")
    heard_figures = {"bits_per_note": _bits_per_note(), ONSET_BITS.key: replace(ONSET_BITS, shown=SHOWN_OF_HEARD)}
    heard = replace(
        read,
        figures=tuple(heard_figures.get(figure.key, figure) for figure in read.figures),
        quantities=(*quantities, _bits_an_onset(onset_parts)),
        references=(Reference(ONSET_BITS.key, percentile=PERCENTILE.key, beyond=BEYOND_PERCENTILE),),
        note_parts=onset_parts,
        sorts_by=ONSET_BITS.key,
    )
    return replace(read, heard=heard)


EVENTS = _ours(
    "events",
    "bits/note: surprise of the notes; lower is likelier.",
    "A model of the notes.",
    figures=(PITCH_BITS,),
    calibrated=PITCH_BITS,
    quantities=(OF_PITCH,),
)
VQVAE = _ours(
    "vqvae",
    "bits/note of vqvae: an upper bound of the notes' surprise; lower is likelier.",
    "A model of the notes phrase by phrase: how surprising the code of eight notes is, then the notes told it. Its "
    "figure is an upper bound of the surprise.",
    figures=(CODE_BITS, Figure("code_nll_nats", "nats"), Figure("note_nll_nats", "nats")),
    calibrated=CODE_BITS,
    parts=(*SHOWN_ATTRIBUTES, CODE_PART),
)
VIEWS = {view.name: view for view in (EVENTS, VQVAE)}
