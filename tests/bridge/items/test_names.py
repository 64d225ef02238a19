"""Short names stay apart."""

import pytest

from bridge.items.names import shortest_tails, without_shared_words


def test_as_much_of_a_path_is_shown_as_no_other_ends_with():
    assert shortest_tails(["x/a/take.mid", "x/b/take.mid", "x/b/other.mid", "take.mid", "/deep/x/a/take.mid"]) == {
        "x/a/take.mid": "x/a/take.mid",  # the last one ends with it
        "x/b/take.mid": "b/take.mid",
        "x/b/other.mid": "other.mid",
        "take.mid": "take.mid",
        "/deep/x/a/take.mid": "deep/x/a/take.mid",
    }
    assert shortest_tails(["", "/"]) == {"": "", "/": "/"}


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["Waltz (bounce 1).wav", "Waltz (bounce 10).wav", "Waltz (bounce Ori).wav"], ["1", "10", "Ori"]),
        (["RH_1.wav", "RH_12.wav"], ["1", "12"]),
        (["take1.mid", "take2.mid"], ["take1", "take2"]),
        (["a.mid", "a_v2.mid"], ["a", "a_v2"]),
        (["bridal_chorus.mid", "bridal_chorus_wrong.mid"], ["bridal_chorus", "bridal_chorus_wrong"]),
        (["a-", "a-b"], ["a-", "a-b"]),
        (["a.", "b."], ["a", "b"]),
        (["-", "--"], ["-", "--"]),
        (["one.mid"], ["one.mid"]),
        ([], []),
    ],
)
def test_what_all_names_begin_and_end_with_is_left_out_by_whole_words(names, short):
    assert list(without_shared_words({name: name for name in names}).values()) == short
