"""The page: its data, that nothing in them becomes markup, and that it loads nothing."""

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from music import random_performance
from pages import Page
from sample_report import N_NOTES, make_entry, make_report

from bridge.items.tables import read_table
from bridge.report import html
from bridge.report.clips import CLIP_RATE, compared_seconds
from bridge.report.files import write_report
from bridge.report.html import write_html
from bridge.report.report import Report
from losscal.errors import InputError
from losscal.records import record_of
from symbolic.notes.performance import write_midi
from symbolic.scoring.views import EVENTS, VQVAE

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    '"><img src=x onerror=alert(1)>',
    "$report ${script} \u2028 \udcff",
)


def page_of(report, folder):
    write_html(record_of(Report, report), folder / "report.html", folder)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_the_page_holds_the_report_as_it_is(tmp_path):
    report = make_report(tmp_path)
    page = page_of(report, tmp_path)
    assert page.report() == report
    assert {name for name in page.texts if name.startswith("item-")} == {"item-0", "item-1"}
    sections = json.loads(page.texts["layout"])["sections"]
    assert [section["view"] for section in sections] == ["", "events", "vqvae", "spectral_lm", "musicgen", "swing"]


def test_notes_and_curves_come_back_from_the_page(tmp_path):
    data = page_of(make_report(tmp_path), tmp_path).item(1)
    table = read_table(tmp_path / "per_note/1.csv")
    assert np.cumsum(data["notes"]["onset"]) / 100 == pytest.approx(table["onset_seconds"])
    assert np.array(data["notes"]["duration"]) / 100 == pytest.approx(table["duration_seconds"])
    assert data["notes"]["pitch"] == table["pitch"].tolist() and data["notes"]["velocity"] == table["velocity"].tolist()
    for view in (EVENTS, VQVAE):
        assert [*data["nats"][view.name]] == [*view.note_parts]
        for part, hundredths in data["nats"][view.name].items():
            assert np.abs(np.array(hundredths) / 100 - table[f"{view.name}_{part}_nats"]).max() <= 0.005 + 1e-9
    assert data["curves"]["spectral_lm"] == {
        name: values.tolist() for name, values in read_table(tmp_path / "curves/1.csv").items()
    }
    assert data["sound_start"] == 0.25 and data["clips"] == {}


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_never_markup(tmp_path, name):
    report = make_report(tmp_path, (name, f"{name} again"))
    report["items"][2]["error"] = report["groups"][0]["group"] = report["groups"][0]["verdict"] = name
    page, plain = page_of(report, tmp_path), page_of(make_report(tmp_path), tmp_path)
    assert page.tags == plain.tags and "img" not in page.tags
    assert page.report() == report


def test_nothing_is_loaded_from_elsewhere_and_only_what_we_wrote_may_run(tmp_path):
    page = page_of(make_report(tmp_path), tmp_path)
    assert page.links == []
    code = page.texts["script"] + page.texts["style"]
    assert set(re.findall(r"\w+://[^\"'\s)]+", code)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert "default-src 'none'" in page.policy and "unsafe" not in page.policy
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.texts[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page.policy


def test_a_report_of_an_older_shape_is_shown(tmp_path):
    report = make_report(tmp_path)
    del report["groups"], report["agreement"], report["passed_over"]
    for entry in report["items"]:
        del entry["moments"], entry["explanations"]
    report["items"][0] |= {"symbolic": None, "audio": {"seconds": 2.0, "musicgen": {"unavailable": "no weights"}}}
    report["items"][1]["symbolic"]["per_note"] = None
    page = page_of(report, tmp_path)
    completed = [{"moments": [], "explanations": {}} | entry for entry in report["items"]]
    assert page.report() == {**report, "items": completed, "groups": [], "agreement": None, "passed_over": []}
    assert "item-0" not in page.texts
    alone = page.item(1)
    assert alone["notes"] is None and alone["nats"] == {} and alone["sound_start"] == 0.0  # its times are the file's
    assert list(alone["curves"]) == ["spectral_lm"]


def test_a_missing_table_leaves_no_half_written_page(tmp_path):
    report = make_report(tmp_path)
    out = tmp_path / "elsewhere"
    with pytest.raises(InputError, match="write the report beside its tables"):
        write_report(report, out)
    assert sorted(path.name for path in out.iterdir()) == ["report.csv", "report.json"]


@pytest.fixture
def recorded(tmp_path):
    """A report of one recording: a tone that begins at 12.25 s, with a moment of the notes at 3.5 s and a late one."""
    rate = 44_100
    tone = np.sin(2 * np.pi * 440 * np.arange(8 * rate) / rate) * 0.5
    sound = np.concatenate([np.full(round(12.25 * rate), 1e-4), tone])
    soundfile.write(tmp_path / "take.wav", np.stack([sound, sound], axis=1), rate)
    report = make_report(tmp_path)
    entry = make_entry(tmp_path, 0, "take", wav=str(tmp_path / "take.wav"))
    table = (tmp_path / "curves/0.csv").read_text().replace("0.25,", "8.75,")
    (tmp_path / "curves/0.csv").write_text(table)
    entry["moments"].append({**entry["moments"][0], "view": "spectral_lm", "start_seconds": 19.0, "end_seconds": 20.0})
    return report | {"items": [entry], "groups": []}


def clip(data, number):
    return samples_at(data["clips"][number])


def samples_at(address):
    kind, _, encoded = address.partition(",")
    assert kind == "data:audio/mpeg;base64"
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(encoded)))
    assert rate == CLIP_RATE and samples.ndim == 1
    return samples


def test_a_moment_of_a_recording_is_a_clip_around_it(recorded, tmp_path):
    data = page_of(recorded, tmp_path).item(0)
    first = clip(data, "0")  # 3.5 s after the sound's start at 8.75 s: 1.5 s before the tone and 3.5 s of it
    assert len(first) == pytest.approx(5 * CLIP_RATE, abs=0.1 * CLIP_RATE)
    loud = np.abs(first) > 0.1
    assert (
        loud[round(1.7 * CLIP_RATE) : round(4.8 * CLIP_RATE)].mean() > 0.8 and not loud[: round(1.3 * CLIP_RATE)].any()
    )
    assert (np.abs(clip(data, "1"))[CLIP_RATE : 4 * CLIP_RATE] > 0.1).mean() > 0.8  # cut at the file's end, not short
    assert len(data["clips"]["0"]) < 60_000


def test_where_a_pair_differs_the_recording_s_seconds_are_in_the_page(recorded, tmp_path):
    edits = recorded["items"][0]["heard_against_read"]["edits"]
    edits[:] = [{**edits[0], "seconds": second} for second in (13.0, 14.9, 4.0, 25.0)]  # it lasts 20.25 s
    near, passage = page_of(recorded, tmp_path).item(0)["passages"]
    assert (near["start"], near["end"]) == (0.0, 7.0) and (passage["start"], passage["end"]) == (8.5, 17.0)
    loud = np.abs(samples_at(passage["address"])) > 0.1
    assert loud[round(4.0 * CLIP_RATE) :].mean() > 0.8 and not loud[: round(3.5 * CLIP_RATE)].any()  # from 12.25 s on
    edits[:] = [{**edits[0], "seconds": 0.1 * second} for second in range(200)]
    assert len(page_of(recorded, tmp_path).item(0)["passages"]) == 4


def test_recordings_of_a_group_are_heard_where_they_differ(recorded, tmp_path):
    """Of each the seconds by its own clock; of what has a file of its own none, whose edits are by that file's."""
    edit = {"kind": "added", "note": 3, "reference_note": None, "seconds": 3.0, "text": ""} | {
        "reference_seconds": 13.0
    }
    (take,) = recorded["items"]
    first, second = ({**take, "id": name, "symbolic": None, "heard_against_read": None} for name in "ab")
    group = make_report(tmp_path)["groups"][0] | {"reference": "a", "edits": {"b": [edit], "take": [edit]}}
    report = record_of(Report, recorded | {"items": [first, second, take], "groups": [group]})
    assert compared_seconds(report) == {"a": [13.0, 13.0], "b": [3.0], "take": [4.5]}


@pytest.mark.parametrize("replacement", [b"", b"no sound any more", None])
def test_a_recording_replaced_since_it_was_scored_costs_its_clips_and_not_the_page(recorded, tmp_path, replacement):
    path = tmp_path / "take.wav"
    if replacement is None:
        soundfile.write(path, np.full(44_100 * 20, np.nan), 44_100, subtype="FLOAT")
    else:
        path.write_bytes(replacement)
    data = page_of(recorded, tmp_path).item(0)
    assert data["clips"] == {} and data["passages"] == [] and data["notes"] and data["curves"]


def test_clips_follow_the_match_and_there_is_none_beyond_the_recording(recorded, tmp_path):
    (entry,) = recorded["items"]
    notes = random_performance(1, 5)
    write_midi(notes, tmp_path / "take.mid")
    entry["midi"], entry["match"] = str(tmp_path / "take.mid"), {"chroma_similarity": 0.9, "offset_seconds": 10.75}
    late = {**entry["moments"][0], "start_seconds": 9.6}  # the recording ends at 20.25 s
    early = {**entry["moments"][0], "start_seconds": 0.0}
    entry["moments"] += [late, early]
    data = page_of(recorded, tmp_path).item(0)
    assert list(data["clips"]) == ["0", "1", "3"]
    loud = np.abs(clip(data, "0")) > 0.1  # from 12.75 s on: the tone sounds from 12.25 s
    assert loud[:CLIP_RATE].mean() > 0.8
    entry["match"]["offset_seconds"] = -0.5
    assert "3" not in page_of(recorded, tmp_path).item(0)["clips"]


def test_renderings_and_reports_of_many_recordings_have_no_clips(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(html, "MAX_CLIP_ITEMS", 0)
    page = page_of(recorded, tmp_path)
    assert page.item(0)["clips"] == {}
    assert "moments are played from the notes" in json.loads(page.texts["layout"])["note"]
    monkeypatch.undo()
    recorded["items"][0]["rendered"] = True
    assert page_of(recorded, tmp_path).item(0)["clips"] == {}


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node to run the page's script")


@needs_node
def test_the_page_s_own_script_unpacks_what_was_packed(tmp_path):
    page = page_of(make_report(tmp_path), tmp_path)
    scripts = {name: {"textContent": text} for name, text in page.texts.items() if name not in ("script", "style")}
    document = f'const document = {{ readyState: "complete", getElementById: (id) => ({json.dumps(scripts)})[id] }};'
    library = (html.TEMPLATES / "dom.js").read_text(encoding="utf-8")
    ask = "itemData(1).then((data) => console.log(JSON.stringify([data, clock(75.96), number(-2), COMMON_FOLDER])));"
    data, *texts = json.loads(run_node("\n".join([document, library, ask]), "-"))
    table = read_table(tmp_path / "per_note/1.csv")
    assert data["notes"]["onset"] == pytest.approx(table["onset_seconds"].tolist())
    assert len(data["nats"]["events"]["pitch"]) == N_NOTES
    assert texts == ["1:16.0", "\u22122.00", ""]


@needs_node
def test_more_nats_are_darker_with_or_without_colour():
    ask = "console.log(JSON.stringify(Array.from({ length: 65 }, (_, i) => natsColour(i / 4))));"
    colours = json.loads(run_node((html.TEMPLATES / "roll.js").read_text(encoding="utf-8") + ask, "-"))
    channels = np.array([[int(channel) for channel in re.findall(r"\d+", colour)] for colour in colours])  # [65, RGB]
    lightness = channels @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) < 0).all() and lightness[0] > 4 * lightness[-1]


@needs_node
def test_an_id_may_be_called_like_what_every_object_has():
    script = (html.TEMPLATES / "group.js").read_text(encoding="utf-8")
    group = """JSON.parse('{"edits": {"__proto__": [1], "a": [2]}}')"""
    ids = '["toString", "__proto__", "a", "constructor"]'
    ask = f"console.log(JSON.stringify({ids}.map((id) => editsOf({group}, id)).concat([editsOf({{}}, 'toString')])));"
    assert json.loads(run_node(script + ask, "-")) == [[], [1], [2], [], []]


@needs_node
def test_a_clip_that_cannot_be_played_gives_its_button_back():
    player = """
        let clip;
        class Audio {
          constructor() { clip = this; }
          addEventListener(kind, listener) { this[kind] = listener; }
          play() {}
          pause() {}
        }
        const told = [];
        playClip("data:audio/mpeg;base64,", () => told.push("ended"));
        clip.error();
        console.log(JSON.stringify(told));
    """
    library = (html.TEMPLATES / "sound.js").read_text(encoding="utf-8")
    assert json.loads(run_node(library + player, "-")) == ["ended"]


@needs_node
def test_the_same_seconds_of_two_are_played_in_turn_and_stopped_at_once():
    player = """
        const clips = [];
        class Audio {
          constructor(address) { this.address = address; this.currentTime = 0; clips.push(this); }
          addEventListener(kind, listener) { this[kind] = listener; }
          play() { this.plays = true; }
          pause() { this.plays = false; }
        }
        const el = (tag, { onclick }) => ({ onclick });
        const passages = (name) => [{ start: 0, end: 7, address: name }, { start: 8.5, end: 17, address: `${name}2` }];
        const [one, other] = [secondsAbout(passages("a"), null, 10), secondsAbout(passages("b"), null, 3)];
        const button = inTurnButton("both", one, other);
        const told = [inTurnButton("both", secondsAbout([], null, 10), other)];
        const tell = () => told.push([button.textContent, ...clips.map((c) => [c.address, c.currentTime, c.plays])]);
        const time = (clip, seconds) => { clip.currentTime = seconds; clip.timeupdate(); };
        button.onclick(); tell();
        time(clips[0], 3.4); time(clips[0], 3.6); time(clips[0], 3.7); tell();
        time(clips[1], 5.1); tell();
        clips.length = 0;
        button.onclick(); button.onclick(); tell();
        console.log(JSON.stringify(told));
    """
    library = (html.TEMPLATES / "sound.js").read_text(encoding="utf-8")
    nothing, first, second, over, stopped = json.loads(run_node(library + player, "-"))
    assert nothing is None  # of one of the two there is no sound
    assert first == ["\u25a0 both", ["a2", 0.5, True]]  # from 9 s on, in a clip that begins at 8.5 s
    assert second == ["\u25a0 both", ["a2", 3.7, False], ["b", 2, True]]
    assert over == ["\u25b6 both", ["a2", 3.7, False], ["b", 5.1, False]]
    assert stopped == ["\u25b6 both", ["a2", 0.5, False]]


@needs_node
def test_the_whole_script_is_one_that_node_can_read(tmp_path):
    script = tmp_path / "script.js"
    script.write_text(page_of(make_report(tmp_path), tmp_path).texts["script"], encoding="utf-8")
    run_node("", "--check", str(script))


def run_node(source, *arguments):
    result = subprocess.run(["node", *arguments], input=source, capture_output=True, text=True, encoding="utf-8")
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_what_the_page_links_to_is_made():
    scripts = "".join(path.read_text(encoding="utf-8") for path in html.TEMPLATES.glob("*.js"))
    linked = set(re.findall(r'\["[A-Z][^"]*", "([a-z]+)"\]', scripts))
    assert linked == {"summary", "groups", "reading"}
    assert all(f'id: "{name}"' in scripts for name in linked)
