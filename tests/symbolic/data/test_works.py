"""Work groups: what a name says, what the notes say, and the manifest that fixes both."""

import hashlib
import tracemalloc

import numpy as np
import pytest

from symbolic.data import duplicates
from symbolic.data.duplicates import near_duplicates
from symbolic.data.flags import flags_of, grid_resultant
from symbolic.data.manifest import ListedPiece, Manifest, manifest_path, write_pieces
from symbolic.data.works import WorkName, split_of, unite
from symbolic.notes.performance import NOTE_DTYPE, Performance


def key(title, composer="Bach, Johann Sebastian"):
    return WorkName.of_file(f"{composer}, {title}, Ab-d_fgh1jk.mid").group_key


def piece_of(pitches, step=20):
    notes = np.zeros(len(pitches), dtype=NOTE_DTYPE)
    notes["pitch"], notes["onset_ticks"], notes["duration_ticks"] = pitches, np.arange(len(pitches)) * step, 10
    return Performance(notes)


def test_a_name_is_parsed_from_both_ends():
    name = "Beethoven, Ludwig van, 24 Variations on 'Venni, amore', Op.1 No.2, -Q5aBAw_ab0.mid"
    assert WorkName.of_file(name) == WorkName("Beethoven, Ludwig van", "24 Variations on 'Venni, amore', Op.1 No.2")
    assert WorkName.of_file("my.song.v2.mid") == WorkName("", "my.song.v2")


@pytest.mark.parametrize(
    ("title", "same_work"),
    [
        ("Piano Sonata No.5, Op.10 No.1", "Piano Sonata No.7, Op.10 No.3"),
        ("Das wohltemperierte Klavier I, BWV 846-869", "Prelude and Fugue in A major, BWV 864"),
        ("Rhapsody No.2, S.244_2", "Rhapsody No.15, S.244_15"),
        ("Sonata in F major, K.280_189e", "Andante, K.280"),
        ("Prélude", "Prelude"),
    ],
)
def test_parts_of_one_opus_are_one_work(title, same_work):
    assert key(title) == key(same_work)


@pytest.mark.parametrize(
    ("title", "other_work"),
    [
        ("Minuet, BWV Anh.114", "Minuet, BWV 114"),
        ("Sonata, Hob.XVI:34", "Sonata, Hob.XVI:35"),
        ("Rondo, WoO 49", "Rondo, Op.49"),
        ("Prelude and Fugue, BWV 869", "Prelude and Fugue, BWV 870"),
        ("Air in D major", "Air in G major"),
        ("Мазурка", "Вальс"),
    ],
)
def test_different_works_stay_apart(title, other_work):
    assert key(title) != key(other_work)


def test_equal_numbers_of_two_composers_are_two_works():
    assert key("Pieces, Op.6", "Schumann, Clara") != key("Pieces, Op.6", "Schumann, Robert")


def test_a_split_is_the_hash_of_its_group_alone():
    for group in map(str, range(300)):
        percent = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 100
        assert split_of(group) == ("test" if percent < 10 else "validation" if percent < 18 else "train")


def test_a_quoted_passage_is_found_though_its_chords_are_spread_otherwise():
    generator = np.random.default_rng(0)
    passage, *others = generator.integers(40, 90, size=(4, 300))
    passage = np.sort(passage.reshape(-1, 3), axis=1).ravel()  # chords of three, from the bass up
    up, down = piece_of(passage).notes, piece_of(passage).notes
    up["onset_ticks"] = np.repeat(np.arange(100) * 30, 3) + np.tile([0, 1, 2], 100)
    down["onset_ticks"] = np.repeat(np.arange(100) * 33, 3) + np.tile([4, 2, 0], 100)
    pieces = [
        Performance(up),
        Performance(np.sort(down, order="onset_ticks")),
        piece_of(others[0]),
        piece_of(np.concatenate([others[1], passage[:60], others[2]])),
    ]
    pairs = {(i, j): share for i, j, share in near_duplicates(pieces)}
    assert set(pairs) == {(0, 1), (0, 3), (1, 3)}
    assert pairs[0, 1] == 1
    assert pairs[0, 3] == pytest.approx((60 - 7) / (300 - 7))


def test_shared_music_is_found_in_small_buckets_and_memory_grows_with_it_alone(monkeypatch):
    generator = np.random.default_rng(2)
    passage = generator.integers(40, 90, 100)
    monkeypatch.setattr(duplicates, "GRAMS_AT_ONCE", 4096)
    monkeypatch.setattr(duplicates, "PIECES_AT_ONCE", 7)
    near_duplicates(map(piece_of, generator.integers(40, 90, size=(2, 9))))  # imports scipy
    peaks = []
    for count in (50, 200):
        music = (generator.integers(40, 90, 1000) for _ in range(count))
        quoting = (np.concatenate([passage, notes]) if place in (3, 40) else notes for place, notes in enumerate(music))
        tracemalloc.start()
        assert [pair[:2] for pair in near_duplicates(map(piece_of, quoting))] == [(3, 40)]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_trills_and_short_figures_glue_nothing():
    generator = np.random.default_rng(1)
    scale = np.arange(50, 62)
    trills = [generator.choice([60, 62, 64], 500) for _ in range(2)]
    pieces = [piece_of(np.concatenate([trill, scale, generator.integers(40, 90, 200)])) for trill in trills]
    assert near_duplicates([*pieces, *map(piece_of, trills), piece_of([60])]) == []


def test_groups_unite_transitively_under_their_smallest_key():
    assert unite(["d", "b", "c", "a", "c"], [(0, 1), (1, 2)]) == ["b", "b", "b", "a", "b"]


def test_fixed_groups_keep_their_key_and_stay_apart():
    assert unite(["a", "x", "y"], [(0, 1), (0, 2)], fixed={"x", "y"}) == ["x", "x", "y"]


def test_flags_tell_played_from_typed_music():
    generator = np.random.default_rng(0)
    typed = np.cumsum(generator.choice([8, 16, 32], 500))
    played = np.cumsum(generator.integers(5, 60, 500))
    assert grid_resultant(typed) > 0.95
    assert grid_resultant(played) < 0.3
    assert grid_resultant(np.array([0])) == 0


def test_flags_hold_where_they_should():
    notes = piece_of(np.random.default_rng(0).integers(30, 90, 300), step=700).notes
    notes["onset_ticks"] += np.random.default_rng(1).integers(0, 300, 300)
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    assert flags_of(Performance(notes), "Sonata for Piano Four-Hands, K.497") == ("several_players", "long")
    assert flags_of(piece_of([60, 61, 62]), "Duetto No.2") == ("sequenced", "small")
    notes["duration_ticks"][:20] = 1
    assert "short_notes" in flags_of(Performance(notes), "Sonata")


# ---------------------------------------------------------------- the manifest


def test_the_manifest_is_in_order():
    manifest = Manifest.load(manifest_path())
    assert set(manifest.pieces) == set(manifest.corpora)
    for facts in manifest.corpora.values():
        assert set(facts) == {"title", "home", "download", "size", "licence", "citation"}
    for pieces in manifest.pieces.values():
        assert [piece.name for piece in pieces] == sorted(piece.name for piece in pieces)
        for piece in pieces:
            assert piece.split == split_of(piece.group)
            assert piece.era == manifest.era_of_composer[piece.composer]
            assert len(bytes.fromhex(piece.sha256)) == 32
    assert len(manifest.piece_of_sha256) == sum(map(len, manifest.pieces.values()))


def test_one_work_has_one_group_in_the_manifest():
    manifest = Manifest.load(manifest_path())
    groups = {}
    for piece in manifest.piece_of_sha256.values():
        groups.setdefault(WorkName.of_file(piece.name).group_key, set()).add(piece.group)
    assert all(len(group) == 1 for group in groups.values())


def test_writing_pieces_keeps_what_stands_above_them(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("# why\nversion: 1\ncorpora: {a: {home: x}}\neras: {}\npieces:\n  a:\n", encoding="utf-8")
    pieces = [ListedPiece(f"{i:064x}", f"Fauré: 'x' \"y\" {i}", "", "", "g", "train", ["long"]) for i in (2, 1)]
    write_pieces(path, "a", pieces)
    assert path.read_text(encoding="utf-8").startswith("# why\nversion: 1\n")
    assert Manifest.load(path).pieces == {"a": pieces[::-1]}
    write_pieces(path, "a", pieces[:1])
    assert Manifest.load(path).pieces == {"a": pieces[:1]}
