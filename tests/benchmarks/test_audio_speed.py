"""The audio speed benchmark: each view is opened, timed and named."""

import pytest

from audio.scorer import Description
from benchmarks import audio_speed, speed


class StandIn:
    """Takes as long as nothing, and remembers what it was given."""

    def __init__(self):
        self.heard = []

    def describe(self):
        return Description("nothing", 16_000)

    def score(self, sound):
        self.heard.append(sound)
        return {}


def test_the_rate_is_seconds_of_sound_by_seconds(monkeypatch, capsys):
    scorer = StandIn()
    monkeypatch.setattr(audio_speed, "VIEWS", {"one": lambda weights: audio_speed.Timed(scorer, "the one", 2_500_000)})
    monkeypatch.setattr(audio_speed, "fastest_seconds", lambda work: work() or 0.5)
    assert audio_speed.main(["--seconds", "4", "--views", "one"]) == 0
    title, _, _, _, line = capsys.readouterr().out.splitlines()
    assert title.startswith("4 s of sound, ")
    assert line == "| the one | 2.5 M | 8 x |"
    assert [(sound.seconds, sound.n_channels) for sound in scorer.heard] == [(4.0, 2)]


@pytest.mark.parametrize("view", ["spectral_lm", "diffusion"])
def test_our_own_views_are_timed(view, monkeypatch):
    monkeypatch.setattr(speed, "RUNS", 1)
    label, parameters, rate = audio_speed.row(view, None, 0.5)
    assert label.startswith(view)
    assert float(parameters.removesuffix(" M")) > 0.1 and float(rate.removesuffix(" x")) > 0
