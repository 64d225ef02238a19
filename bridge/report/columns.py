"""Where each figure of an item lies in the report, and its unit: the columns of report.csv and of the workbook."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.views.opening import SYMBOLIC_VIEWS, VIEWS

SYMBOLIC_KEYS = (
    *("nll_nats", "end_nll_nats", "nll_nats_per_note", "bits_per_note", "pitch_bits_per_note", "nll_nats_per_second"),
    "percentile",
)
AUDIO_KEYS = {
    "spectral_lm": (
        *("nll_nats", "nll_nats_per_second", "percentile", "typicality", "llr_nats_per_second", "llr_percentile"),
        "active_fraction",
    ),
    "musicgen": ("perplexity", "nll_nats_per_second", "cross_entropy"),
    "audiobox": ("CE", "CU", "PC", "PQ"),
}
ATTRIBUTES = ("time", "pitch", "duration", "velocity")
UNITS = {
    **dict.fromkeys(("nll_nats", "end_nll_nats", "code_nll_nats", "note_nll_nats", "mixture_nll_nats"), "nats"),
    **dict.fromkeys(ATTRIBUTES, "nats"),
    "nll_nats_per_second": "nats/s",
    "llr_nats_per_second": "nats/s above shuffled notes",
    "nll_nats_per_note": "nats/note",
    **dict.fromkeys(("bits_per_note", "pitch_bits_per_note"), "bits/note"),
    "percentile": "% of held-out windows that are less likely",
    "llr_percentile": "% of held-out windows with a lower ratio",
    "typicality": "0 to 1",
    "active_fraction": "share of frames",
    "perplexity": "EnCodec codes",
    "cross_entropy": "nats/code",
    **dict.fromkeys(AUDIO_KEYS["audiobox"], "rating 1 to 10"),
    "notes": "notes",
    **dict.fromkeys(("seconds", "offset_seconds", "grid_seconds"), "s"),
    "chroma_similarity": "0 to 1",
    "share_on_grid": "share of onsets",
    "distinct_velocities": "values",
}
"""Unit of a figure by the last key on the way to it."""


@dataclass(frozen=True)
class ReportColumn:
    """A column of figures: its name, the keys on the way from an entry to its value, and the value's unit."""

    name: str
    keys: tuple[str | int, ...]
    unit: str = ""


def _column(name: str, *keys: str) -> ReportColumn:
    return ReportColumn(name, keys, UNITS.get(keys[-1], ""))


COLUMNS = (
    *(_column(name, name) for name in ("id", "group", "midi", "wav", "rendered")),
    *(_column(name, "symbolic", name) for name in ("notes", "seconds")),
    _column("audio_seconds", "audio", "seconds"),
    *(_column(f"{view}_{key}", "symbolic", view, key) for view in SYMBOLIC_VIEWS for key in SYMBOLIC_KEYS),
    *(
        _column(f"vqvae_{key}", "symbolic", "vqvae", key)
        for key in ("code_nll_nats", "note_nll_nats", "mixture_nll_nats")
    ),
    *(
        _column(f"{view}_{attribute}_nats", "symbolic", view, "by_attribute", attribute)
        for view in SYMBOLIC_VIEWS
        for attribute in ATTRIBUTES
    ),
    *(
        _column(f"{view}_{key}", "audio", view, key)
        for view, keys in AUDIO_KEYS.items()
        for key in keys
        if key != "cross_entropy"
    ),
    *(_column(f"match_{key}", "match", key) for key in ("chroma_similarity", "offset_seconds")),
    *(
        _column(f"sequenced_{key}", "symbolic", "sequenced", key)
        for key in ("grid_seconds", "share_on_grid", "distinct_velocities")
    ),
    *(_column(name, name) for name in ("warnings", "error")),
)
"""The columns every report has; those that depend on what was asked stand behind them, see `columns_of`."""


def columns_of(report: Mapping[str, Any]) -> tuple[ReportColumn, ...]:
    """COLUMNS, then MusicGen's cross-entropy of each codebook, then the figures of plug-ins."""
    entropies = [look_up(entry, ("audio", "musicgen", "cross_entropy")) or [] for entry in report["items"]]
    of_codebooks = [
        ReportColumn(
            f"musicgen_cross_entropy_{place + 1}",
            ("audio", "musicgen", "cross_entropy", place),
            UNITS["cross_entropy"],
        )
        for place in range(max(map(len, entropies), default=0))
    ]
    of_plugins = [
        ReportColumn(f"{view}_{key}", ("audio", view, key), report["units"][view])
        for view, keys in plugin_keys(report).items()
        for key in keys
    ]
    return (*COLUMNS, *of_codebooks, *of_plugins)


def item_rows(report: Mapping[str, Any], columns: Sequence[ReportColumn]) -> Iterator[list[Any]]:
    """The cells of each item: numbers as they are, lists as text, None where there is nothing."""
    for entry in report["items"]:
        values = [look_up(entry, column.keys) for column in columns]
        yield ["; ".join(map(str, value)) if isinstance(value, list) else value for value in values]


def look_up(entry: Mapping[str, Any], keys: Sequence[str | int]) -> Any:
    """The value at a path of keys and places in lists, None where any part of the path is absent or null."""
    value: Any = entry
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def plugin_keys(report: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of the figures of each plug-in that answered for any item, by view."""
    keys: dict[str, dict[str, None]] = {}
    for entry in report["items"]:
        for view, figures in (entry["audio"] or {}).items():
            if view not in (*VIEWS, "seconds") and "unavailable" not in figures:
                keys.setdefault(view, {}).update(dict.fromkeys(figures))
    return {view: list(names) for view, names in keys.items()}
