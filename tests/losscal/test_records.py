"""Dataclasses come back from their JSON as they were, and JSON of another shape is refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from losscal.errors import InputError
from losscal.records import record_of, to_json


@dataclass(frozen=True)
class Leaf:
    size: int
    colour: str | None = None


@dataclass(frozen=True)
class Tree:
    root: Leaf | None
    leaves: tuple[Leaf | None, ...]
    by_name: Mapping[str, Leaf | None]


def test_records_of_any_depth_come_back_from_text():
    tree = Tree(None, (Leaf(1), None, Leaf(2, "red")), {"a": Leaf(3), "b": None})
    text = json.dumps(to_json(tree))
    assert text == (
        '{"root": null, "leaves": [{"size": 1, "colour": null}, null, {"size": 2, "colour": "red"}], '
        '"by_name": {"a": {"size": 3, "colour": null}, "b": null}}'
    )
    assert record_of(Tree, json.loads(text)) == tree


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"size": 1, "weight": 2}, "Leaf: of its keys unknown are weight; make"),
        ({"colour": "red"}, "Leaf: of its keys missing are size; make"),
        ({"length": 1}, "unknown are length and missing are size"),
        ([1], r"Leaf: is \[1\], no JSON object"),
    ],
)
def test_keys_too_many_or_too_few_are_refused(value, told):
    with pytest.raises(InputError, match=told):
        record_of(Leaf, value)


def test_what_has_a_default_may_be_absent():
    assert record_of(Leaf, {"size": 1}) == Leaf(1)
