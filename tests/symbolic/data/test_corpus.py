"""The prepared corpus on disk: what is written comes back, and what is not there is said."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from losscal.errors import InputError
from symbolic.data.corpus import SPLITS, Corpus, Piece, write_corpus
from symbolic.notes.performance import NOTE_DTYPE, Performance


def write(folder, counts=(3, 5, 2)):
    generator = np.random.default_rng(0)
    pieces, performances, start = [], [], 0
    for index, (count, split) in enumerate(zip(counts, SPLITS, strict=True)):
        notes = np.zeros(count, dtype=NOTE_DTYPE)
        notes["onset_ticks"], notes["duration_ticks"] = np.arange(count) * 7, generator.integers(1, 602, count)
        notes["pitch"], notes["velocity_bin"] = generator.integers(21, 109, count), generator.integers(0, 32, count)
        performance = Performance(notes)
        performances.append(performance)
        pieces.append(
            Piece(
                sha256=f"{index:064x}",
                name=f'Fauré, G., "Op.{index}"\u2028, a.b.mid',
                composer="Fauré, Gabriel",
                era="",
                work_group=f"g{index}",
                split=split,
                start=start,
                stop=start + count,
                seconds=performance.seconds,
                flags=("long", "small")[:index],
                repairs={"drum": index} if index else {},
            )
        )
        start += count
    return pieces, performances, write_corpus(folder, pieces, performances, [("b.mid", "no, not this")], "s.zip")


def test_pieces_and_notes_come_back(tmp_path):
    pieces, performances, summary = write(tmp_path / "cache")
    corpus = Corpus.open(tmp_path / "cache")
    assert list(corpus.pieces) == pieces
    assert isinstance(corpus.notes, np.memmap)
    assert [corpus.performance(piece).notes.tolist() for piece in pieces] == [p.notes.tolist() for p in performances]
    assert [corpus.of_split(split) for split in SPLITS] == [(piece,) for piece in pieces]
    assert corpus.summary == summary == json.loads((tmp_path / "cache" / "summary.json").read_text())
    assert (summary["kept"], summary["rejected"], summary["notes"]) == (3, 1, 10)
    assert summary["splits"]["validation"]["notes"] == 5
    assert summary["repairs"] == {"drum": 3}
    with pytest.raises(ValueError, match="split 'dev'"):
        corpus.of_split("dev")


def test_the_data_hash_names_notes_and_splits(tmp_path):
    pieces, performances, first = write(tmp_path / "a")
    _, _, same = write(tmp_path / "b")
    moved = [replace(pieces[0], split="test"), *pieces[1:]]
    other = write_corpus(tmp_path / "c", moved, performances, [], "s.zip")
    assert first["data_hash"] == same["data_hash"] == Corpus.open(tmp_path / "a").data_hash
    assert first["data_hash"] != other["data_hash"]


def test_an_absent_or_older_corpus_is_refused_with_the_command(tmp_path):
    with pytest.raises(InputError, match=r"python -m symbolic\.prepare SOURCE --out .*nowhere"):
        Corpus.open(tmp_path / "nowhere")
    write(tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "version": 0}))
    with pytest.raises(InputError, match="format 0"):
        Corpus.open(tmp_path)


@pytest.mark.parametrize("name", ["summary.json", "pieces.csv", "notes.npy"])
def test_a_damaged_corpus_is_refused_with_the_command(name, tmp_path):
    write(tmp_path)
    whole = (tmp_path / name).read_bytes()
    for cut in (0, 1, len(whole) // 2, len(whole) - 10):
        (tmp_path / name).write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"damaged.*; run python -m symbolic\.prepare SOURCE --out"):
            Corpus.open(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=r"; run python -m symbolic\.prepare SOURCE --out"):
        Corpus.open(tmp_path)


def test_reading_a_corpus_needs_no_midi_library(tmp_path):
    write(tmp_path)
    code = (
        "import sys; from symbolic.data.corpus import Corpus; c = Corpus.open(sys.argv[1]); c.performance(c.pieces[0]);"
        "assert not {'mido', 'symusic', 'yaml', 'torch', 'tqdm', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
