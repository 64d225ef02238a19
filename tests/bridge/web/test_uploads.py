"""What people may upload: music, alone or in a zip file that stays in its folder and within its limits."""

import stat
import zipfile

import pytest

from bridge.web.uploads import Limits, take_in
from losscal.errors import InputError


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_files_and_the_music_of_zips_are_taken_in_and_what_was_there_before_is_gone(tmp_path, make_midi):
    piece = make_midi(tmp_path / "piece (1).mid")
    archive = zipped(
        tmp_path / "bounces.zip",
        [("a/RH_1.wav", b"1"), ("RH_2.WAV", b"2"), ("notes.txt", b"3"), ("__MACOSX/a/._RH_1.wav", b"4")],
    )
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "old.mid").write_bytes(b"")
    take_in([piece, archive], folder, Limits())
    assert files_in(folder) == ["bounces/RH_2.WAV", "bounces/a/RH_1.wav", "piece (1).mid"]
    assert (folder / "piece (1).mid").read_bytes() == piece.read_bytes()


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("../../evil.mid", b"x")], "leads out of its folder"),
        ([("..\\evil.mid", b"x")], "leads out of its folder"),
        ([("/etc/evil.mid", b"x")], "leads out of its folder"),
        ([("C:/evil.mid", b"x")], "leads out of its folder"),
        ([("a/b/c/d/e/deep.mid", b"x")], "folders deep"),
        ([("inner.zip", b"x"), ("a.mid", b"x")], "an archive within the archive"),
        ([(link("a.mid"), b"/etc/passwd")], "is a link"),
        ([("readme.txt", b"x")], "no MIDI file and no recording"),
        ([("bomb.wav", bytes(2_500_000))], "more than 2 MB"),
        ([(f"{number}.mid", b"x") for number in range(11)], "holds 11 files, the limit is 10"),
    ],
)
def test_a_zip_is_refused_in_a_sentence_and_nothing_is_written(tmp_path, members, told):
    archive = zipped(tmp_path / "given.zip", members)
    with pytest.raises(InputError, match=told) as refused:
        take_in([archive], tmp_path / "taken", Limits(unpacked_mb=2, files=10))
    assert str(refused.value).startswith("given.zip: ") and str(refused.value).endswith(".")
    assert files_in(tmp_path) == ["given.zip"]


def test_a_bomb_that_says_it_is_small_is_stopped_where_it_passes_the_limit(tmp_path):
    archive = zipped(tmp_path / "bomb.zip", [("a.wav", bytes(3_000_000))])
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):  # the size, in both headers
        place = data.index(signature) + offset
        data[place : place + 4] = (1000).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(InputError):
        take_in([archive], tmp_path / "taken", Limits(unpacked_mb=2))
    assert files_in(tmp_path) == ["bomb.zip"]


def test_what_is_no_zip_or_cut_off_is_refused(tmp_path, make_midi):
    whole = zipped(tmp_path / "whole.zip", [("a.mid", make_midi(tmp_path / "a.mid").read_bytes())]).read_bytes()
    for data in (b"no zip", whole[: len(whole) // 2]):
        (tmp_path / "given.zip").write_bytes(data)
        with pytest.raises(InputError, match=r"given\.zip: cannot be unpacked"):
            take_in([tmp_path / "given.zip"], tmp_path / "taken", Limits())


def test_too_many_files_too_long_recordings_and_two_of_one_name_are_refused(tmp_path, make_midi, make_wav):
    pieces = [make_midi(tmp_path / f"{number}.mid") for number in range(3)]
    with pytest.raises(InputError, match="3 files are given, the limit is 2"):
        take_in(pieces, tmp_path / "taken", Limits(files=2))
    recordings = [make_wav(tmp_path / f"{number}.wav", seconds=4.0) for number in range(2)]
    take_in(recordings[:1], tmp_path / "taken", Limits(minutes=0.1))
    with pytest.raises(InputError, match=r"the limit is 0\.1 at a time"):
        take_in(recordings, tmp_path / "taken", Limits(minutes=0.1))
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="two files have this name"):
        take_in([pieces[0], make_midi(tmp_path / "other/0.mid")], tmp_path / "taken", Limits())
    with pytest.raises(InputError, match="No file is given"):
        take_in([], tmp_path / "taken", Limits())
