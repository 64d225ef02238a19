"""Music with a form: sections like A-B-A, those of one letter sharing the codes of their phrases.

A section that is new goes on from what has been played, up to a place where a piece might end. One that returns is told
the codes of its first time, phrase by phrase, and plays their notes anew: the sketch holds, what it leaves open is
drawn from the present past. A return (A) is told codes of as many bits as tell every note, so that it repeats what
real music repeats, with another touch; a varied one (A') codes of the usual bits, about half of the notes, so that more
of it is open, and A'' half of these. Codes are not drawn ahead of the notes: nothing here knows how likely codes are
without the notes before them.
"""

import re
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

import numpy as np
import torch

from losscal.settings import require
from symbolic.models.phrases.codec import TOGETHER_TICKS
from symbolic.models.phrases.config import PhraseConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import TICK_SECONDS
from symbolic.sampling.decoding.incremental import PlannedPhrase
from symbolic.sampling.draws import Draws, Key
from symbolic.sampling.stream import NOTHING_DRAWN, Draft, WantedLength, joined
from symbolic.scoring.phrases import notes_of
from symbolic.tokens.events import REST, REST_TICKS

MOST_SECTIONS = 32
LEAST_NOTES, LEAST_TICKS = 32, 400
"""A section has at least so much room."""
AUTO = "auto"
AUTO_FORMS = ((60, "A"), (240, "A-A'-B-A"))
"""Seconds, and the form of pieces that are shorter."""
LONGEST_FORM = "A-B-A'-C-A"
TICKS_PER_SECOND = round(1 / TICK_SECONDS)


@dataclass(frozen=True)
class Section:
    """A letter, and how many times it is primed: how far it is varied from the first of its letter."""

    letter: str
    primes: int = 0

    def __str__(self) -> str:
        return self.letter + "'" * self.primes

    def rate(self, config: PhraseConfig) -> int:
        """Of the codes that it is told where it returns: with a second prime half of the bits of the notes."""
        return 1 + ceil((config.rates - 1) / 2 ** max(0, self.primes - 1))


@dataclass(frozen=True)
class Played:
    """A section as it was played: notes first_note.. up to stop_note - 1 of the piece."""

    section: Section
    first_note: int
    stop_note: int


Form = tuple[Section, ...]


def parse_form(text: str) -> Form | Literal["auto"]:
    """ "A-A'-B-A" to its sections, and "auto" as it is.

    Raises ValueError for what is no form, or varies a section that was not played.
    """
    if text == AUTO:
        return AUTO
    names = text.split("-")
    require(
        all(re.fullmatch("[A-Z]'{0,2}", name) for name in names) and len(names) <= MOST_SECTIONS,
        f"{text}: allowed is {AUTO}, or up to {MOST_SECTIONS} letters from A to Z between hyphens, a varied return "
        "with one or two primes behind its letter, as in A-B-A'",
    )
    sections = tuple(Section(name[0], len(name) - 1) for name in names)
    for number, section in enumerate(sections):
        is_new = section.letter not in {earlier.letter for earlier in sections[:number]}
        require(
            not (is_new and section.primes),
            f"{text}: {section} varies what was not played; allowed is {section} somewhere after {section.letter}",
        )
    return sections


def fitted(form: Form | Literal["auto"], length: WantedLength) -> Form:
    """The sections of a piece of this length; raises ValueError where it is too short for them."""
    one, unit, least = (1, "notes", LEAST_NOTES) if length.is_in_notes else (TICKS_PER_SECOND, "seconds", LEAST_TICKS)
    if form == AUTO:
        form = parse_form(next((form for limit, form in AUTO_FORMS if length.seconds < limit), LONGEST_FORM))
    require(
        len(form) == 1 or length.amount >= least * len(form),
        f"{'-'.join(map(str, form))}: {length.amount / one:g} {unit} are too short for {len(form)} sections; "
        f"allowed is from {least * len(form) / one:g} {unit} on",
    )
    return form


def draw_form(
    draws: Draws, candidate: int, form: Form, *, ending: bool
) -> tuple[Draft, float | None, tuple[Played, ...]]:
    """A piece in this form, drawn section by section: its new events, the nats of its end if it has one, its sections.

    `draws.length` is that of the whole piece; what is given belongs to the first section.
    """
    share = replace(draws.length, amount=draws.length.amount // len(form))
    piece, end_nats, played = NOTHING_DRAWN, None, []
    first_times: dict[str, np.ndarray] = {}  # events by letter
    for number, section in enumerate(form):
        key, is_last = (candidate, number), number == len(form) - 1
        here = replace(draws, length=share, given=np.concatenate([draws.given, piece.events]))
        if section.letter in first_times:
            here = returning(here, key, section, first_times[section.letter])
        if is_last:
            (drawn,) = here.drafts([key], ending=ending)
            if ending:
                drawn, end_nats = here.with_ending(key, drawn)
        elif here.plan:
            drawn = here.events(key, len(first_times[section.letter]))
        else:
            drawn = closed(here, key)
        piece = joined(piece, drawn)
        start, events = len(here.given) if number else 0, np.concatenate([draws.given, piece.events])
        first_times.setdefault(section.letter, events[start:])
        played.append(Played(section, notes_of(events[:start]), notes_of(events)))
    return piece, end_nats, tuple(played)


def returning(here: Draws, key: Key, section: Section, first_time: np.ndarray) -> Draws:
    """The draws of a section that returns, told the codes of its first time, events int64 [S, 4], after a pause."""
    first_time = first_time.copy()
    first_time[0, 0] = _pause_ticks(here, key, first_time)
    size = here.model.config.phrase_events
    opening, *others = planned(here.model, first_time, section.rate(here.model.config), every_note=not section.primes)
    opening = opening._replace(pause_ticks=int(first_time[0, 0]))
    plan = dict(enumerate([opening, *others], len(here.given) // size))
    extent = int(here.length.grown_by(first_time).sum())
    return replace(here, length=replace(here.length, amount=extent), plan=plan)


def planned(model: PhraseGPT, events: np.ndarray, rate: int, *, every_note: bool = False) -> list[PlannedPhrase]:
    """The codes, of this rate, of the whole phrases of events int64 [S, 4].

    every_note: whatever the notes cost, they are told.
    """
    size = model.config.phrase_events
    whole = torch.from_numpy(events[: len(events) // size * size])[None]
    phrases = model.phrases(whole, torch.ones(whole.shape[:2], dtype=torch.bool))
    rates = torch.full_like(phrases.whole, rate, dtype=torch.int64)
    codes = model.encode_every_note(phrases) if every_note else model.encode(phrases, rates)
    return [
        PlannedPhrase(codes.map(lambda part, number=number: part[:, number : number + 1]), rate)
        for number in range(phrases.whole.shape[1])
    ]


def _pause_ticks(here: Draws, key: Key, first_time: np.ndarray) -> int:
    """Before a return as long as the model likes, but no shorter than most steps of the section."""
    times = first_time[1:, 0]
    steps = times[(times > TOGETHER_TICKS) & (times < REST)]
    drawn = int(here.events((*key, 0), 1).events[0, 0])
    return min(max(drawn, int(np.median(steps)) if len(steps) else 0), REST_TICKS - 1)


def closed(here: Draws, key: Key) -> Draft:
    """A new section, brought to a likely end of a piece where a phrase ends, too."""
    size = here.model.config.phrase_events
    (draft,) = here.drafts([key], ending=True)
    drawn, _ = here.with_ending(key, draft, rounds=1, every_events=size)
    missing = -(len(here.given) + len(drawn.events)) % size
    if not missing:
        return drawn
    rest = replace(here, given=np.concatenate([here.given, drawn.events])).events((*key, 1), missing)
    return joined(drawn, rest)
