"""No command replaces a file that nobody asked it to replace, and each says so before it works."""

import json
from importlib import import_module

import pytest

from bridge.score import main as score
from losscal.cli import check_new
from losscal.errors import InputError

COMMANDS = {
    "symbolic.generate": ["--out", "{out}.mid"],
    "symbolic.vary": ["absent.mid", "{out}.mid"],
    "symbolic.polish": ["absent.mid", "{out}.mid"],
    "bridge.transcribe": ["absent.wav", "{out}.mid"],
    "audio.audiobox": ["absent.jsonl", "--out", "{out}.jsonl"],
    "audio.musicgen.__main__": ["generate", "--out", "{out}.wav"],
    "audio.diffusion.__main__": ["sample", "--out", "{out}.wav"],
}
"""Flags of each command that writes a file named by the user; nothing else that they name is there."""


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_there_stays(command, tmp_path):
    arguments = [argument.format(out=tmp_path / "kept") for argument in COMMANDS[command]]
    (out,) = (argument for argument in arguments if "kept" in argument)
    (tmp_path / "kept").with_suffix(out[out.rindex(".") :]).write_bytes(b"mine")
    with pytest.raises(InputError, match=r"is there already; add --overwrite to replace it, or choose another name\."):
        import_module(command).main(arguments)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


def test_a_rendering_is_refused_likewise(tmp_path, capsys):
    kept = tmp_path / "kept.wav"
    kept.write_bytes(b"mine")
    assert import_module("bridge.render").main(["absent.mid", str(kept)]) == 1
    assert f"{kept}: is there already" in capsys.readouterr().err and kept.read_bytes() == b"mine"


def test_of_several_pieces_none_is_written_where_one_is_there(tmp_path):
    (tmp_path / "new_2.mid").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"new_2\.mid: is there already"):
        import_module("symbolic.generate").main(["--out", str(tmp_path / "new.mid"), "--keep", "2"])


def test_a_prepared_corpus_stays(tmp_path):
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(InputError, match=r"summary\.json: is there already"):
        import_module("symbolic.prepare").main([str(tmp_path), "--out", str(tmp_path)])


@pytest.mark.parametrize(
    ("command", "weights"),
    [
        *(("vqvae", "codebooks"), ("gpt", "phrases"), ("diffusion", "diffusion")),
        *(("spectral_lm", "spectral_lm"), ("spectral_lm --background", "spectral_lm_background")),
    ],
)
def test_trained_weights_stay(command, weights, tmp_path, capsys):
    name, *flags = command.split()
    (tmp_path / f"{weights}.safetensors").write_bytes(b"mine")
    with pytest.raises(SystemExit) as ended:
        import_module(f"train.{name}").main(["--out", str(tmp_path), *flags])
    assert ended.value.code == 2 and f"{weights}.safetensors: is there already" in capsys.readouterr().err
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"]


def test_asked_to_or_with_nothing_there_files_are_written(tmp_path):
    (tmp_path / "kept").write_bytes(b"mine")
    check_new([tmp_path / "kept"], overwrite=True)
    check_new([tmp_path / "absent"], overwrite=False)


@pytest.fixture
def earlier(tmp_path):
    """A folder with a report on two pieces that are not there."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text(json.dumps({"items": [{"id": "a.mid"}, {"id": "b.mid"}]}))
    return out


def test_a_report_on_other_pieces_stays_and_one_on_the_same_is_made_anew(tmp_path, earlier, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bridge.scorer.open_views", lambda *_: pytest.fail("work began"))
    with pytest.raises(InputError, match=r"report\.json: is of b\.mid, which this command does not score; add --over"):
        score(["a.mid", "c.mid", "--out", str(earlier)])
    for arguments in (["a.mid", "b.mid", "c.mid"], ["c.mid", "--overwrite"]):
        with pytest.raises(pytest.fail.Exception, match="work began"):
            score([*arguments, "--out", str(earlier)])


@pytest.mark.parametrize("text", ["", "[]", '{"items": [1]}', '{"items": {}}'[:-1], "[" * 100_000])
def test_what_is_called_like_a_report_and_is_none_stays(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(InputError, match=r"report\.json: is no report; add --overwrite"):
        score(["a.mid", "--out", str(tmp_path)])
