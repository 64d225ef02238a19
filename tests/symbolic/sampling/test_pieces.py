"""Sampling: every output is playable, prompts are kept, a seed decides, and music ends where the model takes it to."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import READINGS, TINY, save_tiny, tiny_model

from benchmarks.generated_files import READERS
from losscal.references import References, ViewReference
from symbolic import generate as command
from symbolic.models.configs import USUAL_SAMPLING, SamplingConfig
from symbolic.notes.cleaning import read_midi
from symbolic.notes.performance import write_midi
from symbolic.sampling.decoding.row_product import Arithmetic
from symbolic.sampling.endings import window
from symbolic.sampling.pieces import draw_pieces, generate
from symbolic.sampling.stream import LARGEST_PULL_NATS, EventStream, WantedLength, guided
from symbolic.scoring.likelihood import SymbolicScorer, score
from symbolic.tokens.events import REST, encode

PROMPT = random_performance(3, 30)


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(params=READINGS)
def told(request):
    return READINGS[request.param]


@pytest.fixture(scope="module")
def shipped():
    return SymbolicScorer.load("events").model


def is_same(first, second):
    """The same notes at the same price: whatever the batch, but for a float32's rounding."""
    is_same_music = np.array_equal(first.performance.notes, second.performance.notes)
    return is_same_music and first.drawn_nats == pytest.approx(second.drawn_nats, rel=1e-5)


def is_every_note_closed(path):
    import mido

    messages = [message for message in mido.MidiFile(path) if message.type in ("note_on", "note_off")]
    return len(messages) == 2 * sum(message.type == "note_on" and message.velocity > 0 for message in messages)


def is_of_one_part(path):
    import pretty_midi
    import symusic

    return len(pretty_midi.PrettyMIDI(str(path)).instruments) == len(symusic.Score(str(path)).tracks) == 1


@pytest.mark.parametrize("seed", range(4))
def test_every_output_is_playable_and_reads_back_the_same_everywhere(model, told, seed, tmp_path):
    piece = generate(
        model, told=told, seconds=8, seed=seed, ending=False
    )  # Performance checks order, range and doubles itself
    path = tmp_path / "new.mid"
    write_midi(piece, path)
    cleaned = read_midi(path)
    assert np.array_equal(cleaned.performance.notes, piece.notes)
    assert cleaned.repairs == {}
    assert np.isfinite(score(model, [piece], told=told)[0].nll_nats)
    assert is_every_note_closed(path) and is_of_one_part(path)
    by_mido, *others = (sorted(read(path)) for read in READERS.values())
    assert len(by_mido) == len(piece)
    for other in others:
        assert np.allclose(by_mido, other, atol=1e-3)


def test_open_ended_music_stops_at_its_length(model, told):
    assert generate(model, told=told, seconds=8, seed=1, ending=False).notes["onset_ticks"][-1] <= 800
    assert len(generate(model, told=told, notes=25, seed=1, ending=False)) == 25
    assert len(generate(model, told=told, notes=25, seed=1, prompt=PROMPT, ending=False)) == 25 + len(PROMPT)


def test_the_seed_and_the_candidate_decide(model, told):
    first, again, other = (generate(model, told=told, notes=20, seed=seed, ending=False) for seed in (1, 1, 2))
    assert np.array_equal(first.notes, again.notes)
    assert not np.array_equal(first.notes, other.notes)
    numbered = draw_pieces(model, told=told, notes=20, seed=1, candidates=[0, 1], ending=False)
    assert np.array_equal(numbered[0].performance.notes, first.notes)
    assert not np.array_equal(numbered[1].performance.notes, first.notes)


@pytest.mark.processor
@pytest.mark.parametrize("prompt", [None, PROMPT])
def test_a_candidate_comes_out_the_same_in_every_batch(model, told, prompt):
    draw = partial(draw_pieces, model, told=told, notes=24, seed=5, prompt=prompt, ending=False)
    together, apart = draw(candidates=range(5)), draw(candidates=range(5), batch_pieces=3)
    assert all(map(is_same, together, apart))
    assert is_same(draw(candidates=[3])[0], together[3])


@pytest.mark.processor
def test_endings_are_the_same_in_every_batch(model, told):
    together = draw_pieces(model, told=told, notes=4, seed=5, candidates=range(2))
    alone = draw_pieces(model, told=told, notes=4, seed=5, candidates=[1])[0]
    assert is_same(alone, together[1])
    assert alone.end_nats == pytest.approx(together[1].end_nats, abs=1e-4)


def test_notes_are_drawn_on_one_thread_and_judged_on_all(model, told, monkeypatch, request):
    request.addfinalizer(lambda: torch.set_num_threads(1))
    torch.set_num_threads(2)
    step, threads = EventStream.next_events, []

    def watched(stream):
        threads.append(torch.get_num_threads())
        return step(stream)

    def choose(pieces):
        assert torch.get_num_threads() == 2
        return pieces

    monkeypatch.setattr(EventStream, "next_events", watched)
    draw_pieces(model, told=told, notes=4, seed=1, choose=choose)
    assert set(threads) == {1}
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("ending", [True, False])
def test_only_what_is_chosen_is_finished(model, told, ending):
    shown = []

    def choose(pieces):
        shown.extend(pieces)
        return [pieces[2], pieces[0]]

    draw = partial(draw_pieces, model, told=told, notes=24, seed=5, ending=ending)
    chosen = draw(candidates=range(4), choose=choose, batch_pieces=3)
    assert [(piece.candidate, piece.end_nats) for piece in shown] == [(number, None) for number in range(4)]
    alone = draw(candidates=[2, 0])
    assert all(map(is_same, chosen, alone))
    opening = shown[2].performance.notes[:4]
    assert np.array_equal(chosen[0].performance.notes[:4], opening)


@pytest.mark.processor
def test_a_candidate_of_the_shipped_model_comes_out_the_same_in_every_batch(shipped, told):
    together = draw_pieces(shipped, told=told, notes=40, seed=5, candidates=range(8), ending=False)
    for candidate in (0, 5):
        alone = draw_pieces(shipped, told=told, notes=40, seed=5, candidates=[candidate], ending=False)[0]
        assert is_same(alone, together[candidate])


@pytest.mark.parametrize("ending", [True, False])
def test_a_continuation_opens_with_its_prompt_unchanged(model, told, ending):
    piece = generate(model, told=told, notes=15, seed=1, prompt=PROMPT, ending=ending)
    assert np.array_equal(piece.notes[: len(PROMPT)], PROMPT.notes)
    assert len(piece) > len(PROMPT)
    assert piece.notes["onset_ticks"][len(PROMPT)] >= PROMPT.notes["onset_ticks"][-1]


def test_a_piece_ends_at_the_likeliest_place_of_its_window(model, told):
    least, most = window(WantedLength.of(seconds=None, notes=40))
    piece = draw_pieces(model, told=told, notes=40, seed=2)[0]
    assert least <= len(piece.performance) <= most
    assert score(model, [piece.performance])[0].end_nll_nats == pytest.approx(piece.end_nats, abs=1e-3)
    others = [generate(model, told=told, notes=n, seed=2, ending=False) for n in range(20, 60, 8)]
    anywhere = [of.end_nll_nats for of in score(model, others)]
    assert piece.end_nats < np.median(anywhere)


def replayed_nats(model, music, *, told):
    """-log p of every value of the music as the stream would draw it, float64 [S, 4], and the stream.

    told: under the codes of its phrases.
    """
    rows = encode(music, end=False)
    assert (rows[:, 0] < REST).all()
    events = torch.from_numpy(rows)[None]
    codes = model.encode(model.phrases(events, torch.ones(events.shape[:2], dtype=torch.bool))).numbers[0]
    script = []  # what is to be drawn, and whether it is a value
    for place, row in enumerate(rows.tolist()):
        if told and place % TINY.phrase_events == 0:
            script += [(code, False) for code in codes[place // TINY.phrase_events].tolist()]
        script += [(value, True) for value in row]
    replayed, nats = iter(script), []

    def replay(logits, counts):
        drawn, is_value = next(replayed)
        if is_value:
            nats.append(float(-logits.log_softmax(-1)[0, drawn]))
        return torch.tensor([drawn])

    stream = EventStream(model, replay, np.empty((0, 4), dtype=np.int64), told=told)
    for _ in rows:
        stream.next_events()
    return np.reshape(nats, (-1, 4)), stream


@pytest.fixture
def music():
    """Eleven phrases, beyond two windows of 16 events, without a rest."""
    return random_performance(3, 120).excerpt(0, 44)


@pytest.mark.processor
def test_values_are_drawn_from_the_distribution_that_scores_them(model, told, music, monkeypatch):
    monkeypatch.setattr("symbolic.sampling.constraints.Constraints.forbid", lambda *_: None)
    nats, stream = replayed_nats(model, music, told=told)
    assert np.allclose(nats, score(model, [music], told=told)[0].attribute_nats, atol=1e-4)
    assert np.array_equal(stream.events[0].numpy(), encode(music, end=False))


def test_the_constraints_only_renormalise(model, told, music):
    masked, _ = replayed_nats(model, music, told=told)
    unmasked = score(model, [music], told=told)[0].attribute_nats
    assert np.isfinite(masked).all()
    assert (masked <= unmasked + 1e-4).all()
    assert masked.sum() < unmasked.sum() - 0.1


def test_codes_that_are_drawn_cost_what_they_are_worth(model):
    piece = draw_pieces(model, notes=20, seed=1, told=True, ending=False)[0]
    plain = draw_pieces(model, notes=20, seed=1, ending=False)[0]
    assert piece.drawn_nats > plain.drawn_nats + 4 * np.log(2)  # a phrase's length alone is worth more


def test_cuts_make_the_drawn_likelihood_higher_than_the_models(model, told):
    piece = draw_pieces(model, told=told, notes=20, seed=1, sampling=SamplingConfig(top_k=3), ending=False)[0]
    assert piece.drawn_nats < score(model, [piece.performance], told=told)[0].nll_nats


def test_a_style_is_heard(model, told):
    plain = generate(model, told=told, notes=20, seed=1, ending=False)
    silent = generate(model, told=told, notes=20, seed=1, style=torch.zeros(3), ending=False)
    liszt = generate(model, told=told, notes=20, seed=1, style=torch.tensor([0.0, 5.0, 0.0]), ending=False)
    assert np.array_equal(plain.notes, silent.notes)
    assert not np.array_equal(plain.notes, liszt.notes)


def test_guidance_weighs_a_style_from_none_to_more_than_the_models_own(model, told):
    style = torch.tensor([0.0, 2.0, 0.0])

    def drawn(**settings):
        sampling = replace(USUAL_SAMPLING, **settings)
        return draw_pieces(model, told=told, notes=20, seed=1, style=style, sampling=sampling, ending=False)[0]

    own, none, more = (drawn(guidance=weight) for weight in (1.0, 0.0, 3.0))
    assert is_same(own, draw_pieces(model, told=told, notes=20, seed=1, style=style, ending=False)[0])
    assert not np.array_equal(more.performance.notes, own.performance.notes)
    assert not np.array_equal(none.performance.notes, own.performance.notes)


@pytest.mark.processor
def test_guided_pieces_are_the_same_in_every_batch(model, told):
    style, sampling = torch.tensor([0.0, 2.0, 0.0]), SamplingConfig(guidance=2.5)
    draw = partial(draw_pieces, model, told=told, seconds=4, seed=5, style=style, sampling=sampling)
    assert is_same(draw(candidates=[2])[0], draw(candidates=range(3))[2])


def test_guided_logits_lie_between_and_beyond_the_two_within_a_bound():
    both = torch.randn(4, 50, generator=torch.Generator().manual_seed(1)) * 4
    told, untold = both.log_softmax(-1).chunk(2)
    assert torch.allclose(guided(both, 1.0), told, atol=1e-6)
    pulled = (told - untold).abs() < LARGEST_PULL_NATS
    assert torch.allclose(guided(both, 0.0)[pulled], untold[pulled], atol=1e-5)
    assert torch.allclose(guided(both, 2.0)[pulled], (2 * told - untold)[pulled], atol=1e-5)
    assert (guided(both, 3.0) - told).abs().max() <= 2 * LARGEST_PULL_NATS + 1e-5
    assert not pulled.all()


def test_pieces_that_are_long_enough_leave_the_batch(model, told, monkeypatch):
    batches = []
    step = EventStream.next_events

    def watched(stream):
        batches.append(stream.batch)
        return step(stream)

    monkeypatch.setattr(EventStream, "next_events", watched)
    draw = partial(draw_pieces, model, told=told, seconds=60, seed=5, ending=False)
    together = draw(candidates=range(4), sampling=SamplingConfig(longest_repeat=4))
    assert batches[0] == 4
    assert batches[-1] < 4
    assert batches == sorted(batches, reverse=True)
    assert sum(batches) < 4 * len(batches)
    alone = draw(candidates=[1], sampling=SamplingConfig(longest_repeat=4))[0]
    assert is_same(alone, together[1])


@pytest.fixture
def weights(tmp_path):
    save_tiny(tmp_path, tiny_model())
    return tmp_path


def test_the_command_writes_what_was_drawn_and_tells_both_likelihoods(weights, capsys):
    out = weights / "new.mid"
    assert (
        command.main(["--notes", "20", "--open-end", "--overwrite", "--out", str(out), "--weights", str(weights)]) == 0
    )
    told = capsys.readouterr()
    assert "bits a note under events (unmasked)" in told.out
    assert "as drawn (masked)" in told.out
    assert "open end" in told.out
    assert f"drawn by {Arithmetic.here()};" in told.err
    model = SymbolicScorer.load("events", weights).model
    piece = generate(model, notes=20, seed=1, ending=False, sampling=USUAL_SAMPLING)
    assert np.array_equal(read_midi(out).performance.notes, piece.notes)


def test_the_command_keeps_the_most_typical_of_four_where_it_can_tell(weights, capsys):
    scorer = SymbolicScorer.load("events", weights)
    how = {"notes": 40, "seed": 1, "ending": False, "sampling": USUAL_SAMPLING}
    pieces = draw_pieces(scorer.model, candidates=range(4), **how)
    nats = [score.nll_nats for score in scorer.score([piece.performance for piece in pieces])]
    wanted = pieces[2]
    per_note, per_second = nats[2] / 40, nats[2] / wanted.performance.seconds
    values = {"events": ("nll_nats_per_note", per_note), "events_per_second": ("nll_nats_per_second", per_second)}
    References(
        {
            name: ViewReference.of_values(scorer.weights_sha256, statistic, {64: np.linspace(0, 2 * median, 101)})
            for name, (statistic, median) in values.items()
        }
    ).save(weights / "references.json")
    out = weights / "new.mid"
    flags = ["--overwrite", "--out", str(out), "--weights", str(weights)]
    assert command.main(["--notes", "40", "--open-end", *flags]) == 0
    assert np.array_equal(read_midi(out).performance.notes, wanted.performance.notes)
    told = capsys.readouterr()
    assert "likelier than 50 % of real music" in told.out
    assert "kept 1 of 4 candidates, the most typical first" in told.err
    assert command.main(["--notes", "5", "--open-end", "--keep", "2", *flags]) == 0
    told = capsys.readouterr()
    assert "real music" not in told.out
    assert "kept 2 of 8 candidates, in no order: fewer than 32 notes" in told.err


def test_the_command_keeps_the_wanted_part_of_a_prompt(weights, capsys):
    given, out = weights / "given.mid", weights / "new.mid"
    write_midi(PROMPT, given)
    common = [
        "--notes",
        "5",
        "--open-end",
        "--overwrite",
        "--out",
        str(out),
        "--weights",
        str(weights),
        "--prompt",
        str(given),
    ]
    assert command.main([*common, "--keep-notes", "12"]) == 0
    assert np.array_equal(read_midi(out).performance.notes[:12], PROMPT.notes[:12])
    assert "17 notes (12 of the prompt)" in capsys.readouterr().out
    assert command.main([*common, "--keep-seconds", "2"]) == 0
    kept = int((PROMPT.notes["onset_ticks"] < 200).sum())
    assert f"({kept} of the prompt)" in capsys.readouterr().out
