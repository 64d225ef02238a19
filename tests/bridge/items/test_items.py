"""Which items some paths and pairs files name."""

import json
import os
import sys
import unicodedata
from pathlib import Path

import pytest

from bridge.items import finding
from bridge.items.finding import find, find_items


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(items):
    return [(item.midi and item.midi.name, item.wav and item.wav.name) for item in items]


def test_a_midi_and_an_audio_file_of_one_folder_and_stem_are_a_pair(tmp_path):
    touch(tmp_path, "a.mid", "a.wav", "b.MIDI", "c.flac", "deep/a.mid", "deep/er/a.WAV", "notes.txt")
    items = find_items([tmp_path])
    assert found(items) == [("a.mid", "a.wav"), ("b.MIDI", None), (None, "c.flac"), ("a.mid", None), (None, "a.WAV")]
    assert [item.id for item in items] == [
        str(tmp_path / name) for name in ("a.mid", "b.MIDI", "c.flac", "deep/a.mid", "deep/er/a.WAV")
    ]
    assert all(item.problem is None and item.group is None for item in items)


def test_stems_may_hold_dots_commas_and_accents(tmp_path):
    touch(tmp_path, "Fauré, Op. 1 No.3.mid", "Fauré, Op. 1 No.3.wav", "Fauré, Op. 1 No.4.wav")
    assert found(find_items([tmp_path])) == [
        ("Fauré, Op. 1 No.3.mid", "Fauré, Op. 1 No.3.wav"),
        (None, "Fauré, Op. 1 No.4.wav"),
    ]


def test_names_pair_whether_an_accent_is_composed_or_not(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Fauré Élégie") for form in ("NFC", "NFD"))
    assert composed != decomposed
    touch(tmp_path, f"{composed}.mid", f"{decomposed}.wav", f"{decomposed} 2.mid")
    assert found(find_items([tmp_path])) == [
        (f"{decomposed} 2.mid", None),
        (f"{composed}.mid", f"{decomposed}.wav"),
    ]


def test_every_suffix_of_what_can_be_read_is_found_in_capitals_too(tmp_path):
    midis, sounds = ("a.kar", "b.RMI", "c.MID"), ("d.oga", "e.AIFC", "f.wave", "g.Opus")
    touch(tmp_path, *midis, *sounds)
    assert found(find_items([tmp_path])) == [(name, None) for name in midis] + [(None, name) for name in sounds]


def test_linked_folders_are_read_once_and_a_link_back_ends(tmp_path):
    touch(tmp_path, "set/a.mid", "elsewhere/b.mid", "elsewhere/c/d.wav")
    (tmp_path / "set/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/c/back").symlink_to(tmp_path / "set")
    assert found(find_items([tmp_path / "set"])) == [("a.mid", None), ("b.mid", None), (None, "d.wav")]
    assert len(find_items([tmp_path])) == 3


def test_sound_without_a_decoder_is_an_item_that_says_so(tmp_path):
    touch(tmp_path, "a.mid", "a.m4a", "b.WMA")
    items = find_items([tmp_path, tmp_path / "a.m4a"])
    assert [(Path(item.id).name, item.problem is None) for item in items[:3]] == [
        ("a.mid", True),
        ("a.m4a", False),
        ("b.WMA", False),
    ]
    assert "without a decoder here (.wma); convert it to WAV" in items[2].problem


def test_what_a_folder_holds_beside_music_is_told_by_suffix(tmp_path):
    touch(tmp_path, "a.mid", "cover.jpg", "README", *(f"{number}.txt" for number in range(3)), ".hidden.pdf", "b/4.TXT")
    assert find(tmp_path).passed_over == (
        f"{tmp_path}: passed over as no music by their suffixes: 4 .txt, cover.jpg, README",
    )
    assert find(tmp_path / "a.mid").passed_over == ()
    touch(tmp_path, *(f"x.{number}" for number in range(20)))
    (told,) = find(tmp_path).passed_over
    assert told.endswith(", 15 more kinds") and len(told) < len(str(tmp_path)) + 150


def test_ids_are_paths_as_given_and_a_file_given_twice_counts_once(tmp_path, monkeypatch):
    touch(tmp_path, "in/a.mid", "in/a.wav", "b.mid")
    monkeypatch.chdir(tmp_path)
    assert [item.id for item in find_items(["b.mid", "in/", "in/a.wav", tmp_path / "b.mid"])] == ["b.mid", "in/a.mid"]


def test_a_single_path_needs_no_list(tmp_path):
    touch(tmp_path, "a.mid")
    assert find_items(str(tmp_path / "a.mid")) == find_items([tmp_path / "a.mid"])


def test_linked_files_pair_by_the_name_they_are_given(tmp_path):
    touch(tmp_path, "store/1.mid", "store/2.wav")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/x.mid").symlink_to(tmp_path / "store/1.mid")
    (tmp_path / "set/x.wav").symlink_to(tmp_path / "store/2.wav")
    assert found(find_items([tmp_path / "set"])) == [("x.mid", "x.wav")]


def test_two_candidates_are_an_error_for_that_item_alone(tmp_path):
    touch(tmp_path, "a.mid", "a.wav", "a.flac", "b.mid", "b.midi", "c.mid", "c.wav")
    items = find_items([tmp_path])
    assert found(items) == [(None, None), (None, None), ("c.mid", "c.wav")]
    assert "a.flac, a.mid, a.wav" in items[0].problem and "b.mid, b.midi" in items[1].problem


def test_hidden_files_and_folders_are_left_out(tmp_path):
    touch(tmp_path, "._a.mid", ".cache/b.mid", "c.mid")
    assert found(find_items([tmp_path])) == [("c.mid", None)]


def test_what_is_missing_empty_or_unknown_becomes_an_item_that_says_so(tmp_path):
    touch(tmp_path, "a.mid", "b.pdf")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "link.mid").symlink_to("gone.mid")
    names = ("nowhere.mid", "empty", "b.pdf", "pipe.mid", "link.mid", "a.mid")
    items = find_items([tmp_path / name for name in names])
    problems = {item.id: item.problem for item in items}
    assert "no such file" in problems[str(tmp_path / "nowhere.mid")]
    assert "no MIDI or audio file" in problems[str(tmp_path / "empty")]
    assert "by its suffix; rename or convert it" in problems[str(tmp_path / "b.pdf")]
    assert "a pipe or device" in problems[str(tmp_path / "pipe.mid")]
    assert "a link that leads to no file" in problems[str(tmp_path / "link.mid")]
    assert problems[str(tmp_path / "a.mid")] is None


def test_a_folder_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    touch(tmp_path, "a.mid", "locked/b.mid")
    list_folder = os.scandir

    def refuse_locked(path):  # permissions would not stop the superuser
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse_locked)
    items = find_items([tmp_path])
    assert found(items) == [("a.mid", None), (None, None)] and "cannot be read" in items[1].problem


def test_a_path_that_the_system_refuses_is_told_and_the_others_stay(tmp_path):
    touch(tmp_path, "a.mid")
    items = find_items([tmp_path / ("x" * 300 + ".mid"), tmp_path / "a.mid"])
    assert found(items) == [("a.mid", None), (None, None)] and "cannot be read" in items[1].problem


def test_pairs_file(tmp_path):
    touch(tmp_path, "a.mid", "elsewhere/a2.wav", "b.wav", "c.mid")
    lines = [
        {"id": "first", "midi": str(tmp_path / "a.mid"), "wav": "elsewhere/a2.wav", "group": "g"},
        {"path": str(tmp_path / "b.wav"), "start_time": 3},
        {"path": "c.mid", "id": 7},
        {"midi": "not there.mid"},
    ]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\ufeff" + "\n\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    first, path_line, midi_path_line, missing = find_items([], pairs)
    assert (first.id, first.group, first.midi, first.wav) == (
        "first",
        "g",
        tmp_path / "a.mid",
        tmp_path / "elsewhere/a2.wav",
    )
    assert (path_line.id, path_line.midi, path_line.wav) == (str(tmp_path / "b.wav"), None, tmp_path / "b.wav")
    assert path_line.warnings == ("unknown keys in the pairs file are ignored: start_time",)
    assert (midi_path_line.id, midi_path_line.midi, midi_path_line.wav) == ("7", tmp_path / "c.mid", None)
    assert missing.id == "not there.mid" and missing.problem is None  # told when it is read


def test_relative_paths_of_a_pairs_file_count_from_the_working_directory_first(tmp_path, monkeypatch):
    touch(tmp_path, "x/a.mid", "y/a.mid", "y/b.mid")
    (tmp_path / "y/pairs.jsonl").write_text('{"midi": "a.mid"}\n{"midi": "b.mid"}\n')
    monkeypatch.chdir(tmp_path / "x")
    assert [item.midi.resolve() for item in find_items([], "../y/pairs.jsonl")] == [
        tmp_path / "x/a.mid",
        tmp_path / "y/b.mid",
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"midi": "a.mid"', "not JSON"),
        ('["a.mid"]', "not a JSON object"),
        ('{"id": "a"}', "names no file"),
        ('{"midi": 3}', '"midi" is 3, which is no path; write "midi": "PATH"'),
        ('{"wav": ""}', '"wav" is "", which is no path'),
        ('{"midi": "a\\u0000.mid"}', "which is no path"),
        (f'{{"midi": {["x" * 9] * 999}}}'.replace("'", '"'), 'xxxx"'),
        ("[" * 100_000, "lists are too deep"),
        (f'{{"id": {"9" * 5000}}}', "a number is too long"),
        ('{"path": 3}', '"path" is 3, which is no path'),
        ('{"path": "a.mid", "wav": "a.wav"}', "one or the other"),
    ],
)
def test_a_broken_line_is_told_by_its_number_and_the_others_stay(tmp_path, line, reason):
    touch(tmp_path, "a.mid")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(f'{{"midi": "a.mid"}}\n\n{line}\n{{"midi": "a.mid", "id": "last"}}\n')
    items = find_items([], pairs)
    assert [item.problem is None for item in items] == [True, False, True]
    assert items[1].id == f"{pairs}:3" and f"{pairs}:3" in items[1].problem and reason in items[1].problem
    assert len(items[1].problem) < len(str(pairs)) + 200


@pytest.mark.parametrize("content", [None, b"", b"\n\n", b"\xff\xfe\x00"])
def test_a_pairs_file_that_cannot_be_used_is_told(tmp_path, content):
    pairs = tmp_path / "pairs.jsonl"
    if content is not None:
        pairs.write_bytes(content)
    (item,) = find_items([], pairs)
    assert item.problem.startswith(f"{pairs}: ")


def test_no_two_items_have_one_id(tmp_path, monkeypatch):
    touch(tmp_path, "a.mid", "b.mid")
    monkeypatch.chdir(tmp_path)
    lines = [{"id": "take", "midi": "b.mid"}, {"midi": "a.mid"}, {"id": "take (2)", "midi": "b.mid"}]
    lines += [{"id": "take", "midi": "a.mid", "group": "g"}]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    items = find_items(["a.mid"], "pairs.jsonl")
    assert [item.id for item in items] == ["a.mid", "take", "a.mid (2)", "take (2)", "take (3)"]
    assert [item.problem is None for item in items] == [True, True, False, True, False]
    assert items[4].problem == "take: another item has this id; give each its own in the pairs file."
    assert items[4].group == "g" and items[4].midi is items[2].midi is None


def lines_run(work, file):
    """How often a line of a Python file is run, comprehensions counted by their turns."""
    n_lines = 0

    def trace(frame, event, argument):
        nonlocal n_lines
        if frame.f_code.co_filename != file:
            return None
        n_lines += event == "line"
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return n_lines


def test_equal_ids_take_work_in_proportion_to_their_number(tmp_path):
    few, many = tmp_path / "few.jsonl", tmp_path / "many.jsonl"
    line = '{"id": "take", "midi": "a.mid"}\n'
    few.write_text(200 * line)
    many.write_text(2000 * line)
    n_few, n_many = (lines_run(lambda pairs=pairs: find_items([], pairs), finding.__file__) for pairs in (few, many))
    assert n_many < 11 * n_few
