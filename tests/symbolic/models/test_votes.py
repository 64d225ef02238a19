"""Which slots of a sketch have been played, and what votes for the notes of one."""

from dataclasses import replace

import torch
from tiny_models import TINY, randomised

from symbolic.models.phrases.codec import LEFT_OUT, NOTHING, PITCHES, Codes
from symbolic.models.phrases.model import PhraseGPT
from symbolic.models.phrases.teller import played_slots
from symbolic.models.phrases.votes import Heard, Votes
from symbolic.models.recall import FOLLOWING, Recalled
from symbolic.tokens.events import REST


def test_a_slot_is_played_once_a_note_of_its_pitch_sounds_near_its_onset():
    onset_ticks, pitch = torch.tensor([[0, 10, 10, 30]]), torch.tensor([[40, 50, PITCHES, 60]])
    slots = torch.tensor([[0, 1, LEFT_OUT, 2]])
    codes = Codes(torch.tensor([40]), slots, onset_ticks, pitch, torch.zeros(1, 4))
    # 50 at 13, before 40 at 13, too late to be slot 0; then 60 at 26; a rest
    events = torch.tensor([[[13, 50, 0, 0], [0, 40, 0, 0], [13, 60, 0, 0], [REST, 0, 0, 0]]])
    is_played, is_next = played_slots(events, codes)[0]
    assert is_played.tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 1]]
    assert is_next.tolist() == [[1, 0, 0, 0]] * 4
    in_time = events.clone()
    in_time[0, 0], in_time[0, 1] = torch.tensor([4, 40, 0, 0]), torch.tensor([5, 50, 0, 0])
    _, is_next = played_slots(in_time, codes)[0]
    assert is_next.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1]]


def recalled_notes(pitches, agreement):
    """What is recalled before one phrase: notes of these pitches 10 ticks apart."""
    events = torch.zeros(1, 1, FOLLOWING, 4, dtype=torch.long)
    events[0, 0, : len(pitches), 0], events[0, 0, : len(pitches), 1] = 10, torch.tensor(pitches)
    is_note = (torch.arange(FOLLOWING) < len(pitches))[None, None]
    return Recalled(events, is_note, torch.tensor([[agreement]]))


def test_notes_vote_for_their_own_pitches_and_what_is_no_note_for_none():
    votes = Votes(4, 16, heard_states=6)
    torch.nn.init.constant_(votes.lag, 1.0)
    torch.nn.init.constant_(votes.recalled.bias, 10.0)
    heard = Heard(
        torch.randn(1, 6, 16),
        torch.ones(1, 6, dtype=torch.bool),
        torch.tensor([[NOTHING, 30, 31, 30, NOTHING]]),
        recalled_notes([31, 40], 3),
    )
    found = votes(torch.randn(1, 4, 16), heard)
    expected = torch.zeros(PITCHES)
    expected[[30, 31, 40]] = torch.tensor([2.0, 11.0, 10.0])
    assert torch.allclose(found, expected.expand(1, 2, 4, PITCHES), atol=1e-6)


def test_what_is_recalled_speaks_for_its_slots_alone_and_nothing_for_none():
    head = randomised(PhraseGPT(TINY)).code_head
    found, other = (head.recalled(recalled_notes(p, 5), head.slot) for p in ([3, 4, 5, 6], [3, 4, 5, 7]))
    assert torch.equal(found[:, 1:4], other[:, 1:4])
    assert not torch.equal(found[:, 4], other[:, 4])
    assert not head.recalled(recalled_notes([], 0), head.slot).any()


def test_a_phrase_may_be_longer_than_what_is_recalled():
    head = randomised(PhraseGPT(replace(TINY, phrase_events=FOLLOWING + 2))).code_head
    found = head.recalled(recalled_notes([3] * FOLLOWING, 5), head.slot)
    assert found.shape[1] == 1 + FOLLOWING + 2 and not found[:, -2:].any() and found[:, :-2].any()
