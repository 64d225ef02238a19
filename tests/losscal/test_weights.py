"""Weights files: whatever is wrong with one is told in a sentence, and its size bounds what reading it takes."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import save

from losscal.errors import WeightsError
from losscal.weights import config_of, load_module, load_weights, save_weights


@dataclass(frozen=True)
class Shape:
    """Of the tiny model."""

    width: int = 4
    scale: float = 1.0
    names: tuple[str, ...] = ()

    def __post_init__(self):
        if self.width < 1:
            raise ValueError(f"width: {self.width} is below 1")


def write(path, tensors, **metadata):
    defaults = {"format_version": "1", "kind": "tiny", "story": json.dumps({"configs": {"shape": {"width": 4}}})}
    path.write_bytes(save(tensors, metadata=defaults | metadata))
    return path


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        (torch.tensor([1.0, float("nan")]), "layer holds numbers that are not finite"),
        (torch.tensor([1.0, float("inf")]).bfloat16(), "layer holds numbers that are not finite"),
        (torch.tensor([1, 2]), "layer holds torch.int64, no floats"),
    ],
)
def test_numbers_that_are_no_weights_are_refused(tmp_path, tensor, reason):
    with pytest.raises(WeightsError, match=reason):
        load_weights(write(tmp_path / "a.safetensors", {"layer": tensor}), kind="tiny")


@pytest.mark.parametrize("story", ["", "{", "[1, 2]", "6", "null"])
def test_metadata_that_is_no_json_object_is_refused(tmp_path, story):
    with pytest.raises(WeightsError, match=r"a\.safetensors: its metadata is"):
        load_weights(write(tmp_path / "a.safetensors", {"layer": torch.ones(2)}, story=story), kind="tiny")


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        ({}, "lacks 'configs'"),
        ({"configs": [1]}, "lacks the config 'shape'"),
        ({"configs": {"shape": [4]}}, "lacks the config 'shape'"),
        ({"configs": {"shape": {"width": "6"}}}, "shape.width is '6', which is no"),
        ({"configs": {"shape": {"width": True}}}, "shape.width is True, which is no"),
        ({"configs": {"shape": {"width": 1e5}}}, "shape.width is 100000.0, which is no"),
        ({"configs": {"shape": {"width": -1}}}, "shape.width: -1 is below 1"),
        ({"configs": {"shape": {"depth": 3}}}, "shape.depth is no setting"),
        ({"configs": {"shape": {"names": "Bach"}}}, "shape.names is 'Bach', which is no"),
        ({"configs": {"shape": {"names": [3]}}}, "shape.names is .3., which is no"),
        ({"configs": {"shape": {"scale": None}}}, "shape.scale is None, which is no"),
    ],
)
def test_configs_that_make_no_model_are_refused(story, reason):
    with pytest.raises(WeightsError, match=f"a.safetensors: .*{reason}"):
        config_of(Shape, story, "shape", "a.safetensors")


def test_a_config_comes_back_with_defaults_for_what_it_does_not_say():
    story = {"configs": {"shape": {"width": 8, "scale": 2, "names": ["Bach"]}}}
    assert config_of(Shape, story, "shape", "a") == Shape(8, 2, ["Bach"])
    assert config_of(Shape, {"configs": {"shape": {}}}, "shape", "a") == Shape()


def test_a_model_far_larger_than_its_file_is_refused_before_it_is_built(tmp_path):
    save_weights(tmp_path / "a.safetensors", torch.nn.Linear(4, 4).state_dict(), kind="tiny", story={})
    state, _ = load_weights(tmp_path / "a.safetensors", kind="tiny")
    with pytest.raises(WeightsError, match=r"does not fit .*: bias is \(4,\), needed is \(10000000,\)"):
        load_module(lambda: torch.nn.Linear(10_000_000, 10_000_000), state, "a.safetensors")
    assert torch.equal(load_module(lambda: torch.nn.Linear(4, 4), state, "a").weight, state["weight"])
