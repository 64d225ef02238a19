"""Hand-made versions of one piece: ranks, differences worked out from the notes, verdicts, edits, words."""

import json
from pathlib import Path

import numpy as np
import pytest

from bridge.items.entry import ItemEntry, SoundHalf
from bridge.items.finding import Item
from bridge.report.files import table, to_json
from bridge.scorer import score_items
from bridge.synthesis.rendering import play
from bridge.versions.agreement import agreement
from bridge.versions.comparison import Agreement, Ranking, VersionRow
from bridge.versions.verdicts import quantity_of, reason_not_ranked
from bridge.versions.words import NAMED_VERSIONS, group_verdict
from bridge.views.declarations import VIEWS
from bridge.views.opening import OpenViews
from bridge.views.sound import AudioView
from losscal.references import ViewReference
from losscal.views import View
from symbolic.notes.cleaning import read_midi
from symbolic.notes.corruption import loop
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi


@pytest.fixture
def write(tmp_path):
    """A function that writes 120 notes of 20 s, played, with some pitches raised; an item of the group "g"."""

    def write(name, raised=(), semitones=12, count=120, is_sequenced=False, group="g"):
        rng = np.random.default_rng(7)
        notes = np.zeros(count, dtype=NOTE_DTYPE)
        jitter = rng.integers(-4, 4, size=120, endpoint=True)[:count]
        notes["onset_ticks"] = 16 * np.arange(count) + (0 if is_sequenced else jitter)
        notes["onset_ticks"] -= notes["onset_ticks"][0]
        notes["duration_ticks"], notes["velocity_bin"] = 10, 16
        notes["pitch"] = 50 + rng.integers(12, size=120)[:count]
        notes["pitch"][list(raised)] = notes["pitch"][list(raised)].astype(int) + semitones
        write_midi(Performance(notes), tmp_path / f"{name}.mid")
        return Item(id=name, midi=tmp_path / f"{name}.mid", group=group)

    return write


def compared(items, views, **options):
    report = score_items(items, views, **options)
    json.loads(to_json(report))  # nothing that JSON has no word for
    (group,) = report["groups"]
    return group, report


def by_id(group, view):
    return {row["id"]: row for row in group["views"][view]["items"]}


@pytest.fixture
def of_notes(views):
    """The views of notes alone: nothing is rendered."""
    return OpenViews(views.symbolic, {}, {}, views.references)


EVERY_TENTH = tuple(range(0, 120, 10))


def test_differences_are_those_of_the_notes_nats_and_verdicts_follow(of_notes, write):
    items = [
        write("original"),
        write("same"),
        write("worse", EVERY_TENTH),
        write("better", EVERY_TENTH, semitones=-12),
        write("one", (60,), semitones=1),
    ]
    group, report = compared(items, of_notes)
    assert (group["group"], group["source"], group["reference"]) == ("g", "given", "original")
    assert set(group) == {
        "group",
        "source",
        "reference",
        "views",
        "edits",
        "distances",
        "verdict",
        "assumed",
        "played",
        "answers",
    }
    rows = by_id(group, "events")
    assert group["views"]["events"]["quantity"] == "bits_per_note"
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "original": "reference",
        "same": "not distinguishable",
        "worse": "less likely",
        "better": "likelier",
        "one": "not distinguishable",
    }
    assert {name: row["rank"] for name, row in rows.items()} == {
        **{"better": 1, "original": 2, "same": 2, "one": 4, "worse": 5}
    }
    # a note costs its pitch / 10: twelve notes an octave higher cost 14.4 nats more
    assert rows["worse"]["difference_nats"] == pytest.approx(14.4, abs=0.01)
    assert rows["better"]["difference_nats"] == pytest.approx(-14.4, abs=0.01)
    assert rows["one"]["difference_nats"] == pytest.approx(0.1, abs=0.001)
    assert rows["same"]["difference_nats"] == 0.0 and rows["same"]["interval"] == [0.0, 0.0]
    low, high = rows["worse"]["interval"]
    assert 0 < low < 14.4 < high and rows["worse"]["shared_seconds"] == 20.0
    assert by_id(group, "vqvae")["worse"]["difference_nats"] == pytest.approx(1.25 * 14.4, abs=0.02)
    for row in rows.values():
        entry = next(entry for entry in report["items"] if entry["id"] == row["id"])
        assert row["value"] == entry["symbolic"]["events"]["bits_per_note"] and entry["group"] == "g"
    assert rows["original"]["difference_nats"] is rows["original"]["interval"] is None
    assert [(row["id"], row["answer"], row["why"]) for row in group["answers"]] == [
        ("original", "reference", "the others are compared with it"),
        ("same", "cannot tell", "same notes"),
        ("worse", "worse", "12 notes changed"),
        ("better", "better", "12 notes changed"),
        ("one", "cannot tell", "1 note changed"),
    ]
    assert {row["view"] for row in group["answers"][1:]} == {"events"}
    text = table(report)
    assert text.startswith(
        "g: better better than the reference; worse worse; same, one not to be told from it. The reference is original."
    )


@pytest.mark.fluidsynth
def test_edits_distances_and_words(views, write):
    items = [write("original"), write("worse", EVERY_TENTH), write("same")]
    group, _ = compared(items, views)
    edits = group["edits"]
    assert set(edits) == {"worse", "same"} and edits["same"] == []
    assert [edit["kind"] for edit in edits["worse"]] == ["changed"] * 12
    assert [edit["note"] for edit in edits["worse"]] == list(EVERY_TENTH)
    assert set(edits["worse"][0]) == {"kind", "note", "reference_note", "seconds", "reference_seconds", "text"}
    assert "instead of" in edits["worse"][0]["text"]
    assert set(group["distances"]) == {"worse", "same"}
    assert group["distances"]["same"]["chroma"] == pytest.approx(0.0, abs=1e-6)
    assert group["distances"]["same"]["mfcc"] == pytest.approx(0.0, abs=1e-6)
    assert group["distances"]["worse"]["mfcc"] > 0.1
    assert "events prefers the reference, original" in group["verdict"]
    assert "of the other versions: less likely worse; not distinguishable same." in group["verdict"]
    assert "Stand-in: events was tried on a midi." in group["verdict"]


@pytest.mark.fluidsynth
def test_no_version_is_played_a_second_time_to_be_compared(views, write, tmp_path, monkeypatch):
    played = []

    def counted(file, name, **options):
        played.append(Path(name).stem)
        return play(file, name, **options)

    monkeypatch.setattr("bridge.synthesis.rendering.play", counted)
    items = [write("original"), write("worse", EVERY_TENTH), write("alone", group="another")]
    group, _ = compared(items, views, tables_dir=tmp_path / "out")
    assert sorted(played) == ["alone", "original", "worse"]
    played.clear()
    resumed, _ = compared(items, views, tables_dir=tmp_path / "out")  # of items from a journal no sound is kept
    assert sorted(played) == ["original", "worse"] and resumed == group


@pytest.mark.parametrize(
    ("change", "text", "what"),
    [
        ({"seconds_ratio": 1.25}, "25 % slower", {"tempo"}),
        ({"bins": 6}, "24 of velocity louder", {"loudness"}),
        ({"semitones": 3}, "3 semitones up", {"key"}),
        (
            {"seconds_ratio": 0.8, "bins": -5, "semitones": -1},
            "20 % faster, 20 of velocity softer, 1 semitone down",
            {"loudness", "tempo", "key"},
        ),
    ],
)
def test_tempo_loudness_and_key_are_told_apart_from_the_notes(of_notes, write, tmp_path, change, text, what):
    original = write("original")
    notes = read_midi(original.midi).performance.notes.copy()
    notes["onset_ticks"] = np.rint(notes["onset_ticks"] * change.get("seconds_ratio", 1.0))
    notes["duration_ticks"] = np.rint(notes["duration_ticks"] * change.get("seconds_ratio", 1.0))
    notes["velocity_bin"] = notes["velocity_bin"].astype(int) + change.get("bins", 0)
    notes["pitch"] = notes["pitch"].astype(int) + change.get("semitones", 0)
    write_midi(Performance(notes), tmp_path / "other.mid")
    group, _ = compared([original, Item(id="other", midi=tmp_path / "other.mid", group="g")], of_notes)
    assert group["played"]["other"]["text"] == text
    row = by_id(group, "events")["other"]
    assert row["verdict"] == "not distinguishable" and row["rank"] == 1
    assert row["difference_nats"] == pytest.approx(0.0, abs=0.01)
    assert row["compared_value"] == pytest.approx(by_id(group, "events")["original"]["value"])
    assert set(row["played_nats"]) == what
    # of the stand-in's nats, a tenth of each pitch, only another key costs any
    key_nats = 120 * 0.1 * change.get("semitones", 0)
    assert sum(row["played_nats"].values()) == pytest.approx(key_nats, abs=0.02)


def test_sequenced_versions_are_ranked_by_their_pitches(of_notes, write):
    items = [write("original"), write("typed", EVERY_TENTH, is_sequenced=True)]
    group, report = compared(items, of_notes)
    typed = report["items"][1]
    assert typed["symbolic"]["sequenced"]["distinct_velocities"] == 1
    assert typed["symbolic"]["sequenced"]["share_on_grid"] == 1.0
    assert ["sequenced, not played" in text for text in typed["warnings"]].count(True) == 1
    assert report["items"][0]["symbolic"]["sequenced"] is None
    of_view = group["views"]["events"]
    assert (of_view["quantity"], of_view["unit"]) == ("pitch_bits_per_note", "bits of pitch a note")
    assert group["assumed"].startswith("typed on a sequencer's grid: so all versions are compared by their pitches")
    pitch_nats = typed["symbolic"]["events"]["by_attribute"]["pitch"]
    assert by_id(group, "events")["typed"]["value"] == pytest.approx(pitch_nats / np.log(2) / 120)
    assert by_id(group, "events")["typed"]["difference_nats"] == pytest.approx(
        14.4 / 4, abs=0.01
    )  # a quarter is pitch's


@pytest.mark.fluidsynth
def test_what_cannot_be_ranked_says_why(tmp_path, views, write, make_wav):
    silent = tmp_path / "silent.wav"
    make_wav(silent, peak=0.0)
    items = [
        write("original"),
        Item(id="recorded", wav=make_wav(tmp_path / "recorded.wav", seconds=20.0), group="g"),
        Item(id="silent", wav=silent, group="g"),
        Item(id="gone", midi=tmp_path / "gone.mid", group="g"),
        write("short", count=16),
    ]
    group, _ = compared(items, views)
    of_notes, of_sound = by_id(group, "events"), by_id(group, "spectral_lm")
    assert {row["verdict"] for name, row in of_notes.items() if name != "original"} == {"not ranked"}
    assert {row["rank"] for name, row in of_notes.items() if name != "original"} == {None}
    assert of_notes["recorded"]["reason"] == "it has no notes, only a recording"
    assert "gone.mid" in of_notes["gone"]["reason"] and "shares less than 5 s" in of_notes["short"]["reason"]
    assert of_sound["recorded"]["reason"] == "a recording, while the reference is a rendering: timbre would decide"
    assert "silent.wav" in of_sound["silent"]["reason"]
    assert group["distances"]["silent"] is None and group["distances"]["recorded"]["chroma"] > 0.1
    assert "of the other versions: not ranked recorded, silent, gone, short." in group["verdict"]


def test_a_version_likelier_than_all_real_music_is_not_ranked_unless_the_reference_is(of_notes, write):
    low = write("low", range(80), semitones=-20)
    group, _ = compared([write("original"), low], of_notes)
    assert by_id(group, "events")["low"]["verdict"] == "likelier"
    of_notes.symbolic["events"].factor = 0.0
    group, _ = compared([write("original"), low], of_notes)
    assert by_id(group, "events")["low"]["verdict"] == "not distinguishable"  # two of a kind


def test_beyond_the_references_alone(of_notes, write, monkeypatch):
    monkeypatch.setattr("bridge.views.judgement.HIGHEST_PERCENTILE", 60.0)
    group, _ = compared([write("original"), write("low", range(120), semitones=-20)], of_notes)
    row = by_id(group, "events")["low"]
    assert (row["verdict"], row["rank"]) == ("not ranked", None) and "too predictable" in row["reason"]


def test_what_loops_is_not_ranked_against_what_does_not(of_notes, write, tmp_path):
    original = write("original")
    played = read_midi(original.midi).performance
    for name in ("looped", "looped too"):
        write_midi(loop(played, np.random.default_rng(len(name)), 0.5), tmp_path / f"{name}.mid")
    items = [original, *(Item(id=name, midi=tmp_path / f"{name}.mid", group="g") for name in ("looped", "looped too"))]
    group, report = compared(items, of_notes)
    looped = by_id(group, "events")["looped"]
    assert looped["verdict"] == "not ranked" and "loops the same notes exactly" in looped["reason"]
    assert [item["symbolic"]["looped_share"] > 0.4 for item in report["items"]] == [False, True, True]
    assert ["to the tick" in " ".join(item["warnings"]) for item in report["items"]] == [False, True, True]
    group, _ = compared(items[1:], of_notes, reference=tmp_path / "looped.mid")
    assert by_id(group, "events")["looped too"]["verdict"] != "not ranked"  # two of a kind
    group, _ = compared(items, of_notes, reference=tmp_path / "looped.mid")
    assert "the reference looped loops" in by_id(group, "events")["original"]["reason"]


def test_a_scale_that_was_typed_in_is_not_ranked_either(of_notes, write, tmp_path):
    notes = np.zeros(120, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["duration_ticks"], notes["velocity_bin"] = 16 * np.arange(120), 10, 16
    notes["pitch"] = 21 + np.arange(120) % 8
    write_midi(Performance(notes), tmp_path / "scale.mid")
    windows = {length: np.linspace(3.0, 10.0, 401) for length in (64, 256)}
    of_notes.references.by_view["events"] = ViewReference.of_values("events-hash", "nll_nats_per_note", windows)
    items = [write("piece", is_sequenced=True), Item(id="scale", midi=tmp_path / "scale.mid", group="g")]
    group, _ = compared(items, of_notes)
    assert group["views"]["events"]["quantity"] == "pitch_bits_per_note"
    row = by_id(group, "events")["scale"]
    assert (row["verdict"], row["rank"]) == ("not ranked", None) and "too predictable" in row["reason"]
    group, _ = compared(items[::-1], of_notes)
    row = by_id(group, "events")["piece"]
    assert row["verdict"] == "not ranked" and "the reference scale is likelier than all held-out" in row["reason"]
    assert "events can hold no other version against the reference, scale" in group["verdict"]


def test_the_gate_names_the_figure_that_closes_it():
    view = VIEWS["spectral_lm"]
    ratio = view.quantities[0]
    entries = [
        ItemEntry(
            *(name, "g", f"{name}.mid", None, True),
            audio=SoundHalf({"spectral_lm": figures | {"llr_nats_per_second": 1.0, "curve": "c"}}),
        )
        for name, figures in (("a", {"percentile": 50.0, "llr_percentile": 60.0}), ("b", {"llr_percentile": 100.0}))
    ]
    reason = reason_not_ranked(view, ratio, entries[1], entries[0])
    assert "llr_percentile 100" in reason and "likelier" not in reason
    assert reason_not_ranked(view, ratio, entries[1], entries[1]) is None


@pytest.mark.fluidsynth
def test_plug_ins_are_not_ranked_and_a_missing_curve_is_a_reason(views, write):
    description = views.audio["spectral_lm"].description
    figures = {"llr_nats_per_second": 3.0, "nll_nats_per_second": 2.0}
    sound = SoundHalf({"swing": figures | {"curve": "curves/a_swing.csv"}})
    swing = View("swing", "sound", "ratio of eighths", lambda weights: None)
    assert quantity_of(swing, [ItemEntry("a", "g", "a.mid", None, audio=sound)]) is None
    without_curve = AudioView(VIEWS["spectral_lm"], description, lambda sound: figures)
    group, _ = compared([write("a"), write("b")], OpenViews({}, {"spectral_lm": without_curve}))
    row = by_id(group, "spectral_lm")["b"]
    assert row["verdict"] == "not ranked" and row["reason"].startswith("it has no curve")


def words_of(*rows, ids=("x/take.mid", "y/take.mid", "z.mid")):
    """The verdict of a group of rows of (rank, verdict, reason)."""
    ranking = Ranking("bits_per_note", "bits a note", tuple(map(row_of, ids, rows)))
    return group_verdict({"events": ranking}, {}, ItemEntry(ids[0], "g", ids[0], None), {})


def row_of(name, row):
    rank, verdict, reason = row
    return VersionRow(name, rank, 1.5, None, None, None, verdict, reason)


def test_words_follow_the_rows():
    reference_row = (2, "reference", None)
    told = words_of(reference_row, (1, "less likely", None), (3, "less likely", None))
    assert "gives y/take (1.50 bits a note) the best figure as a whole, but where it shares time" in told
    assert "is less likely; of the other versions: less likely z." in told
    told = words_of(reference_row, (1, "likelier", None), (3, "not distinguishable", None))
    assert "prefers y/take (" in told and "of the other versions: not distinguishable z." in told
    told = words_of(reference_row, (1, "not distinguishable", None))
    assert "cannot tell it from the reference." in told
    told = words_of((None, "reference", "it is\nsilent."), (None, "not ranked", "no number"))
    assert r"events ranks none of them; of x: it is\nsilent." in told
    assert "prefers the reference, x (" in words_of((1, "reference", None), (2, "less likely", None))


def test_many_versions_of_one_verdict_are_counted():
    ids = [f"{number}.mid" for number in range(NAMED_VERSIONS + 2)]
    told = words_of((1, "reference", None), *[(2, "less likely", None)] * (len(ids) - 1), ids=ids)
    assert f"of the other versions: less likely {len(ids) - 1} of them." in told


def test_views_of_ratings_are_not_ranked(views, write):
    ratings = AudioView(VIEWS["audiobox"], views.audio["spectral_lm"].description, lambda sound: {"CE": 5.0})
    group, _ = compared([write("a"), write("b")], OpenViews(views.symbolic, {"audiobox": ratings}))
    assert set(group["views"]) == {"events", "vqvae"}


def test_groups_by_stem_and_by_reference_without_a_folder_of_tables(tmp_path, of_notes, write):
    items = [write("passage_v1", group=None), write("passage_v2", (3,), group=None), write("other", group=None)]
    group, report = compared(items, of_notes)
    assert (group["group"], group["source"], group["reference"]) == ("passage", "stem", "passage_v1")
    assert [entry["group"] for entry in report["items"]] == ["passage", "passage", None]
    assert [entry["symbolic"]["per_note"] for entry in report["items"]] == [None] * 3
    group, _ = compared(items, of_notes, reference=tmp_path / "other.mid")
    assert (group["source"], group["reference"], len(group["edits"])) == ("reference", "other", 2)


@pytest.mark.fluidsynth
def test_sound_is_ranked_by_its_ratio_of_which_more_is_better(views, write):
    def ratio(sound):
        """By the sound's loudness, the quieter the likelier, a second after the other; half of it active."""
        figures = views.audio["spectral_lm"].score(sound)
        per_second = -figures["nll_nats_per_second"]
        rows = len(figures["curve"]["start_seconds"])
        curve = {"llr_nats_per_second": [per_second / 2] * rows, "active_fraction": [0.5] * rows}
        return figures | {"llr_nats_per_second": per_second, "curve": figures["curve"] | curve}

    view = AudioView(VIEWS["spectral_lm"], views.audio["spectral_lm"].description, ratio)
    louder = write("louder", range(120), semitones=24)
    group, _ = compared([write("original"), louder], OpenViews(views.symbolic, {"spectral_lm": view}))
    of_view, rows = group["views"]["spectral_lm"], by_id(group, "spectral_lm")
    assert of_view["quantity"] == "llr_nats_per_second"
    worth = rows["original"]["value"] - rows["louder"]["value"]
    assert abs(worth) > 0.1
    ranks = (1, 2) if worth > 0 else (2, 1)
    assert (rows["original"]["rank"], rows["louder"]["rank"]) == ranks
    assert rows["louder"]["verdict"] == ("less likely" if worth > 0 else "likelier")
    assert rows["louder"]["difference_nats"] == pytest.approx(worth * rows["louder"]["shared_seconds"] / 2, rel=0.01)


def of_ranks(events, spectral_lm):
    return {
        view: Ranking("", "", tuple(row_of(str(place), (rank, "", None)) for place, rank in enumerate(ranks)))
        for view, ranks in (("events", events), ("spectral_lm", spectral_lm))
    }


def test_agreement_is_the_mean_over_groups_of_rank_correlations():
    same, reverse = of_ranks([1, 2, 3, 4], [1, 2, 3, 4]), of_ranks([1, 2, 3, 4], [4, 3, 2, 1])
    few = of_ranks([1, 2, 3], [3, 2, 1])
    unranked = of_ranks([1, None, 2, 3, 4], [1, None, 2, 3, 4])
    assert agreement([same]) == Agreement(pytest.approx(1.0), interval=None, n=1)
    told = agreement([same, reverse, unranked, few])
    assert told.within_group_spearman == pytest.approx(1 / 3) and told.n == 3
    assert told.interval[0] < 1 / 3 < told.interval[1]
    assert agreement([few]) is None and agreement([]) is None
    assert agreement([of_ranks([1, 1, 1, 1], [1, 2, 3, 4])]) is None
