"""Which files are of one work: names parsed to composer and catalogue number, and groups united by what they share.

Pieces of one work group go to one split together, so that a test piece is never another recording, another movement or
a part of a training piece.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

TEST_PERCENT, VALIDATION_PERCENT = 10, 8

# "Surname, First, Title, YouTube id": GiantMIDI-Piano's file names
_NAME = re.compile(r"(?P<surname>[^,]+), (?P<first>[^,]+), (?P<title>.+), (?P<recording>[A-Za-z0-9_-]{11})")
_CATALOGUE = re.compile(
    r"\b(?P<catalogue>(?:Op|WoO|Anh|BWV|BuxWV|HWV|LWV|TWV|RV|KV|Kk|Hob)(?=[. \d])|[ABDHKLMPSWZ](?=[.\d]))"
    r"(?P<annex>[. ]*Anh)?[. ]*(?P<number>[CF]? ?\d+|[IVX]+[a-z]?:[A-Z]*\d*)"
)
# cycles that are also recorded in one file: the whole cycle is one work
_CYCLES = {
    "bwv": (
        (772, 786), (787, 801), (806, 811), (812, 817), (825, 830), (846, 869), (870, 893), (910, 916), (933, 938),
    )
}  # fmt: skip


@dataclass(frozen=True)
class WorkName:
    """What a file's name says: composer ("Surname, First", "" where the name is of another form) and title."""

    composer: str
    title: str

    @classmethod
    def of_file(cls, file_name: str) -> "WorkName":
        """Parse a file's name, with its suffix."""
        stem = unicodedata.normalize("NFC", PurePath(file_name).stem)
        match = _NAME.fullmatch(stem)
        if match is None:
            return cls("", stem)
        return cls(f"{match['surname']}, {match['first']}", match["title"])

    @property
    def group_key(self) -> str:
        """Composer and catalogue number without the part ("Op.10 No.3" is Op.10), else composer and title."""
        numbers = list(_CATALOGUE.finditer(self.title)) if self.composer else []
        if not numbers:
            return fold(f"{self.composer} {self.title}")
        match = numbers[-1]
        catalogue, number = fold(match["catalogue"]), match["number"].lower().replace(" ", "")
        if match["annex"]:
            catalogue += " anh"
        for first, last in _CYCLES.get(catalogue, ()):
            if number.isdigit() and first <= int(number) <= last:
                number = f"{first}-{last}"
        return f"{fold(self.composer)} {catalogue} {number}"


def fold(text: str) -> str:
    """Words in lower case, without accents and punctuation."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(re.findall(r"[^\W_]+", plain.casefold()))


def split_of(group_key: str) -> str:
    """The split of a work group: its key's hash modulo 100, so that it never depends on the rest of the corpus."""
    percent = int(hashlib.sha256(group_key.encode()).hexdigest()[:8], 16) % 100
    if percent < TEST_PERCENT:
        return "test"
    return "validation" if percent < TEST_PERCENT + VALIDATION_PERCENT else "train"


def unite(keys: Sequence[str], pairs: Iterable[tuple[int, int]], fixed: Collection[str] = ()) -> list[str]:
    """Give the items i and j of each pair one key, transitively; items of equal key belong together from the start.

    The key of a united group is its fixed one, else the smallest. Two groups of fixed keys stay apart.
    """
    parent = {key: key for key in keys}

    def root(key: str) -> str:
        while parent[key] != key:
            key = parent[key]
        return key

    for i, j in pairs:
        winner, loser = sorted((root(keys[i]), root(keys[j])), key=lambda key: (key not in fixed, key))
        if loser not in fixed:
            parent[loser] = winner
    return [root(key) for key in keys]
