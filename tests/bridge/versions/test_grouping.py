"""Which items are versions of one piece, by what their files are called or by what the user says."""

from pathlib import Path

import numpy as np
import pytest

from bridge.items.finding import Item, find_items
from bridge.versions.grouping import find_groups, split_mark
from losscal.errors import InputError
from symbolic.notes.performance import NOTE_DTYPE, Performance, write_midi


def items_of(*paths, groups=()):
    given = [*groups, *[None] * (len(paths) - len(groups))]
    return [
        Item(id=path, group=group, **{"wav" if path.endswith("wav") else "midi": Path(path)})
        for path, group in zip(paths, given, strict=True)
    ]


def write_piece(path, seed, wrong=0, count=80):
    """Notes at random, of one piece for one seed; some of them wrong."""
    rng = np.random.default_rng(seed)
    notes = np.zeros(count, dtype=NOTE_DTYPE)
    notes["onset_ticks"] = np.cumsum(rng.integers(8, 30, size=count))
    notes["onset_ticks"] -= notes["onset_ticks"][0]
    notes["duration_ticks"], notes["velocity_bin"] = 10, 16
    notes["pitch"] = rng.integers(50, 70, size=count)
    notes["pitch"][:wrong] += 7
    write_midi(Performance(notes), path)


FOLDERS_OF_VERSIONS = (
    ["RH_Ori", *(f"RH_{number}" for number in range(1, 11))],
    ["1", "2", "3"],
    ["waltz_A", "waltz_B"],
    ["waltz", "waltz_2", "waltz_new"],
    ["idea #1", "idea #2"],
    ["lh1", "lh2"],
    ["passage_v1", "passage 2", "passage"],
)
FOLDERS_OF_PIECES = (
    ["sonata_1", "sonata_2", "sonata_3"],
    ["Op. 10 No. 1", "Op. 10 No. 2", "Op. 10 No. 12"],
    ["BWV 846", "BWV 847"],
    ["Prelude in C", "Prelude in D", "Prelude in A"],
    ["K545-1", "K545-2", "K545-3"],
    ["01", "02", "03", "04"],
)


@pytest.mark.parametrize("names", FOLDERS_OF_VERSIONS)
def test_a_folder_of_one_stem_is_a_group_where_it_is_one_music(tmp_path, names):
    for number, name in enumerate(names):
        seed = 9 + number if name in ("RH_8", "RH_9") else 1  # two versions are nothing like the others
        write_piece(tmp_path / f"{name}.mid", seed, wrong=number)
    (group,) = find_groups(find_items(tmp_path))
    assert len(group.members) == len(names) and group.source == "stem"
    assert "--reference" in group.assumed


@pytest.mark.parametrize("names", FOLDERS_OF_PIECES)
def test_numbered_pieces_are_no_group(tmp_path, names):
    for seed, name in enumerate(names):
        write_piece(tmp_path / f"{name}.mid", seed)
    assert find_groups(find_items(tmp_path)) == []
    (group,) = find_groups(find_items(tmp_path), all_are_versions=True)
    assert (group.source, len(group.members)) == ("all", len(names))


def test_versions_stand_in_natural_order_and_the_original_is_the_reference(tmp_path):
    for name in ("RH_10", "RH_2", "RH_Ori", "RH_1"):
        write_piece(tmp_path / f"{name}.mid", 1)
    items = find_items(tmp_path)
    (group,) = find_groups(items)
    assert [Path(items[number].id).stem for number in group.members] == ["RH_1", "RH_2", "RH_10", "RH_Ori"]
    assert Path(items[group.reference].id).stem == "RH_Ori" and group.name == "RH"
    assert "its name says so" in group.assumed


def members(groups):
    return {(group.name, group.source): (group.members, group.reference) for group in groups}


@pytest.mark.parametrize(
    ("stem", "base"),
    [
        *(
            ("passage_v1", "passage"),
            ("passage (2)", "passage"),
            ("passage-bounce3", "passage"),
            ("passage", "passage"),
        ),
        *(("Lohengrin, final mix 2", "Lohengrin"), ("tristan take 4 copy (3)", "tristan"), ("song_ORIGINAL", "song")),
        *(("passage (bounce 3)", "passage"), ("passage [Take 12]", "passage"), ("passage (final)", "passage")),
        *(("v1", ""), ("(v1)", ""), ("take 2", ""), ("passage.v10", "passage"), ("nocturne rev.2", "nocturne")),
        # no marks: movements, studies and words that end like one
        *(
            (stem, stem)
            for stem in (
                "sonata_2",
                "Op. 10 No. 3",
                "prelude2",
                "remix2",
                "salt",
                "premaster",
                "BWV 846",
                "(salt)",
                "etude (no 3)",
            )
        ),
    ],
)
def test_version_marks_at_the_end_of_a_name(stem, base):
    assert split_mark(stem)[0] == base


def test_files_of_one_folder_and_stem_are_versions():
    items = items_of("in/a_v1.mid", "in/A-v2.mid", "in/a.wav", "other/a_v3.mid", "in/sonata_1.mid", "in/sonata_2.mid")
    assert members(find_groups(items)) == {("a", "stem"): ((0, 1, 2), 0)}
    assert find_groups(items_of("in/a.mid", "in/a.wav")) == []  # named in a pairs file, without a mark
    assert members(find_groups(items_of("wagner/v1.wav", "wagner/v2.wav"))) == {("wagner", "stem"): ((0, 1), 0)}


def test_a_named_group_goes_before_the_stem_and_one_item_is_no_group():
    items = items_of("a_v1.mid", "a_v2.mid", "b.mid", "c.mid", "d.mid", groups=("x", None, "x", "y", None))
    assert members(find_groups(items)) == {("x", "given"): ((0, 2), 0)}


def test_all_items_without_a_group_are_versions_of_the_reference(tmp_path, monkeypatch):
    items = items_of("a_v1.mid", "a_v2.mid", "other.mid", "b.mid", "c.mid", groups=(None, None, None, "x", "x"))
    monkeypatch.chdir(tmp_path)
    assert members(find_groups(items, tmp_path / "other.mid")) == {
        ("other", "reference"): ((0, 1, 2), 2),
        ("x", "given"): ((3, 4), 3),
    }
    assert members(find_groups(items, "c.mid")) == {("x", "given"): ((0, 1, 2, 3, 4), 4)}  # its group takes them in
    with pytest.raises(InputError, match=r"--reference nowhere\.mid: is none of the items"):
        find_groups(items, "nowhere.mid")


@pytest.mark.parametrize(
    ("names", "reference"),
    [
        (("a_v1.mid", "a_original.mid", "a_ref.mid"), 1),
        (("a_v1.mid", "a_v0.mid"), 1),
        (("a_v2.mid", "a_v1.mid"), 0),
        (("a_refrain_v2.mid", "a_refrain_v1.mid"), 0),
    ],
)
def test_the_reference_is_the_one_whose_name_says_so_else_the_first(names, reference):
    (group,) = find_groups(items_of(*names))
    assert group.reference == reference


def test_items_that_cannot_be_scored_belong_nowhere():
    assert find_groups([Item(id="nowhere", problem="no such file."), *items_of("a_v1.mid")]) == []


def test_groups_of_one_name_are_told_apart_by_their_folders(tmp_path, monkeypatch):
    folders = ("x/A", "x/B", "y/B")
    items = items_of(*(f"{folder}/piece_v{number}.mid" for folder in folders for number in (1, 2)))
    assert [group.name for group in find_groups(items)] == ["A/piece", "x/B/piece", "y/B/piece"]
    paths = ("p.mid", "q.mid", "in/p_v1.mid", "in/p_v2.mid")
    given = find_groups(items_of(*paths, groups=("p", "p")))
    assert [(group.name, group.source) for group in given] == [("p", "given"), ("in/p", "stem")]
    assert [group.name for group in find_groups(items_of(*paths, groups=("p",)))] == ["in/p"]
    monkeypatch.chdir(tmp_path)
    assert [group.name for group in find_groups(items_of("v1.mid", "v2.mid"))] == [tmp_path.name]
