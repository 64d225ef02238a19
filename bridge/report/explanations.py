"""What a view's number means, in two sentences: the number among those of real music, and how far to trust it."""

from collections.abc import Mapping

from bridge.items.entry import Figures, ItemEntry
from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.references import place_in_words

UNMEASURED = "How reliably this view tells better music from worse has not been measured on input like this."


def explanations(entry: ItemEntry, units: Mapping[str, str], weights: Mapping[str, str]) -> dict[str, str]:
    """Two sentences for each view that gave an entry numbers, by view; units, weights: the report's."""
    told = {}
    for half, explain in (("symbolic", _of_notes), ("audio", _of_sound)):
        of_half = entry.half(half)
        for view, figures in {} if of_half is None else of_half.scored.items():
            number = explain(view, figures, units[view], entry)
            told[view] = f"{number} {reliability_of(view, entry, weights) or UNMEASURED}"
    return told


def reliability_of(view: str, entry: ItemEntry, weights: Mapping[str, str]) -> str | None:
    """How reliable a view with these weights is on input like the entry's; None where that was not measured."""
    from bridge.calibration.reliability import sentence

    if view in SYMBOLIC_VIEWS:
        kind = "sequenced" if entry.is_sequenced else "midi"
    else:
        kind = "rendering" if entry.rendered else "recording"
    return sentence(view, kind, weights_sha256=weights.get(view))


def _of_notes(view: str, figures: Figures, unit: str, entry: ItemEntry) -> str:
    number = f"{view} needs {figures['bits_per_note']:.2f} bits a note"
    if entry.is_sequenced:
        number += f" ({figures['pitch_bits_per_note']:.2f} of them for its pitch, which alone count in sequenced music)"
    return f"{number}; {_place(figures['percentile'])}."


def _of_sound(view: str, figures: Figures, unit: str, entry: ItemEntry) -> str:
    if figures.get("llr_nats_per_second") is not None:
        ratio = figures["llr_nats_per_second"]
        likelier = "likelier" if ratio >= 0.0 else "less likely"
        number = f"{view} finds it {abs(ratio):.1f} nats a second {likelier} than with its notes shuffled"
        return f"{number}; {_place(figures.get('llr_percentile'))}."
    if "nll_nats_per_second" in figures:
        return (
            f"{view} needs {figures['nll_nats_per_second']:.1f} {unit} a second; {_place(figures.get('percentile'))}."
        )
    told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    return f"{view} gives {told}, in {unit}."


def _place(percentile: float | None) -> str:
    """A percentile in words."""
    if percentile is None:
        return "there is no percentile to say whether that is much"
    return f"that is {place_in_words(percentile)} held-out real music of about this length"
