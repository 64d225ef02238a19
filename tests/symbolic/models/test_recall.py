"""Recalling what followed where the last notes were heard before."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from music import random_performance
from tiny_models import TINY, randomised

from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.recall import AGREES, BEST, DIFFERS, FOLLOWING, SKIPPED, Recalled, Recollection
from symbolic.scoring.phrases import read_rows
from symbolic.tokens.events import REST, encode

PITCHES = np.random.default_rng(3).integers(0, 5, 120)  # few, so that much aligns


def row_of(pitches):
    """Events [S, 4] of these pitches, each otherwise like no other."""
    number = np.arange(len(pitches))
    return np.stack([1 + number, pitches, number % 32, 10 + number], axis=1).astype(np.int64)


def followed(row, reach=500, chunk=None):
    """What is recalled before each event of a row [S, 4], and after the last, chunk by chunk."""
    events, recollection = torch.from_numpy(row)[None], Recollection(1, reach)
    parts = [
        recollection.follow(part, from_now=index == 0)
        for index, part in enumerate(events.split(chunk or events.shape[1], dim=1))
    ]
    return Recalled(*(torch.cat(part, dim=1)[0] for part in zip(*parts, strict=True)))


def places_by_the_definition(keys, reach):
    """(event that each prefix's last one aligns with best, how well), one cell at a time."""
    found, before = [(None, 0)], {}
    for now in range(len(keys)):
        aligned = {}
        for past in range(max(0, now - reach), now):
            one, two, same = (before.get(past - step, 0) for step in (1, 2, 0))
            steps = [same - SKIPPED]
            steps += [one + AGREES, two - SKIPPED + AGREES] if keys[past] == keys[now] else [one - DIFFERS]
            aligned[past] = min(BEST, max(0, *steps))
        near = [past for past in aligned if past > now - reach]
        best = max(near, key=lambda past: (aligned[past], past), default=None)
        found.append((best, aligned[best]) if best is not None and aligned[best] else (None, 0))
        before = aligned
    return found


@pytest.mark.parametrize("reach", [30, 500])
def test_places_are_those_of_the_definition(reach):
    row = row_of(PITCHES)
    recalled = followed(row, reach)
    for position, (place, agreement) in enumerate(places_by_the_definition(PITCHES, reach)):
        assert recalled.agreement[position] == agreement
        if agreement:
            behind = row[place + 1 : min(place + 1 + FOLLOWING, position)]
            assert torch.equal(recalled.events[position, : len(behind)], torch.from_numpy(behind))
            assert recalled.is_note[position].tolist() == [True] * len(behind) + [False] * (FOLLOWING - len(behind))


@pytest.mark.parametrize("changed", ["nothing", "a note less", "a note more", "another note"])
def test_a_passage_that_returns_is_recalled_though_a_note_is_not_the_same(changed):
    passage, between = np.arange(20, 50), np.arange(60, 80)
    again = {
        "nothing": passage,
        "a note less": np.delete(passage, 10),
        "a note more": np.insert(passage, 10, 85),
        "another note": np.where(passage == 30, 86, passage),
    }[changed]
    recalled = followed(row_of(np.concatenate([passage, between, again])))
    start = len(passage) + len(between)
    told = recalled.events[start + 15 : start + len(again) - 1, 0, 1]
    assert told.tolist() == again[15:-1].tolist()


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_change_nothing_also_where_what_is_out_of_reach_is_dropped(chunk):
    row = row_of(PITCHES)
    assert all(torch.equal(*pair) for pair in zip(followed(row, 20), followed(row, 20, chunk), strict=True))


def test_nothing_is_recalled_from_beyond_its_reach():
    passage = np.arange(20, 40)
    row = row_of(np.concatenate([passage, np.arange(40, 80), passage]))
    assert followed(row, reach=70).agreement[-1] == len(passage)
    assert followed(row, reach=50).agreement[-1] == 0


def test_rests_and_what_is_no_event_are_no_notes():
    row = row_of(np.array([5, 6, 7, 8, 5, 6]))
    row[2] = REST, 0, 0, 0
    recalled = followed(row)
    assert recalled.events[-1, 0].tolist() == [REST, 0, 0, 0]
    assert recalled.is_note[-1].tolist() == [False] + [True] * 3 + [False] * (FOLLOWING - 4)
    recollection, nothing = Recollection(1, 50), torch.zeros((1, 9, 4), dtype=torch.int64)
    recollection.hear(nothing, torch.zeros((1, 9), dtype=torch.bool))
    assert recollection.follow(nothing[:, :1], from_now=True).agreement.sum() == 0


def test_rows_go_on_by_themselves():
    row, other = torch.from_numpy(row_of(PITCHES))[None], torch.from_numpy(row_of(PITCHES[::-1]))[None]
    recollection = Recollection(2, 500)
    recollection.follow(torch.cat([row, other])[:, :60], from_now=True)
    copies = recollection.rows(np.array([1, 0, 0]))
    recollection.follow(torch.cat([other, other])[:, 60:], from_now=False)  # the copies have not heard this
    expected = followed(row_of(PITCHES[::-1]))
    found = copies.follow(torch.cat([other, row, row])[:, 60:], from_now=False)
    assert torch.equal(found.agreement[0], expected.agreement[61:])
    assert torch.equal(found.events[1], followed(row_of(PITCHES)).events[61:])


@pytest.mark.parametrize(("build", "hears"), [(randomised, True), (PhraseGPT.eval, False)])
def test_the_model_hears_what_is_recalled_and_untrained_nothing_of_it(build, hears):
    row = encode(random_performance(4, 60))[:40]
    row = np.concatenate([row, row[:20]])
    nats = []
    for reach in (4, 64):
        torch.manual_seed(1)
        model = build(PhraseGPT(replace(TINY, window_events=4, recent_events=4, recall_events=reach)))
        nats.append(read_rows(model, [row], mid_piece=False, told=False)[0].event_nats)
    assert np.array_equal(*nats) != hears
