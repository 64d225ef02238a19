"""New music from a model: pieces and continuations of a wanted length, each from a seed of its own.

`generate` draws one piece; `draw_pieces` draws several beside each other and tells what each cost. Pieces of one seed
are told apart by their numbers as candidates, and each comes out the same alone and in any batch. Each event sees the
window that it sees in `symbolic.scoring.likelihood`, so each value is drawn from the distribution that scores it, less
what the constraints (`symbolic.sampling.constraints`) and cuts (`symbolic.sampling.sampler`) take away. In the reading
of `vqvae` (`told`) the codes of phrases are drawn, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from losscal.processes.progress import Progress, unwatched
from symbolic.models.configs import USUAL_SAMPLING, SamplingConfig
from symbolic.models.phrases.model import PhraseGPT
from symbolic.notes.performance import TICK_SECONDS, Performance, end_at_restrikes
from symbolic.sampling.decoding.fast_layers import for_sampling
from symbolic.sampling.draws import Draws
from symbolic.sampling.forms import Form, Played, draw_form, fitted
from symbolic.sampling.pace import paces_of
from symbolic.sampling.stream import Draft, EventStream, WantedLength
from symbolic.tokens.events import ATTRIBUTES, decode, encode


@dataclass(frozen=True)
class DrawnPiece:
    """A drawn piece.

    Args:
        performance: all notes, the prompt's first.
        candidate: its number among the pieces of its seed.
        prompt_notes: notes of the prompt.
        drawn_nats: -log of the probability with which its new notes were drawn: under the constraints, at the
            temperature, after the cuts. What the unmasked model gives them is for `likelihood.score` to tell.
        end_nats: -log p of the end symbol behind the last note, unmasked; None where no ending was asked for.
        sections: of its form, if it has one.
    """

    performance: Performance
    candidate: int
    prompt_notes: int
    drawn_nats: float
    end_nats: float | None
    sections: tuple[Played, ...] = ()

    @property
    def new_notes(self) -> int:
        """How many notes were drawn."""
        return len(self.performance) - self.prompt_notes

    @property
    def new_seconds(self) -> float:
        """From the prompt's last onset, or from 0, to the last offset."""
        onsets = self.performance.notes["onset_ticks"]
        begins = int(onsets[self.prompt_notes - 1]) if self.prompt_notes else 0
        return self.performance.seconds - begins * TICK_SECONDS


def generate(
    model: PhraseGPT,
    *,
    seconds: float | None = None,
    notes: int | None = None,
    seed: int,
    told: bool = False,
    prompt: Performance | None = None,
    style: Tensor | None = None,
    sampling: SamplingConfig = USUAL_SAMPLING,
    ending: bool = True,
) -> Performance:
    """One piece, candidate 0 of `draw_pieces`."""
    return draw_pieces(
        model,
        seconds=seconds,
        notes=notes,
        seed=seed,
        told=told,
        prompt=prompt,
        style=style,
        sampling=sampling,
        ending=ending,
    )[0].performance


def draw_pieces(
    model: PhraseGPT,
    *,
    seconds: float | None = None,
    notes: int | None = None,
    seed: int,
    told: bool = False,
    candidates: Sequence[int] = (0,),
    prompt: Performance | None = None,
    style: Tensor | None = None,
    sampling: SamplingConfig = USUAL_SAMPLING,
    ending: bool = True,
    form: Form | Literal["auto"] = (),
    choose: Callable[[list[DrawnPiece]], list[DrawnPiece]] | None = None,
    batch_pieces: int = 8,
    heard: Callable[[EventStream], None] | None = None,
    progress: Progress = unwatched,
) -> list[DrawnPiece]:
    """Draw the numbered candidates of a seed, in the order given.

    Args:
        model: the phrase model.
        seconds: how far the new onsets go beyond the prompt's last onset (beyond 0 without one); or
        notes: how many notes to add.
        seed: with a candidate's number, decides its notes on a given machine, whatever else is drawn beside it.
        told: in the reading of `vqvae`, a code for each phrase first; else in that of `events`.
        candidates: numbers from 0.
        prompt: music to go on from; it opens the result unchanged.
        style: float [styles], weights of the model's composers and eras (`symbolic.models.styles`); None: of no style.
        sampling: temperature, cuts and repetition.
        ending: look for an end that the model takes for one near the wanted length (`symbolic.sampling.endings`);
            else stop short at the length.
        form: sections to draw each piece in (`symbolic.sampling.forms`), one piece after the other; "auto": as many as
            its length suggests; none, or a single one: in one go.
        choose: of all candidates, as far as they go without their endings, those to finish and return, in that order;
            an ending takes as long as many notes. Those in a form are finished by then. None: all.
        batch_pieces: how many pieces are drawn beside each other; changes memory and speed and no piece.
        heard: looks at what is drawn after each event, apart from what is tried out to find an ending.
        progress: wraps the notes, or hundredths of a second, of every draw, as tqdm does.

    Raises ValueError unless exactly one of `seconds` and `notes` is given, or where the form's sections are too short.
    """
    given = np.empty((0, len(ATTRIBUTES)), dtype=np.int64) if prompt is None else encode(prompt, end=False)
    length = WantedLength.of(seconds=seconds, notes=notes)
    paces = paces_of(candidates, seed, length.seconds, prompt) if sampling.pace_hold else {}
    draws = Draws(for_sampling(model), length, given, seed, told, style, sampling, progress, paces=paces, heard=heard)

    def piece(candidate: int, draft: Draft, end_nats: float | None, sections: tuple[Played, ...] = ()) -> DrawnPiece:
        notes = decode(np.concatenate([given, draft.events])).notes
        performance = Performance(end_at_restrikes(notes) if sections else notes)
        drawn_nats = float(draft.nats[-1]) if len(draft.nats) else 0.0
        return DrawnPiece(performance, candidate, 0 if prompt is None else len(prompt), drawn_nats, end_nats, sections)

    if form and len(form := fitted(form, length)) > 1:
        pieces = [piece(candidate, *draw_form(draws, candidate, form, ending=ending)) for candidate in candidates]
        return pieces if choose is None else choose(pieces)
    drafts: dict[int, Draft] = {}
    for first in range(0, len(candidates), batch_pieces):
        batch = candidates[first : first + batch_pieces]
        drafts |= zip(batch, draws.drafts([(candidate,) for candidate in batch], ending=ending), strict=True)
    if choose is not None:
        candidates = [chosen.candidate for chosen in choose([piece(*draft, None) for draft in drafts.items()])]
    if not ending:
        return [piece(candidate, drafts[candidate], None) for candidate in candidates]
    return [piece(candidate, *draws.with_ending((candidate,), drafts[candidate])) for candidate in candidates]
