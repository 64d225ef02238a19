"""How corruptions of notes and of sound are declared: a function, under its own name, with what a calibration tries."""

from collections.abc import Callable
from typing import Any, TypeVar

Corruption = TypeVar("Corruption", bound=Callable[..., Any])


class Corruptions(dict[str, Corruption]):
    """Corruptions by name, in the order in which they are declared.

    severities: the amounts at which a calibration tries each, the mildest first. units: of amounts that are no shares.
    """

    def __init__(self) -> None:
        super().__init__()
        self.severities: dict[str, tuple[float, ...]] = {}
        self.units: dict[str, str] = {}

    def declare(self, severities: tuple[float, ...], unit: str | None = None) -> Callable[[Corruption], Corruption]:
        """What declares the function behind it."""

        def named(corruption: Corruption) -> Corruption:
            name = corruption.__name__
            self[name], self.severities[name] = corruption, severities
            if unit is not None:
                self.units[name] = unit
            return corruption

        return named
