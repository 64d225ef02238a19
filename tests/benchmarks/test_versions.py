"""The benchmark of versions: what it writes is what it says, and every version has its line."""

import json

import numpy as np
import pytest
from music import random_performance

from benchmarks import versions
from benchmarks.versions import ORIGINAL, SILENT, VERSIONS, rows
from losscal.errors import InputError
from symbolic.data.corpus import Piece, write_corpus
from symbolic.notes.cleaning import read_midi


@pytest.fixture
def corpus_folder(tmp_path):
    """Two test pieces of more than a minute and one of a few seconds."""
    music = [random_performance(seed, notes) for seed, notes in ((1, 900), (2, 20), (3, 900))]
    assert [piece.seconds > 60 for piece in music] == [True, False, True]
    pieces, start = [], 0
    for number, piece in enumerate(music):
        facts = (f"{number:064x}", f"piece {number}.mid", "Bach", "", f"g{number}", "test")
        pieces.append(Piece(*facts, start, start + len(piece), piece.seconds, (), {}))
        start += len(piece)
    write_corpus(tmp_path / "corpus", pieces, music, [], "tests")
    return tmp_path / "corpus"


def fields_changed(version):
    """{field: notes that differ in it} of a version of a hundred notes; random ones keep no order to compare by."""
    passage = random_performance(1, 100)
    other = VERSIONS[version](passage, np.random.default_rng(1))
    assert len(other) == len(passage)
    changed = {field: int((other.notes[field] != passage.notes[field]).sum()) for field in passage.notes.dtype.names}
    return {field: count for field, count in changed.items() if count}


def test_versions_change_what_their_names_say():
    assert fields_changed(ORIGINAL) == {}
    assert fields_changed("one semitone off")["pitch"] == 1
    assert (
        1 < fields_changed("wrong notes 5 %")["pitch"] <= 10
    )  # in the order of their pitches a chord may change twice
    assert fields_changed("louder").keys() == {"velocity_bin"}
    assert fields_changed("slower by 3 %").keys() == {"onset_ticks", "duration_ticks"}
    assert min(fields_changed("random, any values").values()) > 80


def test_louder_is_louder_and_slower_is_slower():
    passage = random_performance(1, 100)
    louder, slower = (VERSIONS[name](passage, np.random.default_rng(1)) for name in ("louder", "slower by 3 %"))
    assert (louder.notes["velocity_bin"] >= passage.notes["velocity_bin"]).all()
    assert slower.notes["onset_ticks"][-1] == pytest.approx(1.03 * passage.notes["onset_ticks"][-1], abs=0.5)


def test_every_version_is_ranked_in_every_passage_but_silence(corpus_folder, tiny_weights, tmp_path, capsys):
    flags = ["--data", str(corpus_folder), "--weights", str(tiny_weights), "--views", "events,vqvae"]
    assert versions.main([*flags, "--passages", "2", "--out", str(tmp_path / "out")]) == 0
    told, *_ = capsys.readouterr().out.split("+ likelier")
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in told.splitlines()]
    assert [line[0] for line in lines[2:]] == [*VERSIONS, SILENT]
    for line in lines[2:-1]:
        assert all(1 <= int(rank) <= len(VERSIONS) for rank in line[1].split() + line[3].split())
        assert sum(int(count[:-1]) for count in line[2].split()) == (0 if line[0] == ORIGINAL else 2)
    assert lines[-1] == [SILENT, "- -", "2?", "- -", "2?"]
    report = json.loads((tmp_path / "out/report/report.json").read_text())
    assert [group["reference"] for group in report["groups"]] == [f"{g['group']}: original" for g in report["groups"]]
    passage = read_midi(tmp_path / "out/music" / report["groups"][0]["group"] / "original.mid").performance
    assert passage.notes["onset_ticks"][-1] < 3000


def test_verdicts_are_counted_by_version():
    def item(version, rank, verdict):
        return {"id": f"a: b: {version}", "rank": rank, "verdict": verdict}

    ranked = [item(version, n, "less likely") for n, version in enumerate(VERSIONS, start=1)]
    ranked[0] = item(ORIGINAL, 1, "reference")
    group = {"views": {"events": {"items": [*ranked, item(SILENT, None, "not ranked")]}}}
    lines = {line[0]: line[1:] for line in rows([group, group])}
    assert lines[ORIGINAL] == ["1 1", ""]
    assert lines["louder"] == ["5 5", "2-"]
    assert lines[SILENT] == ["- -", "2?"]


def test_passages_that_are_not_to_be_had_are_refused(corpus_folder):
    with pytest.raises(InputError, match="--passages 3: only 2 pieces of the test split"):
        versions.main(["--passages", "3", "--data", str(corpus_folder)])
