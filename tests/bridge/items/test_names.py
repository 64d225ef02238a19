"""Short names stay apart."""

from bridge.items.names import shortest_tails


def test_as_much_of_a_path_is_shown_as_no_other_ends_with():
    assert shortest_tails(["x/a/take.mid", "x/b/take.mid", "x/b/other.mid", "take.mid", "/deep/x/a/take.mid"]) == {
        "x/a/take.mid": "x/a/take.mid",  # the last one ends with it
        "x/b/take.mid": "b/take.mid",
        "x/b/other.mid": "other.mid",
        "take.mid": "take.mid",
        "/deep/x/a/take.mid": "deep/x/a/take.mid",
    }
    assert shortest_tails(["", "/"]) == {"": "", "/": "/"}
