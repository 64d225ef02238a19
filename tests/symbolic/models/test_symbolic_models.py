"""The symbolic models: exact, causal, and the same by every route to a probability."""

from dataclasses import replace
from itertools import product
from math import log

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import MODELS, TINY, TINY_VQVAE, randomised

from losscal.errors import WeightsError
from symbolic.models.code_gpt import CodeGPT
from symbolic.models.event_gpt import EventGPT
from symbolic.models.fsq import FSQ
from symbolic.models.registry import load_model, save_model
from symbolic.models.vqvae import VQVAE, even_codes
from symbolic.scoring.likelihood import bound_nats, pad, score, window_start, windows_of
from symbolic.tokens.events import ATTRIBUTES, END, VOCABULARY, encode

pytestmark = pytest.mark.processor


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param]()


@pytest.fixture
def tiny_vocabulary(monkeypatch):
    """Two times, two pitches, two velocities, two durations, a rest and an end: music small enough to list."""
    for name, size in {"time": 4, "pitch": 2, "velocity": 2, "duration": 2}.items():
        monkeypatch.setitem(VOCABULARY, name, size)
    for module in ("symbolic.models.event_gpt", "symbolic.models.copying"):
        monkeypatch.setattr(f"{module}.REST", 2)
    monkeypatch.setattr("symbolic.models.copying.REST_TICKS", 2)
    monkeypatch.setattr("symbolic.tokens.events.END", 3)


TINY_REST, TINY_END = (2, 0, 0, 0), (3, 0, 0, 0)


def tiny_sequences(length):
    """All sequences of the tiny vocabulary that end at or before `length` events, and all that have not ended there."""
    going_on = [TINY_REST, *product(range(2), repeat=4)]
    for ended_at in range(length):
        yield from ((*events, TINY_END) for events in product(going_on, repeat=ended_at))
    yield from product(going_on, repeat=length)


def term_nats(model, rows, **style):
    """Nats [B, S, 4, terms] of events [S_i, 4], padded to the longest."""
    events, valid = pad([np.array(row) for row in rows])
    with torch.inference_mode():
        return model.event_nats(events, valid, torch.zeros(len(rows), dtype=torch.bool), **style).double()


def nats_of(model, rows):
    """Nats [B, S, 4] that count."""
    return bound_nats(term_nats(model, rows), model.terms).numpy()


@pytest.mark.parametrize(("kind", "term"), [("events", "value"), ("vqvae", "mixture")])
def test_the_probabilities_of_all_sequences_sum_to_one(tiny_vocabulary, kind, term):
    model = MODELS[kind]()
    nats = term_nats(model, list(tiny_sequences(3)))[..., model.terms.index(term)]
    assert float(torch.exp(-nats.sum((1, 2))).sum()) == pytest.approx(1.0, abs=1e-5)


def test_the_bound_never_exceeds_the_sum_over_all_codes(tiny_vocabulary):
    model = MODELS["vqvae"]()
    nats = term_nats(model, list(tiny_sequences(3)))
    bound = bound_nats(nats, model.terms).sum((1, 2))
    exact = nats[..., model.terms.index("mixture")].sum((1, 2))
    assert (bound > exact).all()
    assert 0 < float(torch.exp(-bound).sum()) < 1


def nats_by_code(model, rows):
    """-log p(code) and -log p(value | code) of every code, each {attribute: [B, S, K]}."""
    events, valid = pad([np.array(row) for row in rows])
    code_nats, value_nats = {}, {}

    def of_all_codes(attribute, hidden, copy_logits, value):
        size = model.vqvae_config.codebook_sizes[attribute]
        terms = [
            model.nats_given_code(attribute, hidden, copy_logits, value, torch.full_like(value, code))
            for code in range(size)
        ]
        by_code = torch.stack(terms, dim=-2).double()  # [B, S, K, terms]
        value_nats[attribute], code_nats[attribute], _ = by_code.unbind(-1)
        return model.attribute_nats(attribute, hidden, copy_logits, value)

    with torch.inference_mode():
        nats = model.walk_nats(events, valid, torch.zeros(len(rows), dtype=torch.bool), None, of_all_codes)
    return code_nats, value_nats, nats.double()


def test_the_mixture_is_the_sum_over_all_codes_and_a_sum_over_some_rises_to_it():
    model = MODELS["vqvae"]()
    row = encode(random_performance(4, 20), end=False)[:14]
    row = row[row[:, 0] < 400]
    code_nats, value_nats, nats = nats_by_code(model, [row])
    for index, attribute in enumerate(ATTRIBUTES):
        assert torch.exp(-code_nats[attribute]).sum(-1).numpy() == pytest.approx(1.0, abs=1e-5)
        joint = -code_nats[attribute] - value_nats[attribute]  # [1, S, K]
        exact = -nats[0, :, index, model.terms.index("mixture")]
        assert torch.allclose(joint.logsumexp(-1)[0], exact, atol=1e-4)
        own = model.vqvae.encode(torch.from_numpy(row))[:, index]
        bound = -bound_nats(nats[0, :, index], model.terms)
        assert torch.allclose(joint[0].gather(-1, own[:, None])[:, 0], bound, atol=1e-4)
        likeliest_first = code_nats[attribute].argsort(-1)
        partial = joint.gather(-1, likeliest_first).logcumsumexp(-1)
        assert (partial.diff(dim=-1) >= 0).all()
        assert (partial[..., 0] < partial[..., -1]).any()
        assert torch.allclose(partial[0, :, -1], exact, atol=1e-4)


def test_an_untrained_model_is_uniform():
    performance = random_performance(1)
    result = score(EventGPT(TINY), [performance], excerpt=True)[0]
    rests = len(encode(performance, end=False)) - len(performance)
    assert result.by_attribute["pitch"] == pytest.approx(result.notes * log(VOCABULARY["pitch"]), rel=1e-6)
    assert result.by_attribute["time"] == pytest.approx((result.notes + rests) * log(VOCABULARY["time"]), rel=1e-6)
    of_codes = score(CodeGPT(TINY, TINY_VQVAE), [performance], excerpt=True)[0]
    assert of_codes.mixture_nll_nats == pytest.approx(result.nll_nats, rel=1e-5)
    assert of_codes.nll_nats == pytest.approx(result.nll_nats, rel=1e-3)  # decoders leak a little into other codes


def test_a_code_model_starts_from_what_the_event_model_knows():
    events, codes = randomised(EventGPT(TINY)), CodeGPT(TINY, TINY_VQVAE).eval()
    codes.load_state_dict(events.state_dict(), strict=False)
    performance = random_performance(1)
    of_events, of_codes = (score(model, [performance])[0] for model in (events, codes))
    assert of_codes.mixture_nll_nats == pytest.approx(of_events.nll_nats, rel=0.02)  # decoders leak a little
    assert of_codes.nll_nats == pytest.approx(of_events.nll_nats, rel=0.02)


@pytest.mark.parametrize("column", range(4))
def test_a_changed_value_leaves_every_earlier_score_unchanged(model, column):
    row = encode(random_performance(4, 20))[:15]
    where = 9
    changed = row.copy()
    changed[where, column] = (changed[where, column] + 7) % 30
    before, after = nats_of(model, [row])[0], nats_of(model, [changed])[0]
    assert np.allclose(before[:where], after[:where], atol=1e-5)
    assert np.allclose(before[where, :column], after[where, :column], atol=1e-5)
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


def test_windows_are_one_pass_where_one_covers_all_and_start_afresh_where_not(model):
    music = random_performance(3, 45)
    rows = encode(music)
    assert (rows[:, 0] != 400).all()
    scored = score(model, [music])[0]
    first = nats_of(model, [rows[:16]])[0]
    assert np.allclose(scored.note_nats[:16], first, atol=1e-4)
    with torch.inference_mode():
        events, valid = pad([rows[8:24]])
        nats = bound_nats(model.event_nats(events, valid, torch.tensor([True])), model.terms)[0].double().numpy()
    assert np.allclose(scored.note_nats[16:24], nats[8:], atol=1e-4)


def test_a_prefix_scores_as_inside_the_whole_piece(model):
    performance = random_performance(1, 90)
    whole = score(model, [performance])[0]
    prefix = score(model, [performance.excerpt(0, 60)])[0]
    assert np.allclose(whole.note_nats[:60], prefix.note_nats, atol=1e-4)


def test_attributes_sum_to_the_total_and_the_end_stands_apart(model, performances):
    for performance in performances:
        result = score(model, [performance])[0]
        assert result.notes == len(performance)
        assert sum(result.by_attribute.values()) == pytest.approx(result.nll_nats, rel=1e-9)
        assert set(result.by_attribute) >= {"time", "pitch", "duration", "velocity"}
        assert result.end_nll_nats > 0
        assert score(model, [performance], excerpt=True)[0].end_nll_nats is None
        if "code" in model.terms:
            assert result.code_nll_nats + result.note_nll_nats == pytest.approx(result.nll_nats)
            assert result.mixture_nll_nats < result.nll_nats


def test_the_opening_symbol_matters_only_through_its_own_vector(model):
    result = score(model, [random_performance(1)])[0]
    excerpt = score(model, [random_performance(1)], excerpt=True)[0]
    assert not np.allclose(result.note_nats[0], excerpt.note_nats[0], atol=1e-3)


def test_a_style_changes_the_likelihood_and_no_style_is_the_plain_one(model):
    performance = random_performance(1)
    plain, silent, liszt, blend = (
        score(model, [performance], style=style)[0].nll_nats
        for style in (None, torch.zeros(3), torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.5, 0.5, 0.0]))
    )
    assert silent == pytest.approx(plain, rel=1e-6)
    assert len({round(nats, 3) for nats in (plain, liszt, blend)}) == 3


@pytest.mark.parametrize("kind", ["events", "vqvae"])
def test_one_batch_can_be_learned_by_heart(kind):
    torch.manual_seed(1)
    model = EventGPT(TINY) if kind == "events" else CodeGPT(TINY, TINY_VQVAE)
    if kind == "vqvae":
        model.freeze_codes()
    events, valid = pad([encode(random_performance(7, 15))[:16]])
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(200):
        nats = model.event_nats(events, valid, torch.tensor([False]))
        loss = bound_nats(nats, model.terms).sum() / 16
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


def test_a_code_depends_on_its_own_value_alone():
    vqvae = randomised(VQVAE(TINY_VQVAE))
    events = torch.from_numpy(encode(random_performance(1, 40))[:20])
    codes = vqvae.encode(events)
    assert all(torch.equal(vqvae.encode(events[t]), codes[t]) for t in range(20))
    shuffled = events[:, [0, 1, 2, 3]].clone()
    shuffled[:, 1] = shuffled[:, 1].flip(0)
    assert torch.equal(vqvae.encode(shuffled)[:, [0, 2, 3]], codes[:, [0, 2, 3]])


def test_what_a_code_decodes_to_is_what_its_grid_point_decodes_to():
    part = randomised(VQVAE(TINY_VQVAE)).attributes["time"]
    points, codes = part.codebook()
    assert torch.allclose(part.decode_all()[codes], part.decode(points), atol=1e-5)


@pytest.mark.parametrize("levels", [(3, 4), (8,), (5, 5, 4), (2, 3, 7)])
def test_values_start_evenly_spread_with_neighbours_side_by_side(levels):
    digits = even_codes(40, levels)
    assert ((digits >= 0) & (digits < torch.tensor(levels))).all()
    assert digits.diff(dim=0).abs().sum(-1).max() <= 1
    _, shares = digits.unique(dim=0, return_counts=True)
    size = np.prod(levels)
    assert len(shares) == min(40, size)
    assert shares.max() - shares.min() <= 1


def test_a_codebook_with_room_for_every_value_loses_nothing_whatever_its_weights():
    vqvae = VQVAE(replace(TINY_VQVAE, time_levels=(8, 8, 7), pitch_levels=(11, 8)))
    for name in ("time", "pitch"):
        part = vqvae.attributes[name]
        codes = part.codebook()[1]
        assert len(codes.unique()) == VOCABULARY[name]
        assert torch.equal(part.decode_all()[codes].argmax(-1), torch.arange(VOCABULARY[name]))
        assert part.encoder is None


def test_tables_follow_the_weights_and_are_kept_while_these_stay():
    part = randomised(VQVAE(TINY_VQVAE)).attributes["duration"]
    with torch.no_grad():
        table, (points, _) = part.decode_all(), part.codebook()
        assert part.decode_all() is table
        assert part.codebook()[0] is points
        part.output.bias.add_(1.0)
        assert torch.allclose(part.decode_all(), table + 1, atol=1e-5)
        part.load_state_dict({name: 2 * value for name, value in part.state_dict().items()})
        assert not torch.equal(part.codebook()[0], points)
    part.decode_all().sum().backward()
    assert part.output.bias.grad is not None


def test_the_autoencoder_alone_is_scored_by_the_same_function():
    vqvae = randomised(VQVAE(TINY_VQVAE))
    performance = random_performance(1)
    result = score(vqvae, [performance], excerpt=True)[0]
    part = vqvae.attributes["pitch"]
    pitch = torch.from_numpy(performance.notes["pitch"].astype(int)) - 21
    with torch.inference_mode():
        expected = -part.decode(part.codebook()[0]).log_softmax(-1)[pitch, pitch].double().sum()
    assert result.by_attribute["pitch"] == pytest.approx(float(expected), rel=1e-5)


def test_padding_carries_no_nats(model):
    row = encode(random_performance(1, 10))[:4]
    padded = np.concatenate([row, np.tile([END, 0, 0, 0], (5, 1))])
    valid = torch.arange(9)[None] < 4
    with torch.inference_mode():
        nats = model.event_nats(torch.from_numpy(padded)[None], valid, torch.tensor([False]))
    assert (nats[0, 4:] == 0).all()
    assert (nats[0, :4, 0] > 0).all()


@pytest.mark.parametrize(
    ("kind", "model", "configs"),
    [
        ("events", EventGPT(TINY), {"gpt": TINY}),
        ("vqvae", CodeGPT(TINY, TINY_VQVAE), {"gpt": TINY, "vqvae": TINY_VQVAE}),
        ("vqvae_autoencoder", VQVAE(TINY_VQVAE), {"vqvae": TINY_VQVAE}),
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
