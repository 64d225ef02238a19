"""The counting baselines: exactly normalised whatever the data, and Kneser-Ney where it is worked out by hand."""

from itertools import product
from math import log

import numpy as np
import pytest
from music import random_performance

from benchmarks.peers import midilike
from benchmarks.peers.baselines import KneserNey, NoteMarkov, TokenMarkov, grams_of
from symbolic.tokens.events import ATTRIBUTES, REST, encode


def trained(order, vocabulary, *texts):
    return KneserNey(np.concatenate([grams_of(np.array(text), order, vocabulary) for text in texts]), order, vocabulary)


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("text", [[0], [0, 0, 0, 0], [0, 1, 2, 0, 1, 1, 2, 2, 0, 1]])
def test_all_sequences_sum_to_one(order, text):
    model = trained(order, 3, text)
    total = sum(np.exp(-model.nats(grams_of(np.array(words), order, 3)).sum()) for words in product(range(3), repeat=5))
    assert total == pytest.approx(1.0)


def test_kneser_ney_by_hand():
    """Text a b a b a c: the bigrams are start-a once, ab and ba twice, ac once."""
    model = trained(1, 3, [0, 1, 0, 1, 0, 2])
    bigram_discount = 3 / (3 + 2 * 3)  # two seen once, two seen twice, one added to each
    unigram_discount = 3 / (3 + 2 * 2)  # b and c follow one kind of word, a follows two
    unigram_a = (2 - unigram_discount) / 4 + 3 * unigram_discount / 4 / 3
    a_after_b = (2 - bigram_discount) / 2 + bigram_discount / 2 * unigram_a
    a_after_a = 2 * bigram_discount / 3 * unigram_a
    assert model.nats(grams_of(np.array([1, 0, 0]), 1, 3))[1:] == pytest.approx([-log(a_after_b), -log(a_after_a)])


def test_a_word_sees_only_the_order_words_before_it():
    words = np.array([1, 2, 0, 2, 1, 0, 0, 1])
    changed = words.copy()
    changed[2] = 1
    is_other = grams_of(words, 3, 3) != grams_of(changed, 3, 3)
    assert np.flatnonzero(is_other).tolist() == [2, 3, 4, 5]


def test_a_unigram_model_of_notes_pays_for_times_of_rests_but_not_for_their_pitches():
    music = [random_performance(seed, 120) for seed in range(3)]
    model = NoteMarkov(music, 0)
    events = encode(music[0], end=False)
    assert (events[:, 0] == REST).any()
    for index, name in enumerate(ATTRIBUTES):
        values = events[:, index] if name == "time" else events[events[:, 0] < REST, index]
        assert model.nats(music[0])[index] == pytest.approx(model.models[name].nats(values).sum())


def test_context_pays_where_the_music_repeats_itself():
    music = random_performance(1, 40)
    for kind in (NoteMarkov, TokenMarkov):
        by_order = [kind([music] * 3, order).nats(music).sum() for order in (0, 1, 3)]
        assert by_order[2] < by_order[1] < by_order[0]


def test_a_token_model_scores_every_token():
    music = [random_performance(seed, 40) for seed in range(2)]
    model = TokenMarkov(music, 0)
    words = midilike.encode(music[0]) - midilike.NOTE_ON
    assert model.nats(music[0]) == pytest.approx([sum(model.model.nats(np.array([word]))[0] for word in words)])
