"""Preparing a corpus: every file kept or rejected with its reason, and splits that nothing can move."""

import csv
import os
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from losscal.errors import InputError
from symbolic.data import manifest as manifest_module
from symbolic.data import sources
from symbolic.data.corpus import Corpus
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi
from symbolic.prepare import main

MANIFEST = """version: 1
corpora:
  toy: {home: https://example.org/toy}
eras:
  romantic: ["Chopin, Frédéric"]
pieces:
  toy:
"""
NAMES = {
    "a/Chopin, Frédéric, Études, Op.10, aaaaaaaaaaa.mid": 1,
    "b/Chopin, Frédéric, Étude No.3, Op.10 No.3, bbbbbbbbbbb.MIDI": 2,
    "b/Liszt, Franz, Études, S.141, ccccccccccc.mid": 3,
    "b/own.song.v2.mid": 4,
}


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A folder of four pieces, and a manifest of its own."""
    (tmp_path / "data_manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    monkeypatch.setattr(manifest_module, "manifest_path", lambda: tmp_path / "data_manifest.yaml")
    for name, seed in NAMES.items():
        write_piece(tmp_path / "source" / name, seed)
    return tmp_path / "source"


def write_piece(path, seed, n_notes=60):
    generator = np.random.default_rng(seed)
    notes = np.zeros(n_notes, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = np.arange(n_notes) * 13, generator.integers(40, 90, n_notes)
    notes["duration_ticks"] = 9
    path.parent.mkdir(parents=True, exist_ok=True)
    write_midi(Performance(notes), path)


def prepared(out, *arguments):
    """(corpus, {rejected name: reason}) after a run."""
    assert main([*map(str, arguments), "--out", str(out), "--workers", "1"]) == 0
    with open(out / "rejects.csv", newline="", encoding="utf-8") as file:
        return Corpus.open(out), {row["name"]: row["reason"] for row in csv.DictReader(file)}


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


def test_every_file_is_kept_or_rejected_with_its_reason(source, tmp_path):
    whole = (source / "b" / "own.song.v2.mid").read_bytes()
    (source / "copy.mid").write_bytes(whole)
    (source / "cut.mid").write_bytes(whole[:-9])
    (source / "text.mid").write_text("no music")
    (source / "empty.mid").write_bytes(b"")
    (source / "folder.mid").mkdir()
    (source / "gone.mid").symlink_to(source / "nowhere")
    (source / "readme.txt").write_text("not counted")
    corpus, rejects = prepared(tmp_path / "out", source)
    assert {piece.name for piece in corpus.pieces} == {Path(name).name for name in NAMES} - {"own.song.v2.mid"} | {
        "copy.mid"
    }
    assert rejects["b/own.song.v2.mid"] == "has the same notes as copy.mid"
    assert rejects["cut.mid"].startswith("truncated")
    assert rejects["text.mid"].startswith("not a MIDI file")
    assert rejects["empty.mid"].startswith("the file is empty")
    assert rejects["gone.mid"].startswith("no such file")
    assert len(rejects) == 5


def test_a_zip_gives_the_same_corpus_as_its_folder(source, tmp_path):
    from_folder, _ = prepared(tmp_path / "a", source)
    from_zip, _ = prepared(tmp_path / "b", zipped(source, tmp_path / "s.zip"))
    assert from_folder.data_hash == from_zip.data_hash


def test_a_broken_member_of_a_zip_is_rejected(source, tmp_path):
    path = zipped(source, tmp_path / "s.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"MThd") + 30] ^= 0xFF
    path.write_bytes(data)
    corpus, rejects = prepared(tmp_path / "out", path)
    assert len(corpus.pieces) == 3
    assert [reason[:28] for reason in rejects.values()] == ["cannot be read from the zip "]


def test_parts_and_near_duplicates_share_a_group_and_a_split(source, tmp_path):
    generator = np.random.default_rng(1)
    notes = np.zeros(120, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["duration_ticks"] = np.arange(120) * 17, 9
    notes["pitch"] = np.concatenate([generator.integers(40, 90, 60), np.random.default_rng(9).integers(40, 90, 60)])
    write_midi(Performance(notes), source / "zz medley.mid")
    pieces = {piece.name.split(",")[0]: piece for piece in prepared(tmp_path / "out", source)[0].pieces}
    chopin = [piece for name, piece in pieces.items() if name == "Chopin"]
    assert pieces["zz medley.mid"].work_group == chopin[0].work_group == "chopin frederic op 10"
    assert {piece.work_group for piece in pieces.values()} == {
        "chopin frederic op 10",
        "liszt franz s 141",
        "own song v2",
    }


def test_filters_keep_composers_and_eras(source, tmp_path):
    corpus, rejects = prepared(tmp_path / "a", source, "--composer", "CHOPIN, frederic", "--composer", "liszt")
    assert {piece.composer for piece in corpus.pieces} == {"Chopin, Frédéric", "Liszt, Franz"}
    assert rejects == {"b/own.song.v2.mid": "composer unknown is not selected"}
    corpus, _ = prepared(tmp_path / "b", source, "--era", "romantic")
    assert {piece.composer for piece in corpus.pieces} == {"Chopin, Frédéric"}


def test_a_listed_piece_keeps_name_group_and_split_for_ever(source, tmp_path):
    first, _ = prepared(tmp_path / "a", source, "--write-manifest", "toy")
    renamed = tmp_path / "renamed"
    for index, path in enumerate(sorted(source.rglob("*.mid"))):
        renamed.mkdir(exist_ok=True)
        path.rename(renamed / f"{index}.mid")
    write_piece(renamed / "stranger.mid", 77)
    corpus, rejects = prepared(tmp_path / "b", "toy", "--from", renamed)
    known = {piece.sha256: (piece.name, piece.work_group, piece.split) for piece in first.pieces}
    assert len(corpus.pieces) == 3
    assert all(known[piece.sha256] == (piece.name, piece.work_group, piece.split) for piece in corpus.pieces)
    assert rejects == {"stranger.mid": "is no piece that data_manifest.yaml lists for toy"}


def test_a_new_piece_joins_the_group_of_a_listed_work(source, tmp_path):
    prepared(tmp_path / "a", source, "--write-manifest", "toy")
    listing = tmp_path / "data_manifest.yaml"
    listing.write_text(listing.read_text(encoding="utf-8").replace('"liszt franz s 141"', '"united"'), encoding="utf-8")
    write_piece(source / "Liszt, Franz, Étude No.1, S.141 No.1, ddddddddddd.mid", 50)
    corpus, _ = prepared(tmp_path / "b", source)
    assert [piece.work_group for piece in corpus.pieces if piece.composer == "Liszt, Franz"] == ["united"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such folder or file"),
        (["toy"], r"toy: download it from https://example\.org/toy .* --from"),
        (["other", "--from", "nowhere"], "other: no corpus of data_manifest.yaml, which has toy"),
        (["empty"], "no MIDI file in it was kept"),
        (["source", "--composer", "Satie"], "no MIDI file in it was kept; the first of 4: .* is not selected"),
        (["source", "--write-manifest", "other"], "other: describe this corpus"),
    ],
)
def test_a_source_that_gives_nothing_is_refused_in_one_sentence(source, tmp_path, monkeypatch, arguments, message):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        main([*arguments, "--out", "out", "--workers", "1"])
    assert not (tmp_path / "out").exists()


def test_members_that_cannot_be_read_safely_are_rejected_and_the_others_kept(source, tmp_path, monkeypatch):
    whole = (source / "b" / "own.song.v2.mid").read_bytes()
    monkeypatch.setattr(sources, "MAX_FILE_BYTES", 100_000)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("lzma.mid", whole, compress_type=zipfile.ZIP_LZMA)
        archive.writestr("bomb.mid", bytes(100_001), compress_type=zipfile.ZIP_DEFLATED)
        archive.writestr("../up.mid", whole)
        archive.writestr("locked.mid", whole)
    data = bytearray((tmp_path / "s.zip").read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flag of encryption
    (tmp_path / "s.zip").write_bytes(data)
    corpus, rejects = prepared(tmp_path / "out", tmp_path / "s.zip")
    assert [piece.name for piece in corpus.pieces] == ["up.mid"]
    assert rejects == {
        "lzma.mid": "is compressed by method 14 in the zip, read are no compression and deflate; pack it anew.",
        "bomb.mid": "is above 100000 bytes, the limit; split the file.",
        "locked.mid": "is encrypted in the zip; unpack it and give the folder.",
    }


def test_a_member_that_belies_its_size_costs_no_more_memory_than_it_says(tmp_path):
    n_bytes = 300 << 20
    with zipfile.ZipFile(tmp_path / "s.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.mid", bytes(n_bytes))
    data = bytearray((tmp_path / "s.zip").read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = (1000).to_bytes(4, "little")
    (tmp_path / "s.zip").write_bytes(data)
    opened = sources.open_source(tmp_path / "s.zip")
    tracemalloc.start()
    with pytest.raises(InputError, match="cannot be read from the zip"):
        opened.read(0)
    assert tracemalloc.get_traced_memory()[1] < n_bytes / 2
    tracemalloc.stop()


def test_a_zip_that_unpacks_beyond_the_limit_is_refused(source, tmp_path, monkeypatch):
    path = zipped(source, tmp_path / "s.zip")
    monkeypatch.setattr(sources, "MAX_ZIP_BYTES", 1000)
    with pytest.raises(InputError, match="bytes unpacked, the limit is 1000"):
        prepared(tmp_path / "out", path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_two_pieces(source, tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for path in sorted(source.rglob("*"))[-2:]:
            archive.writestr("same.mid", path.read_bytes())
    corpus, _ = prepared(tmp_path / "out", tmp_path / "s.zip")
    assert [piece.name for piece in corpus.pieces] == ["same.mid", "same.mid"]
    assert corpus.pieces[0].sha256 != corpus.pieces[1].sha256


def test_a_pipe_is_not_waited_for(source, tmp_path):
    os.mkfifo(source / "pipe.mid")
    _, rejects = prepared(tmp_path / "out", source)
    assert rejects == {"pipe.mid": "no regular file (a pipe or device); copy its content to a file."}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf_8_is_escaped(source, tmp_path):
    (source / "b" / "own.song.v2.mid").rename(source / "b" / os.fsdecode(b"caf\xe9.mid"))
    (source / "b" / os.fsdecode(b"cut\xe9.mid")).write_bytes(b"no music")
    corpus, rejects = prepared(tmp_path / "out", source)
    assert "caf\\xe9.mid" in {piece.name for piece in corpus.pieces}
    assert list(rejects) == ["b/cut\\xe9.mid"]
