"""What a view's number means, in two sentences: the number among those of real music, and how far to trust it."""

from collections.abc import Mapping
from typing import Any

from bridge.views.opening import SYMBOLIC_VIEWS
from losscal.references import place_in_words

UNMEASURED = "How reliably this view tells better music from worse has not been measured on input like this."


def explanations(entry: Mapping[str, Any], units: Mapping[str, str], weights: Mapping[str, str]) -> dict[str, str]:
    """Two sentences for each view that gave an entry numbers, by view; units, weights: the report's."""
    told = {}
    for half, explain in (("symbolic", _of_notes), ("audio", _of_sound)):
        for view, keys in (entry[half] or {}).items():
            if view not in units or "unavailable" in keys:
                continue
            number = explain(view, keys, units[view], entry)
            told[view] = f"{number} {reliability_of(view, entry, weights) or UNMEASURED}"
    return told


def reliability_of(view: str, entry: Mapping[str, Any], weights: Mapping[str, str]) -> str | None:
    """How reliable a view with these weights is on input like the entry's; None where that was not measured."""
    from bridge.calibration.reliability import sentence

    if view in SYMBOLIC_VIEWS:
        notes = entry["symbolic"]
        kind = "sequenced" if notes is not None and notes["sequenced"] is not None else "midi"
    else:
        kind = "rendering" if entry["rendered"] else "recording"
    return sentence(view, kind, weights_sha256=weights.get(view))


def _of_notes(view: str, keys: Mapping[str, Any], unit: str, entry: Mapping[str, Any]) -> str:
    number = f"{view} needs {keys['bits_per_note']:.2f} bits a note"
    if entry["symbolic"]["sequenced"] is not None:
        number += f" ({keys['pitch_bits_per_note']:.2f} of them for its pitch, which alone count in sequenced music)"
    return f"{number}; {_place(keys['percentile'])}."


def _of_sound(view: str, keys: Mapping[str, Any], unit: str, entry: Mapping[str, Any]) -> str:
    if keys.get("llr_nats_per_second") is not None:
        ratio = keys["llr_nats_per_second"]
        likelier = "likelier" if ratio >= 0.0 else "less likely"
        number = f"{view} finds it {abs(ratio):.1f} nats a second {likelier} than with its notes shuffled"
        return f"{number}; {_place(keys.get('llr_percentile'))}."
    if "nll_nats_per_second" in keys:
        return f"{view} needs {keys['nll_nats_per_second']:.1f} {unit} a second; {_place(keys.get('percentile'))}."
    figures = ", ".join(f"{name} {value:.4g}" for name, value in keys.items())
    return f"{view} gives {figures}, in {unit}."


def _place(percentile: float | None) -> str:
    """A percentile in words."""
    if percentile is None:
        return "there is no percentile to say whether that is much"
    return f"that is {place_in_words(percentile)} held-out real music of about this length"
