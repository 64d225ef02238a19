"""Every reader of a damaged file returns or refuses it in a sentence; `make bench` tries many more files."""

import pytest
from robustness.fuzzing import file_of_number, outcome_of
from robustness.mutations import damaged
from robustness.readers import READERS, Reader

from losscal.errors import InputError

COUNTS = {"MIDI": 400, "weights": 200, "references": 300, "pairs file": 300, "journal": 300, "report": 300, "zip": 300}
"""In this process; what C libraries read is tried in others: sound in tests/audio/signal/test_containers.py."""


@pytest.mark.parametrize("name", COUNTS)
def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path, name):
    reader = READERS[name]
    whole = reader.whole()
    path = tmp_path / f"input{reader.suffix}"
    for data in whole:
        path.write_bytes(data)
        assert outcome_of(reader, path) == ("read", "")
    outcomes = set()
    for number in range(COUNTS[name]):
        path.write_bytes(file_of_number(name, whole, 7, number))
        outcome, reason = outcome_of(reader, path)
        assert outcome != "raised", f"{name} 7 {number}: {reason}"
        outcomes.add(outcome)
    assert outcomes == ({"read"} if name == "pairs file" else {"read", "refused"})  # a broken line is an item


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InputError("a.mid: is odd; mend it."), ("refused", "")),
        (InputError("odd\nand two lines."), ("raised", "no sentence")),
        (ValueError("odd"), ("raised", "ValueError odd")),
    ],
)
def test_what_is_no_sentence_counts_as_raised(tmp_path, error, told):
    def read(path):
        raise error

    outcome, reason = outcome_of(Reader("", list, damaged, read), tmp_path)
    assert outcome == told[0] and reason.startswith(told[1])
