"""What was heard once is not heard again, and nothing but what was heard is believed."""

import json

import numpy as np
import pytest

from audio.signal.waveform import Processed, Waveform
from bridge.transcription.cache import Key, NoteCache, hear, sha256_of_sound, user_cache
from bridge.transcription.transcriber import HeardNote

NOTES = [HeardNote(0.0, 1.5, 64, 90, is_pedal=True), HeardNote(0.1, 0.30000000000000004, 60, 80)]


class Listener:
    """Hears NOTES, and counts how often it was asked."""

    name, version, fingerprint, core_seconds_per_second = "listener", "1.0", "its weights", 0.0

    def __init__(self, **others):
        vars(self).update(others)
        self.asked = 0

    def transcribe(self, sound):
        self.asked += 1
        return list(NOTES)


@pytest.fixture
def cache(tmp_path):
    return NoteCache(tmp_path / "heard")


def sound_of(samples, rate=8000):
    return Waveform(np.array(samples, np.float32).reshape(1, -1), rate, "s.wav")


SOUND = sound_of([0.1, 0.2, 0.3, 0.4])


def entry_of(cache):
    (path,) = cache.folder.iterdir()
    return path


def test_the_same_sound_is_heard_once_and_comes_back_to_the_bit(cache):
    listener = Listener()
    first, second = hear(SOUND, listener, cache), hear(SOUND, listener, cache)
    assert listener.asked == 1 and first == second and first.notes == tuple(NOTES)
    assert (second.transcriber, second.version, second.source) == ("listener", "1.0", "s.wav")
    hear(SOUND, listener, None)
    assert listener.asked == 2


@pytest.mark.parametrize("other", [{"name": "other"}, {"version": "1.1"}, {"fingerprint": "other weights"}])
def test_another_transcriber_is_asked_itself(cache, other):
    hear(SOUND, Listener(), cache)
    listener = Listener(**other)
    assert hear(SOUND, listener, cache).transcriber == listener.name
    assert listener.asked == 1 and len(list(cache.folder.iterdir())) == 2


def test_the_hash_is_of_what_sounds_not_of_how_it_is_read():
    samples = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)
    whole = Waveform(samples, 8000, "a.wav")
    cuts = [1, 400, 401]
    in_parts = Processed.of(whole, lambda: iter(np.split(samples, cuts, axis=1)))
    assert sha256_of_sound(in_parts) == sha256_of_sound(whole)
    others = [Waveform(samples, 8001, "a.wav"), Waveform(samples[::-1].copy(), 8000, "a.wav")]
    others += [Waveform(samples.reshape(1, -1), 8000, "a.wav"), Waveform(samples[:, :-1].copy(), 8000, "a.wav")]
    assert len({sha256_of_sound(sound) for sound in [whole, *others]}) == 5


def broken(json_of_entry):
    yield ""
    yield "{"
    yield json.dumps([])
    yield "[" * 100_000
    yield json.dumps({**json_of_entry, "notes": []})
    yield json.dumps({**json_of_entry, "notes": [{**json_of_entry["notes"][0], "velocity": 91}]})
    yield json.dumps({**json_of_entry, "notes": [{**json_of_entry["notes"][0], "end_seconds": -1.0}]})
    yield json.dumps({**json_of_entry, "key": {**json_of_entry["key"], "sound_sha256": "0" * 64}})
    yield json.dumps({"notes": json_of_entry["notes"]})


def test_a_broken_or_foreign_entry_is_heard_anew_and_replaced(cache):
    listener = Listener()
    hear(SOUND, listener, cache)
    path = entry_of(cache)
    right = path.read_text()
    wrongs = list(broken(json.loads(right)))
    for i, wrong in enumerate(wrongs):
        path.write_text(wrong)
        assert hear(SOUND, listener, cache).notes == tuple(NOTES)
        assert listener.asked == 2 + i and path.read_text() == right, wrong[:100]
    path.write_bytes(b"\xff\xfe")
    assert cache.get(Key.of(SOUND, listener)) is None


def test_a_cache_that_cannot_be_written_costs_no_more_than_time(tmp_path):
    (tmp_path / "file").write_text("no folder")
    listener = Listener()
    for asked in (1, 2):
        assert hear(SOUND, listener, NoteCache(tmp_path / "file" / "heard")).notes == tuple(NOTES)
        assert listener.asked == asked


def test_the_users_folder_is_that_of_the_xdg_specification(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given, root in (
        (str(tmp_path / "given"), tmp_path / "given"),
        ("relative", tmp_path / "home/.cache"),
        ("", tmp_path / "home/.cache"),
    ):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert user_cache().folder == root / "losscal/heard"
