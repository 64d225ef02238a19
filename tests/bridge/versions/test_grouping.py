"""Which items are versions of one piece, by what their files are called or by what the user says."""

from pathlib import Path

import pytest

from bridge.items.finding import Item
from bridge.versions.grouping import find_groups, split_mark
from losscal.errors import InputError


def items_of(*paths, groups=()):
    given = [*groups, *[None] * (len(paths) - len(groups))]
    return [
        Item(id=path, group=group, **{"wav" if path.endswith("wav") else "midi": Path(path)})
        for path, group in zip(paths, given, strict=True)
    ]


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
        *(("v1", ""), ("take 2", ""), ("passage.v10", "passage"), ("nocturne rev.2", "nocturne")),
        # no marks: movements, studies and words that end like one
        *((stem, stem) for stem in ("sonata_2", "Op. 10 No. 3", "prelude2", "remix2", "salt", "premaster", "BWV 846")),
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
