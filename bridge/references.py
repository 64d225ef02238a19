"""`python -m bridge.references --data DIR`: the percentile references of the weights, from the test split of a corpus.

Symbolic views score windows of notes as excerpts; audio views score renderings of windows of seconds. The windows are
drawn at random with a fixed seed and spread evenly over the pieces. The results lie beside the weights.
"""

import argparse
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bridge.views.declarations import VIEWS
from bridge.views.notes import SymbolicScorer
from bridge.views.opening import SHIPPED_VIEWS, open_views, view_names
from bridge.views.sound import AudioView
from losscal.cli import EXIT_DONE, in_range, log, run
from losscal.errors import InputError
from losscal.references import REFERENCES_FILE, References, ViewReference
from losscal.settings import Count
from losscal.views import View
from symbolic.data.corpus import Corpus
from symbolic.data.excerpts import Length, SourcePiece, draw_in_turn, pieces_of_corpus

if TYPE_CHECKING:
    from audio.signal.waveform import Waveform
    from symbolic.notes.performance import Performance

NOTE_LENGTHS = (64, 256, 1024)
SECOND_LENGTHS = (10, 30, 120)
SEED = 0


def render_window(
    performance: "Performance", seconds: float, sample_rate: int, soundfont: Path | None = None
) -> "Waveform":
    """Play a window's notes, on the default SoundFont where none is given, and cut what rings on after `seconds`."""
    from audio.signal.waveform import Waveform
    from bridge.render import render_notes

    samples = render_notes(performance, sample_rate=sample_rate, soundfont=soundfont)
    return Waveform(np.ascontiguousarray(samples[:, : round(seconds * sample_rate)]), sample_rate, "window")


def symbolic_references(scorer: SymbolicScorer, pieces: Sequence[SourcePiece], count: int) -> dict[str, ViewReference]:
    """References by name, of what the view declares, over `count` windows of each of NOTE_LENGTHS."""
    statistics = [reference.statistic for reference in scorer.view.references]
    values: dict[str, dict[int, list[float]]] = {statistic: {} for statistic in statistics}
    for n_notes in NOTE_LENGTHS:
        windows = draw_in_turn(pieces, Length(n_notes, "notes"), count, np.random.default_rng((SEED, n_notes)))
        figures = [score.report() for score in scorer.score(windows, excerpt=True)]
        for statistic, of_length in values.items():
            of_length[n_notes] = [of_window[statistic] for of_window in figures]
            median = np.median(of_length[n_notes])
            log(f"{scorer.name}: {count} windows of {n_notes} notes, median {statistic} {median:.3f}")
    return _references(scorer.view, scorer.weights_sha256, values)


def audio_references(view: AudioView, pieces: Sequence[SourcePiece], count: int) -> dict[str, ViewReference]:
    """References by name, of what the view declares, over renderings of `count` windows of each of SECOND_LENGTHS.

    A statistic that the view does not give has none.
    """
    from tqdm import tqdm

    statistics = [reference.statistic for reference in view.view.references]
    values: dict[str, dict[int, list[float]]] = {}
    for seconds in SECOND_LENGTHS:
        windows = draw_in_turn(pieces, Length(seconds, "seconds"), count, np.random.default_rng((SEED, seconds)))
        rate = view.description.sample_rate
        rendered = map(partial(render_window, seconds=seconds, sample_rate=rate), windows)
        for waveform in tqdm(rendered, desc=f"{view.name}, {seconds} s", total=count, unit="window", disable=None):
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bridge.references", description="Make the percentile references of the weights."
    )
    parser.add_argument("--data", metavar="DIR", required=True, help="a corpus made by python -m symbolic.prepare")
    parser.add_argument(
        "--views", metavar="A,B", default=",".join(SHIPPED_VIEWS), help="views to make them of (default: %(default)s)"
    )
    parser.add_argument("--weights", metavar="DIR", help="folder of the weights, for the result too (default: shipped)")
    parser.add_argument(
        "--windows", type=in_range(Count), default=300, help="windows of notes of each length (default: %(default)s)"
    )
    parser.add_argument(
        "--audio-windows", type=in_range(Count), default=60, help="windows of sound (default: %(default)s)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the references; raises InputError where the corpus or the arguments cannot be used."""
    options = _parser().parse_args(arguments)
    pieces = pieces_of_corpus(Corpus.open(options.data))
    names = view_names(options.views)
    if others := set(names) - set(SHIPPED_VIEWS):
        raise InputError(
            f"--views {','.join(sorted(others))}: has no percentiles; choose of {','.join(SHIPPED_VIEWS)}."
        )
    views = open_views(names, options.weights)
    for reason in views.unavailable.values():
        log(f"left out: {reason}")
    made = {name: symbolic_references(scorer, pieces, options.windows) for name, scorer in views.symbolic.items()}
    made |= {name: audio_references(view, pieces, options.audio_windows) for name, view in views.audio.items()}
    if not made:
        raise InputError(f"no view can be opened. {' '.join(views.unavailable.values())}")
    weights_dir = None if options.weights is None else Path(options.weights)
    paths = {view: (weights_dir or VIEWS[view].weights.folder) / REFERENCES_FILE for view in made}
    for path in sorted(set(paths.values())):
        by_name = dict(References.load([path]).by_view)
        for view, references in made.items():
            by_name |= references if paths[view] == path else {}
        References(by_name).save(path)
        log(f"written: {path}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
