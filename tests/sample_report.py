"""A small report with all there can be in one, and its tables, made without any model."""

import csv

import numpy as np

from symbolic.scoring.views import EVENTS, VQVAE

N_NOTES = 40
ATTRIBUTES = ("time", "pitch", "duration", "velocity")


def write_table(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def note_table(seed):
    rng = np.random.default_rng(seed)
    onset = np.cumsum(rng.integers(0, 60, N_NOTES)) / 100
    return {
        "onset_seconds": [f"{x - onset[0]:.2f}" for x in onset],
        "duration_seconds": [f"{x / 100:.2f}" for x in rng.integers(1, 601, N_NOTES)],
        "pitch": rng.integers(21, 109, N_NOTES).tolist(),
        "velocity": rng.integers(1, 128, N_NOTES).tolist(),
        **{
            f"{view.name}_{part}_nats": [f"{x:.4f}" for x in rng.exponential(3, N_NOTES)]
            for view in (EVENTS, VQVAE)
            for part in view.note_parts
        },
    }


def figures(rng):
    keys = ("nll_nats", "end_nll_nats", "nll_nats_per_note", "bits_per_note", "nll_nats_per_second", "percentile")
    keys += ("onset_bits_per_note",)
    return {key: float(rng.uniform(0, 100)) for key in keys} | {
        "by_attribute": {attribute: float(rng.uniform(0, 500)) for attribute in ATTRIBUTES}
    }


def make_entry(folder, number, name, group=None, wav=None):
    """An item with notes, a curve and a moment, of a recording with heard notes too; its tables lie below `folder`."""
    rng = np.random.default_rng(number)
    if wav is not None:
        write_table(folder / f"per_note/{number}_heard.csv", note_table(number + 100))
    write_table(folder / f"per_note/{number}.csv", note_table(number))
    curve = {"start_seconds": [0.25, 1.25, 2.25], "nll_nats_per_second": [f"{x:.4f}" for x in rng.normal(4800, 9, 3)]}
    write_table(folder / f"curves/{number}.csv", curve)
    moment = {"view": "events", "start_seconds": 3.5, "end_seconds": 4.0, "nats": 17.25, "share_of_reason": 0.5}
    return {
        "id": name,
        "group": group,
        "midi": f"{number}.mid",
        "wav": wav,
        "rendered": wav is None,
        "symbolic": {
            "notes": N_NOTES,
            "seconds": 20.0,
            "repairs": {},
            "sequenced": None,
            "looped_share": 0.0,
            "events": figures(rng),
            "vqvae": figures(rng),
            "per_note": f"per_note/{number}.csv",
        },
        "heard": None
        if wav is None
        else {
            "notes": N_NOTES,
            "seconds": 20.5,
            "repairs": {},
            "sequenced": None,
            "looped_share": 0.0,
            "events": figures(rng),
            "vqvae": figures(rng),
            "per_note": f"per_note/{number}_heard.csv",
            "transcriber": "ears",
            "transcriber_version": "1.0",
            "first_note_seconds": 0.75,
        },
        "audio": {
            "seconds": 21.5,
            "spectral_lm": {"nll_nats_per_second": 4801.123456789, "curve": f"curves/{number}.csv"},
            "musicgen": {"perplexity": 60.1, "cross_entropy": [3.25, 4.5]},
            "swing": {"swing_ratio": 0.5 + number},
        },
        "match": None,
        "heard_against_read": None
        if wav is None
        else {
            **{"matched": 37, "missing": 1, "extra": 1, "moved": 1, "repitched": 1, "text": "37 of 40 notes are heard"},
            "edits": [
                {"kind": "removed", "note": None, "reference_note": 7, "seconds": 4.5, "text": "C4 removed"}
                | {"reference_seconds": 3.25}
            ],
        },
        "moments": [moment | {"reason": "pitch", "notes": [2, 3], "text": f"A moment of {name}"}],
        "explanations": {"events": "One sentence. And another."},
        "warnings": ["first", "second"],
        "error": None,
    }


def make_group(reference, version):
    """A group of two versions, with an edit of each kind that has a note and of one that has none."""
    rows = [
        {"id": reference, "rank": 1, "value": 8.5, "difference_nats": None, "interval": None, "shared_seconds": None},
        {"id": version, "rank": 2, "value": 9.5, "difference_nats": 40.5, "interval": [-3.25, 84.0]}
        | {"shared_seconds": 19.0},
    ]
    verdicts = ("reference", "not distinguishable")
    rows = [
        row | {"verdict": verdict, "reason": None, "compared_value": None, "played_nats": {}}
        for row, verdict in zip(rows, verdicts, strict=True)
    ]
    return {
        "group": "one",
        "source": "given",
        "reference": reference,
        "views": {"events": {"quantity": "bits_per_note", "unit": "bits a note", "items": rows}},
        "edits": {
            version: [
                {"kind": "added", "note": 3, "reference_note": None, "seconds": 1.5, "text": "C4 added"}
                | {"reference_seconds": 1.75},
                {"kind": "removed", "note": None, "reference_note": 5, "seconds": 2.5, "text": "E4 removed"}
                | {"reference_seconds": 2.75},
            ]
        },
        "distances": {version: {"chroma": 0.25, "mfcc": 3.5}},
        "verdict": "No view can tell them apart.",
        "assumed": None,
        "played": {},
        "answers": [],
    }


def make_report(folder, names=("one/a.mid", "one/b.mid")):
    """A report of two versions and an item that failed."""
    entries = [make_entry(folder, number, name, "one") for number, name in enumerate(names)]
    failed = dict.fromkeys(entries[0]) | {
        "id": "broken.mid",
        "rendered": False,
        "error": "broken.mid: is no MIDI file.",
    }
    failed |= {"moments": [], "explanations": {}, "warnings": []}
    return {
        "version": 1,
        "created": "2026-11-01T12:00:00+00:00",
        "weights": {"events": "ab" * 32},
        "units": {"events": "nats of the notes", "swing": "ratio of eighths"},
        "context_policy": "events: all of it",
        "items": [*entries, failed],
        "groups": [make_group(*names[:2])],
        "agreement": {"within_group_spearman": 0.5, "interval": [0.25, 0.75], "n": 2},
        "passed_over": ["takes: passed over as no music by their suffixes: 4 .txt, cover.jpg"],
        "soundfont": "/usr/share/sounds/sf2/TimGM6mb.sf2",
    }


def with_answers(report):
    """The report with a third version like the second, a view that ranks none, and what the group comes to."""
    (group,) = report["groups"]
    events = group["views"]["events"]
    events["items"].append(events["items"][1] | {"id": "one/c.mid"})
    ids = [row["id"] for row in events["items"]]
    unranked = [
        {"rank": None, "value": 1.0, "difference_nats": None, "interval": None, "shared_seconds": None}
        | {"id": name, "verdict": "not ranked", "reason": "it has no curve", "compared_value": None, "played_nats": {}}
        for name in ids
    ]
    group["views"]["swing"] = {"quantity": "swing_ratio", "unit": "ratio", "items": unranked}
    group["answers"] = [
        {"id": ids[0], "answer": "reference", "why": "the others are compared with it", "view": None},
        *({"id": name, "answer": "cannot tell", "why": "1 note differs", "view": "events"} for name in ids[1:]),
    ]
    return report
