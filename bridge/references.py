"""`python -m bridge.references --data DIR`: the percentile references of the weights, from the test split of a corpus.

Symbolic views score windows of notes as excerpts, and what a transcriber hears in renderings of such windows, because
it has habits of its own; audio views score renderings of windows of seconds, on each SoundFont that is there in turn,
as they are, in a room and by another microphone, so that no one sound stands for all. The windows are drawn at random
with a fixed seed and spread evenly over the pieces. The results lie beside the weights. What was heard is kept in the
user's cache, so that references of other weights take no second hearing.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bridge.transcription.listening import RENDERING_RATE, Listener
from bridge.views.declarations import REPORTED
from bridge.views.notes import SymbolicScorer
from bridge.views.opening import OpenViews, open_views, view_names
from bridge.views.sound import AudioView
from losscal.cli import EXIT_DONE, in_range, log, prog_of, run
from losscal.errors import InputError
from losscal.processes.progress import bar
from losscal.references import REFERENCES_FILE, References, ViewReference
from losscal.settings import Count
from losscal.views import HEARD, HEARD_PREFIX, View
from symbolic.data.corpus import Corpus
from symbolic.data.excerpts import Length, SourcePiece, draw_in_turn, pieces_of_corpus

if TYPE_CHECKING:
    from audio.signal.waveform import Waveform
    from symbolic.notes.performance import Performance

NOTE_LENGTHS = (64, 256, 1024)
HEARD_LENGTHS = (64, 256)
RINGING_SECONDS = 1.0
"""Behind the last note, so that its end is heard."""
SECOND_LENGTHS = (10, 30, 120)
OTHER_SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
"""Where Debian's fluid-soundfont-gm puts it."""
CHANGES = (None, ("room", 0.8), ("microphone", 6.0))
"""What becomes of the sound of a window: names and amounts of audio.signal.corruption.CONTROLS."""
WITH_REFERENCES = tuple(name for name, view in REPORTED.items() if view.weights is not None)
SEED = 0


def render_window(
    performance: "Performance", seconds: float, sample_rate: int, soundfont: Path | None = None
) -> "Waveform":
    """Play a window's notes, on the default SoundFont where none is given, and cut what rings on after `seconds`."""
    from audio.signal.waveform import Waveform
    from bridge.render import render_notes

    samples = render_notes(performance, sample_rate=sample_rate, soundfont=soundfont)
    return Waveform(np.ascontiguousarray(samples[:, : round(seconds * sample_rate)]), sample_rate, "window")


def symbolic_references(
    scorers: Mapping[str, SymbolicScorer], pieces: Sequence[SourcePiece], count: int
) -> dict[str, dict[str, ViewReference]]:
    """References by view and name, of what each view declares, over `count` windows of each of NOTE_LENGTHS."""
    windows = {n_notes: _windows_of_notes(pieces, n_notes, count) for n_notes in NOTE_LENGTHS}
    asked = {name: Asked(scorer, scorer.view, scorer.weights_sha256) for name, scorer in scorers.items()}
    return _references_of_notes(asked, windows)


def heard_windows(pieces: Sequence[SourcePiece], count: int, listener: Listener) -> dict[int, list["Performance"]]:
    """What is heard in renderings of `count` windows of the longest of HEARD_LENGTHS, and parts of it, by their length.

    A window in which no note is heard is left out.
    """
    longest = max(HEARD_LENGTHS)
    heard = []
    windows = _windows_of_notes(pieces, longest, count)
    for window in bar(desc=f"hearing, {longest} notes", unit="window")(windows):
        sound = render_window(window, window.seconds + RINGING_SECONDS, RENDERING_RATE)
        try:
            heard.append(listener.hear(sound).cleaned.performance)
        except InputError as error:
            log(f"left out: {error}")
    return {
        n_notes: [part for whole in heard for part in _parts(whole, n_notes, longest // n_notes)]
        for n_notes in HEARD_LENGTHS
    }


def _parts(whole: "Performance", n_notes: int, count: int) -> list["Performance"]:
    """`count` parts of n_notes each, spread evenly; of fewer notes the whole."""
    starts = np.linspace(0, max(0, len(whole) - n_notes), count).astype(int)
    return [whole.excerpt(start, start + n_notes) for start in dict.fromkeys(starts.tolist())]


def heard_references(
    scorers: Mapping[str, SymbolicScorer], windows: Mapping[int, Sequence["Performance"]], listener: Listener
) -> dict[str, dict[str, ViewReference]]:
    """References by view and name, of what each view declares, over what `listener` heard in windows, by length."""
    asked = {
        name: Asked(scorer, scorer.view.of_heard_notes(), listener.heard_with(scorer.weights_sha256))
        for name, scorer in scorers.items()
    }
    return _references_of_notes(asked, windows)


def _windows_of_notes(pieces: Sequence[SourcePiece], n_notes: int, count: int) -> list["Performance"]:
    return draw_in_turn(pieces, Length(n_notes, "notes"), count, np.random.default_rng((SEED, n_notes)))


class Asked(NamedTuple):
    """A scorer and the view that it is asked as, its own or that of heard notes. made_with: see `ViewReference`."""

    scorer: SymbolicScorer
    view: View
    made_with: str


def _references_of_notes(
    asked: Mapping[str, Asked], windows: Mapping[int, Sequence["Performance"]]
) -> dict[str, dict[str, ViewReference]]:
    """References by view and name over windows by their length.

    Scorers are asked one after the other about the same windows, so that a model that two share reads them once.
    """
    values = {name: {reference.statistic: {} for reference in one.view.references} for name, one in asked.items()}
    for n_notes, of_length in windows.items():
        for name, (scorer, view, _) in asked.items():
            figures = [score.report() for score in scorer.score(of_length, excerpt=True)]
            for statistic, by_length in values[name].items():
                by_length[n_notes] = [of_window[statistic] for of_window in figures]
                median = np.median(by_length[n_notes])
                log(f"{view.name}: {len(of_length)} windows of {n_notes} notes, median {statistic} {median:.3f}")
    return {name: _references(one.view, one.made_with, values[name]) for name, one in asked.items()}


def varied_window(numbered: tuple[int, "Performance"], *, seconds: float, sample_rate: int) -> "Waveform":
    """A window's notes in the sound that its number stands for: each SoundFont in turn, then each of CHANGES."""
    from audio.signal.corruption import CONTROLS
    from bridge.synthesis.synthesiser import default_soundfont

    number, performance = numbered
    soundfonts = (default_soundfont(), *(path for path in (OTHER_SOUNDFONT,) if path.is_file()))
    again, which = divmod(number, len(soundfonts))
    waveform = render_window(performance, seconds, sample_rate, soundfonts[which])
    change = CHANGES[again % len(CHANGES)]
    if change is None:
        return waveform
    name, amount = change
    return CONTROLS[name](waveform, np.random.default_rng((SEED, number)), amount)


def audio_references(view: AudioView, pieces: Sequence[SourcePiece], count: int) -> dict[str, ViewReference]:
    """References by name, of what the view declares, over renderings of `count` windows of each of SECOND_LENGTHS.

    A statistic that the view does not give has none.
    """
    statistics = [reference.statistic for reference in view.view.references]
    values: dict[str, dict[int, list[float]]] = {}
    for seconds in SECOND_LENGTHS:
        windows = draw_in_turn(pieces, Length(seconds, "seconds"), count, np.random.default_rng((SEED, seconds)))
        rate = view.description.sample_rate
        rendered = map(partial(varied_window, seconds=seconds, sample_rate=rate), enumerate(windows))
        for waveform in bar(desc=f"{view.name}, {seconds} s", total=count, unit="window")(rendered):
            try:
                figures = view.score(waveform)
            except InputError as error:  # a window of rests, which is refused as a user's file would be
                log(f"left out: {error}")
                continue
            for statistic in statistics:
                if figures[statistic] is not None:
                    values.setdefault(statistic, {}).setdefault(seconds, []).append(figures[statistic])
    for statistic, of_length in values.items():
        medians = ", ".join(f"{np.median(of):.1f} ({len(of)} of {seconds} s)" for seconds, of in of_length.items())
        log(f"{view.name}: median {statistic} {medians}")
    return _references(view.view, view.description.weights_sha256, values)


def _references(
    view: View, weights_sha256: str, values: Mapping[str, Mapping[int, Sequence[float]]]
) -> dict[str, ViewReference]:
    """References by name, of the values by statistic and length."""
    return {
        view.name + reference.suffix: ViewReference.of_values(
            weights_sha256, reference.statistic, values[reference.statistic]
        )
        for reference in view.references
        if reference.statistic in values
    }


def _made_of_heard(
    views: OpenViews, names: Sequence[str], pieces: Sequence[SourcePiece], count: int
) -> dict[str, dict[str, ViewReference]]:
    """The references of those of the views of heard notes that are named, by view; none where nobody listens."""
    scorers = {view.name: scorer for view, scorer in views.scorers_of(HEARD) if view.name in names}
    if not scorers:
        return {}
    listening = views.with_listener(Listener())
    if listening.listener is None:
        log(f"left out, references of heard notes: {listening.not_heard}")
        return {}
    heard = heard_windows(pieces, count, listening.listener)
    return heard_references(scorers, heard, listening.listener)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog_of("bridge.references"), description="Make the percentile references of the weights."
    )
    parser.add_argument("--data", metavar="DIR", required=True, help="a corpus made by python -m symbolic.prepare")
    parser.add_argument(
        "--views", metavar="A,B", default=",".join(WITH_REFERENCES), help="views to make them of (default: %(default)s)"
    )
    parser.add_argument("--weights", metavar="DIR", help="folder of the weights, for the result too (default: shipped)")
    parser.add_argument(
        "--windows", type=in_range(Count), default=300, help="windows of notes of each length (default: %(default)s)"
    )
    parser.add_argument(
        "--heard-windows",
        type=in_range(Count),
        default=40,
        help="windows of notes that are rendered and heard (default: %(default)s)",
    )
    parser.add_argument(
        "--audio-windows", type=in_range(Count), default=60, help="windows of sound (default: %(default)s)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the references; raises InputError where the corpus or the arguments cannot be used."""
    options = build_parser().parse_args(arguments)
    pieces = pieces_of_corpus(Corpus.open(options.data))
    names = view_names(options.views)
    if others := set(names) - set(WITH_REFERENCES):
        raise InputError(
            f"--views {','.join(sorted(others))}: has no percentiles; choose of {','.join(WITH_REFERENCES)}."
        )
    views = open_views([*dict.fromkeys(name.removeprefix(HEARD_PREFIX) for name in names)], options.weights)
    for reason in views.unavailable.values():
        log(f"left out: {reason}")
    symbolic = {name: scorer for name, scorer in views.symbolic.items() if name in names}
    made = symbolic_references(symbolic, pieces, options.windows)
    made |= _made_of_heard(views, names, pieces, options.heard_windows)
    made |= {name: audio_references(view, pieces, options.audio_windows) for name, view in views.audio.items()}
    if not made:
        raise InputError(f"no view can be opened. {' '.join(views.unavailable.values())}")
    weights_dir = None if options.weights is None else Path(options.weights)
    paths = {view: (weights_dir or REPORTED[view].weights.folder) / REFERENCES_FILE for view in made}
    for path in sorted(set(paths.values())):
        by_name = dict(References.load([path]).by_view)
        for view, references in made.items():
            by_name |= references if paths[view] == path else {}
        References(by_name).save(path)
        log(f"written: {path}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
