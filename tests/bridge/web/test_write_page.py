"""The tabs Write and Compare: their command lines, and what is to be heard and kept of them in a browser."""

import os
import shlex
import time
from importlib import import_module

import pytest
import soundfile

pytest.importorskip("gradio")

from bridge.web.sessions import Sessions
from bridge.web.uploads import Limits
from bridge.web.wishes import CONTINUED, JOINED, NEW, POLISHED, REDRAWN, VARIED, Wish
from bridge.web.workshop import Workshop
from losscal.errors import InputError
from symbolic.notes.cleaning import read_midi

DONE_MS = 120_000


@pytest.fixture
def workshop(tmp_path, tiny_weights):
    return Workshop(Sessions(tmp_path), None, Limits(), tiny_weights)


def test_each_wish_is_the_command_line_that_it_says(workshop, tmp_path, tiny_weights):
    piece, other, weights = str(tmp_path / "my piece.mid"), str(tmp_path / "b.mid"), f" --weights {tiny_weights}"
    drawn = "--model events --seed 1 --candidates 4"
    style = {"composer": "Chopin:0.7,Debussy:0.3", "era": " ", "guidance": 2.5}
    wishes = [
        Wish.of(NEW, style | {"model": "vqvae", "seed": 7, "candidates": 1, "form": "A-B-A", "piece": piece}),
        Wish.of(CONTINUED, {"piece": piece, "form": "A-B-A", "keep_seconds": 8, "temperature": 0.9}),
        Wish.of(JOINED, {"piece": piece, "second": other}),
        Wish.of(REDRAWN, {"piece": piece, "redraw": " 12-15.5", "seconds": 8, "candidates": 1}),
        Wish.of(VARIED, {"piece": piece, "keep": "melody", "strength": 0.5, "attributes": ["velocity"]}),
        Wish.of(POLISHED, {"piece": piece, "attributes": ["pitch", "velocity"]}),
    ]
    lines = [list(map(str, each.commands(workshop))) for each in wishes]
    assert [line[0] for line in lines] == [
        "python -m symbolic.generate --model vqvae --seed 7 --candidates 1 --seconds 20 --preview 5 "
        f"--composer Chopin:0.7,Debussy:0.3 --guidance 2.5 --form A-B-A --out new.mid{weights}",
        f"python -m symbolic.generate {drawn} --seconds 20 --keep-seconds 8 --temperature 0.9 --prompt 'my piece.mid' "
        f"--out 'my piece_continued.mid'{weights}",
        f"python -m symbolic.generate {drawn} --seconds 20 --between 'my piece.mid' b.mid "
        f"--out 'my piece_to_b.mid'{weights}",
        "python -m symbolic.generate --model events --seed 1 --candidates 1 --redraw 12-15.5 --prompt 'my piece.mid' "
        f"--out 'my piece_redrawn.mid'{weights}",
        "python -m symbolic.vary 'my piece.mid' 'my piece_varied.mid' --keep melody --strength 0.5 --seed 1" + weights,
        "python -m symbolic.polish 'my piece.mid' 'my piece_polished.mid' --model events --attributes pitch,velocity "
        f"--seed 1{weights}",
    ]
    names = ("new", "my piece_continued", "my piece_to_b", "my piece_redrawn", "my piece_varied", "my piece_polished")
    rendered = [shlex.join(["python", "-m", "bridge.render", f"{name}.mid", f"{name}.wav"]) for name in names]
    assert [line[1] for line in lines] == rendered
    assert ["--reference 'my piece.mid'" in line[2] for line in lines] == [False, False, False, True, True, True]
    for line in lines:
        module, *arguments = shlex.split(line[0])[2:]
        import_module(module).build_parser().parse_args(arguments)


@pytest.mark.parametrize("kind", [CONTINUED, JOINED, REDRAWN, VARIED, POLISHED])
def test_a_piece_that_is_not_given_is_asked_for(kind, workshop):
    with pytest.raises(InputError, match="No piece is given"):
        Wish.of(kind, {"piece": None, "second": "b.mid"}).commands(workshop)


def test_a_span_that_is_not_given_is_asked_for(workshop):
    with pytest.raises(InputError, match=r"No span is given: .* as 12-15\.5\."):
        Wish.of(REDRAWN, {"piece": "a.mid", "redraw": " "}).commands(workshop)


def kept(page, name, folder):
    """A file that can be downloaded."""
    with page.expect_download() as download:
        page.click(f"#write-downloads a[download='{name}']")
    download.value.save_as(folder / name)
    return folder / name


def unseen_then_seen(page, frame):
    """Load a report in a frame of no width, which logs no error, and give the frame its width: the roll is drawn."""
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.locator(frame).evaluate("frame => { frame.style.width = '0'; frame.srcdoc += ' '; }")
    page.frame_locator(frame).locator(".roll:not(:has(svg))").wait_for(state="attached")
    page.locator(frame).evaluate("frame => { frame.style.width = ''; }")
    page.frame_locator(frame).locator(".roll svg").first.wait_for()
    assert errors == []


@pytest.mark.fluidsynth
def test_what_is_written_is_told_heard_and_kept(visit, tmp_path):
    page = visit()
    page.click("button[role=tab]:has-text('Write')")
    page.fill("#write-seconds input[type=number]", "3")
    page.fill("#write-candidates input[type=number]", "1")
    page.click("#write-start")
    page.wait_for_selector("#write-report iframe", timeout=DONE_MS)
    assert page.inner_text("#write-told").startswith("new.mid: ")
    seconds = soundfile.info(kept(page, "new.wav", tmp_path)).duration
    minutes, rest = page.wait_for_selector("#write-sound #duration:not(:text('0:00'))").inner_text().split(":")
    assert abs(60 * int(minutes) + int(rest) - seconds) <= 1.0
    assert kept(page, "new.mid", tmp_path).read_bytes().startswith(b"MThd")
    unseen_then_seen(page, "#write-report iframe")
    page.click("#write-kind label:has-text('some seconds')")
    page.set_input_files("#write-piece input[type=file]", str(tmp_path / "new.mid"))
    page.wait_for_selector("#write-piece :text('.mid')")
    page.fill("#write-redraw textarea, #write-redraw input", "1-2")
    page.click("#write-start")
    page.wait_for_selector("#write-told :text('new_redrawn.mid: ')", timeout=DONE_MS)
    page.fill("#write-composer textarea, #write-composer input", "Nobody")
    page.click("#write-start")
    page.wait_for_selector("#write-told .problem:has-text('Nobody')", timeout=DONE_MS)


def test_of_a_piece_that_is_interrupted_what_is_there_is_kept(visit, server, tmp_path):
    page = visit()
    page.click("button[role=tab]:has-text('Write')")
    page.fill("#write-seconds input[type=number]", "300")
    page.fill("#write-candidates input[type=number]", "1")
    page.click("#write-start")
    deadline = time.monotonic() + DONE_MS / 1000
    while not [names for _, _, names in os.walk(server.folder) if "new.mid" in names]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page.click("#write-stop")
    page.wait_for_selector("#write-told :text('Interrupted')")
    page.wait_for_selector("#write-downloads a[download='new.mid']")
    assert page.locator("#write-report iframe").count() == 0
    assert 4 < read_midi(kept(page, "new.mid", tmp_path)).performance.seconds < 290


@pytest.mark.fluidsynth
def test_two_pieces_are_played_in_turn_from_the_same_place(visit, make_midi, tmp_path):
    page = visit(width=390)
    page.click("button[role=tab]:has-text('Compare')")
    for side, pitch in (("first", 60), ("second", 67)):
        page.set_input_files(f"#compare-{side} input[type=file]", str(make_midi(tmp_path / f"{side}.mid", pitch=pitch)))
        page.wait_for_selector(f"#compare-{side} :text('.mid')")
    page.click("#compare-start")
    page.wait_for_selector("#compare-report iframe", timeout=DONE_MS)
    lasting = "() => [...document.querySelectorAll('#compare-player audio')].filter(a => a.duration > 3).length === 2"
    page.wait_for_function(lasting)
    place = page.locator("#compare-player input")
    place.fill("1.5")
    for side, other in ((0, 1), (1, 0)):
        page.click(f"#compare-player [data-side='{side}']")
        page.wait_for_function(
            f"() => {{ const a = document.querySelectorAll('#compare-player audio');"
            f" return !a[{side}].paused && a[{other}].paused && a[{side}].currentTime >= 1.5; }}"
        )
    page.click("#compare-player [data-stop]")
    assert page.evaluate("[...document.querySelectorAll('#compare-player audio')].every(a => a.paused)")
