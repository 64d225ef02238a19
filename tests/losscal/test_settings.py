"""Configs refuse what is outside their ranges, in one sentence, and command lines derive their flags from them."""

import argparse
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from losscal.cli import add_flags, config_from
from losscal.errors import InputError
from losscal.settings import Count, Range, Settings, Share, require, settings_of


@dataclass(frozen=True)
class RoomConfig(Settings):
    """What a room does.

    Args:
        seats: chairs in it,
            all of them.
        wet_share: 50 % is much.
        level_db: of its sound, by default as it is.
        materials: of the walls.
        sizes: of its sides.
    """

    seats: Count = 40
    wet_share: Annotated[float, Range(0, 1, low_open=True, high_open=True)] = 0.3
    level_db: Annotated[float, Range(-60, 0)] | None = None
    materials: tuple[Literal["wood", "stone"], ...] = ("wood",)
    sizes: tuple[Annotated[int, Range(1, 9)], ...] = (3, 4)

    def __post_init__(self):
        super().__post_init__()
        require(self.seats <= 1000 or len(self.sizes) > 1, f"seats {self.seats}: too many for one side")


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_flags(parser, RoomConfig(seats=41))
    return config_from(parser.parse_args(arguments), RoomConfig)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seats": 0}, "seats 0: allowed is a whole number from 1 up to 1000000"),
        ({"seats": 2.0}, "seats 2.0: allowed is a whole number"),
        ({"seats": True}, "seats True: allowed is a whole number"),
        ({"wet_share": 0}, "wet_share 0: allowed is a number above 0 to below 1"),
        ({"wet_share": 1.0}, "wet_share 1.0: "),
        ({"wet_share": float("nan")}, "wet_share nan: "),
        ({"level_db": float("-inf")}, "level_db -inf: allowed is a number from -60 up to 0"),
        ({"level_db": "loud"}, "level_db loud: "),
        ({"materials": ("wood", "glass")}, "materials glass: unknown, choose from wood, stone"),
        ({"sizes": [3, 10]}, "sizes 10: allowed is a whole number from 1 up to 9"),
        ({"seats": 1001, "sizes": (1,)}, "seats 1001: too many"),
    ],
)
def test_a_config_refuses_what_is_out_of_range(values, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        RoomConfig(**values)


def test_a_config_takes_the_ends_of_its_ranges_and_lists_for_tuples():
    config = RoomConfig(seats=1_000_000, level_db=0, sizes=[9, 1])
    assert config == RoomConfig(seats=1_000_000, level_db=-0.0, sizes=(9, 1))


def test_flags_spell_every_field():
    flags = ["--seats", "2", "--wet-share", "0.5", "--level-db=-6", "--materials", "stone, wood", "--sizes", "[5,6]"]
    assert parsed(*flags) == RoomConfig(2, 0.5, -6.0, ("stone", "wood"), (5, 6))
    assert parsed() == RoomConfig(seats=41)


def test_help_has_the_docstring_and_the_defaults(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "--seats SEATS chairs in it, all of them (default: 41)" in text
    assert "50 % is much (default: 0.3)" in text and "of its sound, by default as it is --materials" in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--seats", "many"], "argument --seats: many: allowed is a whole number from 1 up to 1000000"),
        (["--seats", "1e3"], "argument --seats: 1e3: allowed is a whole number"),
        (["--materials", "stone,glass"], "argument --materials: glass: unknown, choose from wood, stone"),
        (["--sizes", "3,,4"], "argument --sizes: : allowed is a whole number from 1 up to 9"),
    ],
)
def test_a_wrong_flag_is_told_with_what_is_allowed(flags, message, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(*flags)
    assert ended.value.code == 2 and message in capsys.readouterr().err


def test_flags_that_do_not_go_together_are_told_by_name():
    with pytest.raises(InputError, match=r"^--seats 1001: too many for one side\.$"):
        parsed("--seats", "1001", "--sizes", "3")


def test_annotations_without_a_range_are_left_alone():
    @dataclass(frozen=True)
    class Named(Settings):
        name: str
        share: Share = 0.5

    assert Named("anything").share == 0.5
    assert [setting.number is None for setting in settings_of(Named)] == [True, False]
