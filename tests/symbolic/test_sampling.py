"""Sampling: every output decodes, prompts are kept, and music is drawn from the distribution that scores it."""

from functools import partial

import numpy as np
import pytest
import torch
from music import random_performance
from test_symbolic_models import MODELS

from symbolic import generate as command
from symbolic.cleaning import read_midi
from symbolic.configs import SamplingConfig
from symbolic.events import END, REST, encode
from symbolic.likelihood import score
from symbolic.models import save_model
from symbolic.performance import write_midi
from symbolic.sampling import EventStream, allowed, draw, generate


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param]()


@pytest.mark.parametrize("seed", range(4))
def test_every_output_is_a_performance_of_the_asked_length(model, seed):
    piece = generate(model, seconds=20, seed=seed)  # Performance checks order, range and doubles itself
    assert piece.notes["onset_ticks"][-1] <= 2000
    assert np.isfinite(score(model, [piece])[0].nll_nats)


def test_the_seed_alone_decides(model):
    first, again, other = (generate(model, seconds=20, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.notes, again.notes)
    assert not np.array_equal(first.notes, other.notes)


def test_a_continuation_begins_with_its_prompt_and_goes_on_from_there(model):
    prompt = random_performance(3, 30)
    piece = generate(model, seconds=15, seed=1, prompt=prompt)
    opening, given = piece.notes[: len(prompt)], prompt.notes
    for field in ("onset_ticks", "pitch", "velocity_bin"):
        assert np.array_equal(opening[field], given[field])
    assert (opening["duration_ticks"] <= given["duration_ticks"]).all()  # a key struck anew ends its earlier note
    added_ticks = piece.notes["onset_ticks"][-1] - prompt.notes["onset_ticks"][-1]
    assert len(piece) > len(prompt)
    assert added_ticks <= 1500


def test_values_are_drawn_from_the_distribution_that_scores_them(model, monkeypatch):
    monkeypatch.setattr("symbolic.sampling.allowed", lambda *_: slice(None))
    music = random_performance(3, 45)  # beyond two windows of 16 events
    rows = encode(music, end=False)
    assert (rows[:, 0] < REST).all()
    replayed, nats = iter(rows.flatten().tolist()), []

    def replay(logits):
        value = torch.tensor([next(replayed)])
        nats.append(float(-logits.log_softmax(-1)[0, value]))
        return value

    codes = model.vqvae.encode(torch.from_numpy(rows)) if model.name == "vqvae" else None
    stream = EventStream(model, replay, np.empty((0, 4), dtype=np.int64), codes)
    for _ in rows:
        stream.next_event()
    scored = score(model, [music])[0].term_nats["value"]
    assert np.allclose(np.reshape(nats, (-1, 4)), scored, atol=1e-4)


def test_the_sliding_state_while_drawing_is_the_one_that_scores(model):
    seeded = partial(draw, config=SamplingConfig(), generator=torch.Generator().manual_seed(1))
    stream = EventStream(model, seeded, np.empty((0, 4), dtype=np.int64))
    for _ in range(45):
        drawn_from = stream.state.clone()
        stream.next_event()
        start = max(0, (len(stream.events) - 1) // 8 - 1) * 8
        with torch.inference_mode():
            seen = model.embed(stream.events[None, start:-1])
            state = model.history(seen, torch.tensor([start > 0]))[:, -1]
        assert torch.allclose(drawn_from, state, atol=1e-4)


def test_grammar_allows_what_the_encoder_writes_and_no_falling_chord(performances):
    for performance in performances:
        previous = None
        for row in encode(performance, end=False).tolist():
            for attribute, value in zip(("time", "pitch", "velocity", "duration"), row, strict=True):
                time = None if attribute == "time" else row[0]
                values = allowed(attribute, previous, time)
                assert value in range(*values.indices(700))
            previous = row
    assert allowed("pitch", [0, 40, 0, 0], 0) == slice(41, None)
    assert 0 not in range(*allowed("time", [0, 87, 0, 0], None).indices(402))
    assert END not in range(*allowed("time", [0, 40, 0, 0], None).indices(402))


def test_top_p_keeps_the_likeliest_values_only():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).expand(2000, 4)
    drawn = draw(logits, SamplingConfig(top_p=0.75), torch.Generator().manual_seed(1))
    assert set(drawn.tolist()) == {0, 1}
    assert (drawn == 0).double().mean() == pytest.approx(0.625, abs=0.05)


@pytest.mark.parametrize(
    ("field", "value"), [("temperature", 0.0), ("temperature", float("inf")), ("top_p", 0.0), ("top_p", 1.1)]
)
def test_bad_sampling_values_name_themselves(field, value):
    with pytest.raises(ValueError, match=f"{field.replace('_', '-')} {value}: allowed"):
        SamplingConfig(**{field: value})


def test_the_command_writes_a_file_that_reads_back_as_generated(tmp_path, capsys):
    model = MODELS["events"]()
    save_model(
        tmp_path / "events.safetensors",
        model.state_dict(),
        kind="events",
        story={"configs": {"gpt": vars(model.config)}},
    )
    out = tmp_path / "new.mid"
    assert command.main(["--seconds", "10", "--out", str(out), "--weights", str(tmp_path)]) == 0
    assert "bits a note under events" in capsys.readouterr().out
    assert len(read_midi(out).performance) > 1
    piece = generate(model, seconds=10, seed=1)
    write_midi(piece, out)
    assert np.array_equal(read_midi(out).performance.notes, piece.notes)
    with pytest.raises(SystemExit):
        command.main(["--seconds", "-3", "--out", str(out)])
    assert "outside the allowed range" in capsys.readouterr().err
