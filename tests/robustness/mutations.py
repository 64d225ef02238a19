"""Damaged files made of whole ones: the same seed and number give the same file, whatever was made before."""

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from midi_files import file_of, variable_length

Mutator = Callable[[Sequence[bytes], np.random.Generator], bytes]
EDGES = (0, 1, 0x2F, 0x51, 0x7F, 0x80, 0x90, 0xB0, 0xF0, 0xF7, 0xFF)
ODD_VALUES = (
    *(None, True, "", "6", "NaN", "\udcff\n\x1b[31m=1+1", [], {}, [[]], {"": None}),
    *(-1, 0, 0.5, 1e5, 1e9, 1e308, 2**63, 10**400, float("nan"), float("inf")),
)


def damaged(files: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """One of the files with bits, bytes or stretches changed, left out, doubled or taken from another one."""
    data = bytearray(files[int(rng.integers(len(files)))])
    for _ in range(int(rng.choice([1, 1, 1, 2, 5]))):
        limit = min(len(data), int(rng.choice([64, 256, 1 << 30])))
        at, size = int(rng.integers(limit + 1)), int(rng.choice([1, 2, 4, 100, 3000]))
        match int(rng.integers(7)):
            case 0 if at < len(data):
                data[at] ^= 1 << int(rng.integers(8))
            case 1 if at < len(data):
                data[at] = int(rng.choice(EDGES))
            case 2:
                del data[int(rng.integers(len(data) + 1)) :]
            case 3:
                del data[at : at + size]
            case 4:
                data[at:at] = rng.bytes(size)
            case 5:
                other = files[int(rng.integers(len(files)))]
                data[at:] = other[int(rng.integers(len(other))) :]
            case _:
                data[at:at] = data[at : at + size]
    return bytes(data)


def midi_events(files: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """A whole file of events drawn at random, some of them damaged; every third time damaged bytes of other files."""
    if rng.random() < 1 / 3:
        return damaged(files, rng)
    body = b""
    for _ in range(int(rng.integers(1, 60))):
        delta = int(rng.choice([0, 1, 10, 500, 0x0FFFFFFF], p=[0.3, 0.3, 0.3, 0.09, 0.01]))
        status = int(rng.choice([0x80, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0xF7, 0xFF])) | int(rng.integers(16))
        kind, first, second = rng.choice([64, 66, 120, 121, 123, 60, 61, 200, 0x51, 0x2F], size=3).tolist()
        event = bytes([status, kind % 128, second % 128]) if rng.random() < 0.9 else bytes([kind, first, second])
        if status >= 0xF0:
            size = int(rng.choice([0, 2, 3, 5, 200]))
            status = int(rng.choice([0xF0, 0xF7, 0xFF]))
            event = bytes([status, *([kind] if status == 0xFF else [])]) + variable_length(size) + rng.bytes(size)
        body += variable_length(delta) + event
    division = int(rng.choice([0, 1, 96, 480, 0x7FFF, 0xE728, 0xE250, 0xFFFF], p=[0.02, 0.1, 0.3, 0.38, *[0.05] * 4]))
    return file_of(body + b"\x00\xff\x2f\x00", header_tracks=1, division=division)


def odd_json(files: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """A JSON file with a few of its values odd, missing or under another name; at times with damaged bytes."""
    if rng.random() < 0.3:
        return damaged(files, rng)
    value = json.loads(files[int(rng.integers(len(files)))])
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        value = _with_an_odd_value(value, rng)
    return json.dumps(value).encode()


def odd_json_lines(files: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """As `odd_json`, of one of the lines of a file."""
    lines = files[int(rng.integers(len(files)))].splitlines()
    at = int(rng.integers(len(lines)))
    lines[at] = odd_json([lines[at]], rng)
    return b"\n".join(lines) + b"\n"


def _with_an_odd_value(value: Any, rng: np.random.Generator) -> Any:
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or rng.random() < 0.1:
        return deepcopy(ODD_VALUES[int(rng.integers(len(ODD_VALUES)))])  # it may be changed in turn
    key = keys[int(rng.integers(len(keys)))]
    match int(rng.integers(8)):
        case 0:
            del value[key]
        case 1 if isinstance(value, dict):
            value[f"{key}?"] = value.pop(key)
        case _:
            value[key] = _with_an_odd_value(value[key], rng)
    return value
