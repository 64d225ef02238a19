"""The symbolic models: exact, causal, and the same by every route to a probability."""

from itertools import product
from math import log

import numpy as np
import pytest
import torch
from music import random_performance

from losscal.errors import WeightsError
from symbolic.chain import Chain, Step
from symbolic.code_gpt import CodeGPT
from symbolic.configs import GPTConfig, VQVAEConfig
from symbolic.events import END, VOCABULARY, encode
from symbolic.fsq import FSQ
from symbolic.gpt import EventGPT
from symbolic.likelihood import pad, score, window_start, windows_of
from symbolic.models import AUTOENCODER, load_model, save_model
from symbolic.transformer import KVCache
from symbolic.vqvae import VQVAE

TINY = GPTConfig(layers=2, width=16, heads=2, context_patches=16)


def randomised(model):
    """Weights far from the all-uniform start, so that every path carries information."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.eval()


def code_gpt(notes_per_patch: int) -> CodeGPT:
    vqvae = VQVAEConfig(notes_per_patch=notes_per_patch, codes_per_patch=2, levels=(3, 4), width=16, encoder_layers=1)
    return CodeGPT(TINY, vqvae)


MODELS = {
    "events": lambda: randomised(EventGPT(TINY)),
    "vqvae-1": lambda: randomised(code_gpt(1)),
    "vqvae-3": lambda: randomised(code_gpt(3)),
}


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param]()


def nats_of(model, rows):
    events, valid = pad(rows, model.notes_per_patch)
    with torch.inference_mode():
        return model.event_nats(events, valid, torch.zeros(len(rows), dtype=torch.bool)).double().numpy()


def test_chain_probabilities_of_all_value_tuples_sum_to_one():
    chain = randomised(Chain([Step("a", 3), Step("b", 4), Step("a", 3)], width=8))
    everything = torch.tensor(list(product(range(3), range(4), range(3))))
    state = torch.randn(8, generator=torch.Generator().manual_seed(1)).expand(len(everything), 8)
    total = torch.exp(-chain.nats(state, everything).detach().double().sum(-1)).sum()
    assert float(total) == pytest.approx(1.0, abs=1e-6)


def test_chain_sampling_follows_the_scored_probabilities():
    chain = randomised(Chain([Step("a", 3), Step("b", 2)], width=8))
    state = torch.randn(1, 8, generator=torch.Generator().manual_seed(1))
    seen = []
    chain.sample(state, lambda _, logits, drawn: seen.append(logits) or logits.argmax(-1))
    values = torch.tensor([[int(logits.argmax()) for logits in seen]])
    expected = torch.stack([-logits.log_softmax(-1)[0, v] for logits, v in zip(seen, values[0], strict=True)])
    assert torch.allclose(chain.nats(state, values)[0], expected, atol=1e-6)


def test_an_untrained_model_is_uniform():
    performance = random_performance(1)
    result = score(EventGPT(TINY), [performance], excerpt=True)[0]
    rests = len(encode(performance, end=False)) - len(performance)
    assert result.by_attribute["pitch"] == pytest.approx(result.notes * log(VOCABULARY["pitch"]), rel=1e-6)
    assert result.by_attribute["time"] == pytest.approx((result.notes + rests) * log(VOCABULARY["time"]), rel=1e-6)


@pytest.mark.parametrize("column", range(4))
def test_a_changed_value_leaves_every_earlier_score_unchanged(model, column):
    row = encode(random_performance(4, 20))[:15]
    where = 9
    changed = row.copy()
    changed[where, column] = (changed[where, column] + 7) % 30
    before, after = nats_of(model, [row])[0], nats_of(model, [changed])[0]
    patch = where // model.notes_per_patch * model.notes_per_patch
    assert np.allclose(before[:patch], after[:patch], atol=1e-5)
    assert not np.allclose(before[where:], after[where:], atol=1e-3)


def test_batch_padding_and_batch_size_change_nothing(model):
    music = [random_performance(seed, notes) for seed, notes in ((1, 60), (2, 7), (3, 1), (4, 33))]
    together = score(model, music)
    alone = [score(model, [performance], batch_events=1)[0] for performance in music]
    for a, b in zip(together, alone, strict=True):
        assert np.allclose(a.note_nats, b.note_nats, atol=1e-4)
        assert a.end_nll_nats == pytest.approx(b.end_nll_nats, abs=1e-4)


def test_windows_score_every_event_once_with_half_a_window_before_it():
    for length in range(1, 60):
        seen = np.zeros(length, dtype=int)
        for window in windows_of(0, length, 8):
            seen[window.score_from : window.stop] += 1
            assert window.stop - window.start <= 8
            assert window.start == window_start(window.score_from, 8)
            assert window.start == 0 or window.score_from - window.start >= 4
        assert (seen == 1).all()


def test_a_prefix_scores_as_inside_the_whole_piece(model):
    performance = random_performance(1, 90)
    cut = 60 // model.notes_per_patch * model.notes_per_patch
    rows = encode(performance, end=False)
    assert len(rows) > cut
    prefix_notes = int((rows[:cut, 0] < 400).sum())
    whole = score(model, [performance], excerpt=True)[0]
    prefix = score(model, [performance.excerpt(0, prefix_notes)], excerpt=True)[0]
    complete = prefix_notes - model.notes_per_patch  # a patch that the cut leaves open is another patch
    assert np.allclose(whole.note_nats[:complete], prefix.note_nats[:complete], atol=1e-4)


def test_attributes_sum_to_the_total_and_the_end_stands_apart(model, performances):
    for performance in performances:
        result = score(model, [performance])[0]
        assert result.notes == len(performance)
        assert sum(result.by_attribute.values()) == pytest.approx(result.nll_nats, rel=1e-9)
        assert set(result.by_attribute) >= {"time", "pitch", "duration", "velocity"}
        assert result.end_nll_nats > 0
        assert score(model, [performance], excerpt=True)[0].end_nll_nats is None
        if "code" in model.columns:
            assert result.code_nll_nats + result.note_nll_nats == pytest.approx(result.nll_nats)


def test_cached_steps_equal_one_pass(model):
    rows = encode(random_performance(2, 60))[: 12 * model.notes_per_patch]
    patches = torch.from_numpy(rows).view(1, -1, model.notes_per_patch, 4)
    start = torch.zeros(1, dtype=torch.bool)
    with torch.inference_mode():
        embedded = model.embed(patches)
        at_once = model.history(embedded, start)
        cache = KVCache(model.config, batch=1, capacity=16)
        states = [model.history(embedded[:, :3], start, cache)[:, -1]]
        states += [model.history.step(embedded[:, t], cache) for t in range(3, embedded.shape[1])]
    assert torch.allclose(torch.stack(states, dim=1), at_once[:, 3:], atol=1e-5)


def test_the_opening_symbol_matters_only_through_its_own_vector(model):
    result = score(model, [random_performance(1)])[0]
    excerpt = score(model, [random_performance(1)], excerpt=True)[0]
    assert not np.allclose(result.note_nats[0], excerpt.note_nats[0], atol=1e-3)


def test_one_batch_can_be_learned_by_heart():
    torch.manual_seed(1)
    model = EventGPT(TINY)
    events, valid = pad([encode(random_performance(7, 15))[:16]], 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        loss = model.event_nats(events, valid, torch.tensor([False])).sum() / 16
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 1.0


def test_fsq_indices_and_values_are_one_to_one():
    fsq = FSQ((3, 4, 2))
    indices = torch.arange(24)
    values = fsq.values_of(indices)
    assert len({tuple(v) for v in values.tolist()}) == 24
    logits = torch.logit(((values + 1) / 2).clamp(0.01, 0.99))
    quantised, again = fsq(logits)
    assert torch.equal(again, indices)
    assert torch.allclose(quantised, values, atol=1e-6)


def test_fsq_gradient_passes_the_rounding():
    x = torch.zeros(1, 3, requires_grad=True)
    FSQ((3, 4, 2))(x)[0].sum().backward()
    assert (x.grad > 0).all()


def test_a_code_depends_on_its_own_patch_alone():
    vqvae = randomised(VQVAE(VQVAEConfig(notes_per_patch=2, levels=(5, 5), width=16)))
    patches = torch.from_numpy(encode(random_performance(1, 40))[:20]).view(1, 10, 2, 4)
    _, codes = vqvae.encode(patches)
    for t in range(10):
        assert torch.equal(vqvae.encode(patches[:, t : t + 1])[1][:, 0], codes[:, t])
    assert torch.allclose(vqvae.values_of(codes), vqvae.encode(patches)[0], atol=1e-6)


def test_padding_carries_no_code_nats():
    model = randomised(code_gpt(3))
    row = encode(random_performance(1, 10))[:4]
    padded = np.concatenate([row, np.tile([END, 0, 0, 0], (5, 1))])
    events, _ = pad([padded], 3)
    valid = torch.arange(9)[None] < 4
    with torch.inference_mode():
        nats = model.event_nats(events, valid, torch.tensor([False]))
    assert (nats[0, 4:] == 0).all()
    assert (nats[0, :4, 4] > 0).all()


@pytest.mark.parametrize(
    ("kind", "model", "configs"),
    [
        ("events", EventGPT(TINY), {"gpt": TINY}),
        ("vqvae", code_gpt(2), {"gpt": TINY, "vqvae": code_gpt(2).vqvae_config}),
        (AUTOENCODER, VQVAE(VQVAEConfig(width=16)), {"vqvae": VQVAEConfig(width=16)}),
    ],
)
def test_saved_weights_come_back_in_bf16_precision(tmp_path, kind, model, configs):
    path = tmp_path / "model.safetensors"
    story = {"configs": {name: vars(config) for name, config in configs.items()}}
    save_model(path, randomised(model).state_dict(), kind=kind, story=story)
    loaded, loaded_story = load_model(path, kind=kind)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.bfloat16().float())
    assert loaded_story["vocabulary_hash"]


def test_weights_that_do_not_fit_are_refused_in_one_sentence(tmp_path):
    path = tmp_path / "events.safetensors"
    story = {"configs": {"gpt": vars(TINY)}}
    with pytest.raises(WeightsError, match="no such weights file"):
        load_model(path, kind="events")
    save_model(path, EventGPT(TINY).state_dict(), kind="events", story=story)
    with pytest.raises(WeightsError, match="holds a 'events' model where 'vqvae'"):
        load_model(path, kind="vqvae")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="truncated"):
        load_model(path, kind="events")
    torch.save(EventGPT(TINY).state_dict(), path)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_model(path, kind="events")
    state = EventGPT(TINY).state_dict()
    state.popitem()
    save_model(path, state, kind="events", story=story)
    with pytest.raises(WeightsError, match="does not fit"):
        load_model(path, kind="events")
