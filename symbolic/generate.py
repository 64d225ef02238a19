"""`python -m symbolic.generate`: new piano music in either reading of the model, or the continuation of a MIDI file.

Of several candidates the most typical of real music are kept, the best first. Two likelihoods are told: the model's own
of the new notes (unmasked), and that with which they were drawn (masked: under the grammar, at the temperature, after
the cuts).
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from losscal.cli import (
    EXIT_DONE,
    add_flags,
    add_overwrite_flag,
    add_weights_flag,
    check_new,
    config_from,
    file_to_write,
    flag_of,
    in_range,
    log,
    prog_of,
    run,
    write_result,
)
from losscal.midi import MIDI_SUFFIXES
from losscal.processes.progress import bar
from losscal.settings import Range, Seed
from symbolic.models.configs import USUAL_SAMPLING, SamplingConfig

if TYPE_CHECKING:
    from symbolic.models.phrases.model import PhraseGPT
    from symbolic.notes.performance import Performance
    from symbolic.sampling.pieces import DrawnPiece

DEFAULT_SECONDS = 60.0
LIST = "list"
"""Of --composer: no style, but a wish to see them all."""
Seconds = Annotated[float, Range(0.01, 3600)]
Notes = Annotated[int, Range(1, 100_000)]
Candidates = Annotated[int, Range(1, 1000)]
USUAL_CANDIDATES = 4
USUAL_WAYS = 8
"""Candidates between two pieces."""

OF_A_WHOLE_PIECE = ("form", "keep", "open_end", "preview")
NOT_TOGETHER = {
    "between": ("prompt", "redraw", *OF_A_WHOLE_PIECE),
    "redraw": ("seconds", "notes", "keep_seconds", "keep_notes", *OF_A_WHOLE_PIECE),
}


def read_by(module: str, function: str) -> Callable[[str], Any]:
    """A flag's type: what a function makes of its text, imported when there is one; ValueErrors are told as its."""

    def parse_text(text: str) -> Any:
        try:
            return getattr(import_module(module), function)(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_text


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog_of("symbolic.generate"), description=__doc__.replace("%", "%%"))
    out_help = "MIDI file; NEW_2.mid... for more"
    parser.add_argument("--out", type=file_to_write(*MIDI_SUFFIXES), metavar="NEW.mid", help=out_help)
    add_overwrite_flag(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=in_range(Seconds), help="length of the new music (default 60)")
    length.add_argument("--notes", type=in_range(Notes), help="length of the new music in notes, instead")
    form_help = (
        "sections, as A-B-A or A-A'-B-A (' varied), those of one letter share codes; A: in one go; auto, the default "
        "without a prompt: by the length, A-A'-B-A from a minute on"
    )
    form = read_by("symbolic.sampling.forms", "parse_form")
    parser.add_argument("--form", type=form, metavar="A-B-A", help=form_help)
    parser.add_argument("--open-end", action="store_true", help="stop short at the length, without an ending")
    parser.add_argument("--seed", type=in_range(Seed), default=1, help="decides the notes (default 1)")
    parser.add_argument("--model", choices=("events", "vqvae"), default="events", help="which model (default events)")
    add_weights_flag(parser)
    prompt = parser.add_argument_group("continuation")
    prompt.add_argument("--prompt", type=Path, metavar="IN.mid", help="MIDI file to continue; it opens the result")
    kept = prompt.add_mutually_exclusive_group()
    kept.add_argument("--keep-seconds", type=in_range(Seconds), help="keep what begins within its first seconds only")
    kept.add_argument("--keep-notes", type=in_range(Notes), help="keep its first notes only")
    between_help = "open and end the result with these; what is between them is drawn"
    prompt.add_argument("--between", nargs=2, type=Path, metavar=("FIRST.mid", "SECOND.mid"), help=between_help)
    redraw_help = "draw these seconds of --prompt anew, as 12-15.5; what is before and behind them stays"
    span = read_by("symbolic.sampling.joining", "parse_span")
    prompt.add_argument("--redraw", type=span, metavar="FROM-TO", help=redraw_help)
    style = parser.add_argument_group("style")
    blend = read_by("symbolic.models.styles", "parse_blend")
    style.add_argument(
        "--composer",
        type=blend,
        default={},
        metavar="A[:W],B[:W]",
        help='one or a blend of several; "list" lists those that the model knows, and writes nothing',
    )
    style.add_argument("--era", type=blend, default={}, metavar="A[:W],B[:W]", help="one or a blend of several")
    several = parser.add_argument_group("candidates")
    several.add_argument(
        "--candidates",
        type=in_range(Candidates),
        help=f"how many to draw (default {USUAL_CANDIDATES} for each to keep; 1 for weights without references)",
    )
    preview_help = "of one candidate: write NEW.mid as far as it is drawn, each time it has grown by so many seconds"
    several.add_argument("--preview", type=in_range(Seconds), metavar="SECONDS", help=preview_help)
    several.add_argument("--keep", type=in_range(Candidates), default=1, help="how many of them to write (default 1)")
    add_flags(parser.add_argument_group("drawing"), USUAL_SAMPLING)
    return parser


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's flags; exits with status 2 where they are wrong."""
    parser = build_parser()
    flags = parser.parse_args(argv)
    if flags.out is None and LIST not in flags.composer:
        parser.error("the following arguments are required: --out")
    if flags.candidates is not None and flags.keep > flags.candidates:
        parser.error(f"argument --keep: {flags.keep} is above --candidates {flags.candidates}; allowed is 1 up to it")
    if flags.prompt is None and (flags.keep_seconds or flags.keep_notes):
        parser.error("argument --keep-seconds, --keep-notes: they say how much of --prompt to keep; give one")
    drawn = flags.candidates or flags.keep
    if flags.preview and drawn > 1:
        parser.error(f"argument --preview: it lets hear one piece; allowed is --candidates 1, not {drawn}")
    if flags.guidance != 1 and not (flags.composer or flags.era):
        parser.error("argument --guidance: it weighs a style; give --composer or --era")
    for name, others in NOT_TOGETHER.items():
        for other in others if getattr(flags, name) else ():
            if getattr(flags, other) != parser.get_default(other):
                parser.error(f"argument --{name}: it does not go with {flag_of(other)}; leave one of them out")
    if flags.redraw and flags.prompt is None:
        parser.error("argument --redraw: it says which seconds of --prompt to draw anew; give one")
    if flags.seconds is None and flags.notes is None:
        flags.seconds = DEFAULT_SECONDS
    if flags.form is None:
        flags.form = () if flags.prompt or flags.between else "auto"
    return flags


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pieces and say of each how long and how likely it is and how it ends."""
    flags = parse(argv)
    if LIST in flags.composer:
        return list_composers(flags)
    paths = [flags.out, *(flags.out.with_stem(f"{flags.out.stem}_{rank}") for rank in range(2, flags.keep + 1))]
    check_new(paths, overwrite=flags.overwrite)

    from losscal.errors import InputError
    from losscal.references import FEW_NOTES
    from symbolic.models.styles import style_vector
    from symbolic.notes.performance import write_midi
    from symbolic.preview import Preview
    from symbolic.sampling.decoding.row_product import Arithmetic
    from symbolic.sampling.forms import fitted
    from symbolic.sampling.pieces import draw_pieces
    from symbolic.sampling.ranking import load_held_out, most_typical, require_held_out
    from symbolic.sampling.stream import WantedLength
    from symbolic.sampling.words import described
    from symbolic.scoring.likelihood import SymbolicScorer

    prompt = kept_prompt(flags)
    scorer = SymbolicScorer.load(flags.model, flags.weights)
    try:
        style = style_vector(scorer.model.config, flags.composer, flags.era)
    except ValueError as error:
        raise InputError(f"--composer, --era: {error}.") from error
    try:
        form = fitted(flags.form, WantedLength.of(seconds=flags.seconds, notes=flags.notes)) if flags.form else ()
    except ValueError as error:
        raise InputError(f"--form {error}.") from error
    how = {
        "seed": flags.seed,
        "told": scorer.told,
        "style": style,
        "sampling": config_from(flags, SamplingConfig),
        "progress": bar(unit="note" if flags.seconds is None else " x 10 ms"),
    }
    if flags.redraw:
        return redraw_span(flags, scorer.model, prompt, how)
    how |= {"seconds": flags.seconds, "notes": flags.notes}
    if flags.between:
        return join(flags, scorer.model, how)
    held_out = load_held_out(scorer, flags.weights)
    usual = 1 if held_out is None or flags.preview else USUAL_CANDIDATES
    candidates = flags.candidates or flags.keep * usual
    if candidates > flags.keep:
        require_held_out(held_out)

    def worth_finishing(pieces: list["DrawnPiece"]) -> list["DrawnPiece"]:
        ranked = most_typical(scorer, pieces, held_out)
        return pieces if any(one.standing is None for one in ranked) else [one.piece for one in ranked[: flags.keep]]

    pieces = draw_pieces(
        scorer.model,
        candidates=range(candidates),
        prompt=prompt,
        ending=not flags.open_end,
        form=form,
        choose=worth_finishing if candidates > flags.keep else None,
        heard=Preview(flags.out, flags.preview) if flags.preview else None,
        **how,
    )
    kept = most_typical(scorer, pieces, held_out)[: flags.keep]
    for path, one in zip(paths, kept, strict=False):
        write_midi(one.piece.performance, path)
        write_result(f"{path}: {described(one, flags.model)}")
    log(f"drawn by {Arithmetic.here()}; another arithmetic may draw other notes from the seed")
    if candidates > flags.keep:
        order = (
            "the most typical first" if kept[0].standing else f"in no order: fewer than {FEW_NOTES} notes tell nothing"
        )
        log(f"kept {flags.keep} of {candidates} candidates, {order}")
    return EXIT_DONE


def list_composers(flags: argparse.Namespace) -> int:
    """Write the composers that the model knows, and say which eras it knows."""
    from symbolic.scoring.likelihood import SymbolicScorer

    config = SymbolicScorer.load(flags.model, flags.weights).model.config
    write_result("\n".join(config.composers))
    log(f"and as --era: {', '.join(config.eras) or 'none'}")
    return EXIT_DONE


def join(flags: argparse.Namespace, model: "PhraseGPT", how: Mapping[str, Any]) -> int:
    """Write two pieces with new music between them, and say how the second goes on from it."""
    from symbolic.notes.cleaning import read_midi
    from symbolic.notes.performance import write_midi
    from symbolic.sampling.joining import draw_between
    from symbolic.sampling.words import seam_in_words

    first, second = (read_midi(path).performance for path in flags.between)
    candidates = range(flags.candidates or USUAL_WAYS)
    joined = draw_between(model, first, second, candidates=candidates, **how)
    write_midi(joined.performance, flags.out)
    told = seam_in_words(joined, "without them")
    write_result(f"{flags.out}: {told}; best of {len(candidates)} ways on")
    return EXIT_DONE


def redraw_span(flags: argparse.Namespace, model: "PhraseGPT", piece: "Performance", how: Mapping[str, Any]) -> int:
    """Write a piece with a span of it drawn anew, and say how it goes on behind it."""
    from losscal.errors import InputError
    from symbolic.notes.performance import write_midi
    from symbolic.sampling.joining import redraw
    from symbolic.sampling.words import seam_in_words

    candidates = range(flags.candidates or USUAL_WAYS)
    try:
        joined = redraw(model, piece, *flags.redraw, candidates=candidates, **how)
    except ValueError as error:
        raise InputError(f"--redraw {error}.") from error
    write_midi(joined.performance, flags.out)
    told = seam_in_words(joined, "as they were")
    write_result(f"{flags.out}: {told}; best of {len(candidates)} ways on")
    return EXIT_DONE


def kept_prompt(flags: argparse.Namespace) -> "Performance | None":
    """The part of the prompt's file that opens the result."""
    if flags.prompt is None:
        return None

    from symbolic.notes.cleaning import read_midi
    from symbolic.notes.performance import TICK_SECONDS

    prompt = read_midi(flags.prompt).performance
    kept = flags.keep_notes or len(prompt)
    if flags.keep_seconds is not None:
        kept = int((prompt.notes["onset_ticks"] * TICK_SECONDS < flags.keep_seconds).sum())
    return prompt.excerpt(0, kept)


if __name__ == "__main__":
    run(main)
