"""Settings that check themselves: a field's range stands in its type, its default beside it, its help in the docstring.

    @dataclass(frozen=True)
    class RoomConfig(Settings):
        '''What a room does.

        Args:
            rt60_seconds: time until the sound has fallen by 60 dB.
        '''

        rt60_seconds: Annotated[float, Range(0.1, 10.0)] = 0.8

Nothing else repeats them: `losscal.cli.add_flags` makes the command line's flags of these fields. A number is always
finite; that of an int field is whole. A field may be optional (`... | None`) or a tuple of such values.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from math import isfinite
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless the condition holds; of a config the message begins with the field's name."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`, without an end that is open."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = self.low < value if self.low_open else self.low <= value
        return above and (value < self.high if self.high_open else value <= self.high)

    def __str__(self) -> str:
        low, high = (str(end) if isinstance(end, int) else f"{end:g}" for end in (self.low, self.high))
        return f"{'above' if self.low_open else 'from'} {low} {'to below' if self.high_open else 'up to'} {high}"


Share = Annotated[float, Range(0, 1)]
"""A part of a whole."""
PositiveShare = Annotated[float, Range(0, 1, low_open=True)]
Count = Annotated[int, Range(1, 1_000_000)]
"""So many of something, at least one."""
CountOrNone = Annotated[int, Range(0, 1_000_000)]
"""So many of something, perhaps none."""
Seconds = Annotated[float, Range(0.01, 3600)]
"""A length of music."""
Workers = Annotated[int, Range(1, 1000)]
"""Processes."""
Seed = Annotated[int, Range(0, 2**63 - 1)]
TrainingSeed = Annotated[int, Range(0, 2**32 - 1)]
"""What `lightning.seed_everything` takes."""


@dataclass(frozen=True)
class Number:
    """A whole number, or any finite one, within a range."""

    kind: type[int] | type[float]
    allowed: Range

    @classmethod
    def of(cls, annotation: Any) -> "Number":
        """Of an annotation like `Share`."""
        kind, allowed = get_args(annotation)
        return cls(kind, allowed)

    def check(self, value: Any) -> None:
        """Raise ValueError that names the value and what is allowed, unless `value` is such a number."""
        is_number = isinstance(value, Integral if self.kind is int else Real) and not isinstance(value, bool)
        require(is_number and value in self.allowed and isfinite(value), f"{value}: allowed is {self}")

    def parse(self, text: str) -> float:
        """The number that `text` spells; raises ValueError as `check` does."""
        try:
            value = self.kind(text)
            self.check(value)
        except ValueError as error:
            raise ValueError(f"{text}: allowed is {self}") from error
        return value

    def __str__(self) -> str:
        return f"a {'whole ' if self.kind is int else ''}number {self.allowed}"


@dataclass(frozen=True)
class Setting:
    """One field of a Settings class. number: None for other than numbers. choices: all that a text may be, if few."""

    name: str
    help: str
    number: Number | None
    choices: tuple[str, ...]
    is_optional: bool
    is_tuple: bool

    def check(self, value: Any) -> None:
        """Raise ValueError that names field, value and what is allowed, unless the field may hold `value`."""
        if value is None and self.is_optional:
            return
        for part in value if self.is_tuple else [value]:
            try:
                self._check_one(part)
            except ValueError as error:
                raise ValueError(f"{self.name} {error}") from error

    def _check_one(self, value: Any) -> None:
        if self.number is not None:
            self.number.check(value)
        elif self.choices:
            require(value in self.choices, f"{value}: unknown, choose from {', '.join(self.choices)}")

    def parse(self, text: str) -> Any:
        """The value that `text` spells, of a tuple its values between commas; raises ValueError without the name."""
        values = []
        for part in text.strip("[]").split(",") if self.is_tuple else [text]:
            value = part.strip(" '\"") if self.is_tuple else part
            if self.number is None:
                self._check_one(value)
            values.append(value if self.number is None else self.number.parse(value))
        return tuple(values) if self.is_tuple else values[0]


@dataclass(frozen=True)
class Settings:
    """Base of all configs: refuses values outside their fields' ranges and makes tuples of lists, which JSON gives.

    A config whose fields depend on one another checks that in its own `__post_init__`, after this one.
    """

    def __post_init__(self) -> None:
        for setting in settings_of(type(self)):
            value = getattr(self, setting.name)
            if setting.is_tuple and isinstance(value, list):
                object.__setattr__(self, setting.name, tuple(value))
            setting.check(value)


@cache
def settings_of(config_class: type[Settings]) -> tuple[Setting, ...]:
    """The fields of a config, in their order."""
    hints = get_type_hints(config_class, include_extras=True)
    helps = dict(_helps(config_class))
    return tuple(_setting(field.name, helps.get(field.name, ""), hints[field.name]) for field in fields(config_class))


def _setting(name: str, help_text: str, annotation: Any) -> Setting:
    is_optional = is_tuple = False
    if get_origin(annotation) in (Union, UnionType):
        is_optional = True
        (annotation,) = (kind for kind in get_args(annotation) if kind is not NoneType)
    if get_origin(annotation) is tuple:
        is_tuple = True
        annotation = get_args(annotation)[0]
    number = Number.of(annotation) if get_origin(annotation) is Annotated else None
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    return Setting(name, help_text, number, choices, is_optional, is_tuple)


def _helps(config_class: type[Settings]) -> Iterator[tuple[str, str]]:
    """Names and texts of the "Args:" of a docstring, a text in one line."""
    _, _, entries = (config_class.__doc__ or "").partition("Args:\n")
    for name, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", entries, flags=re.MULTILINE):
        yield name, " ".join(text.split())
