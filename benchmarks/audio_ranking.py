"""`python -m benchmarks.audio_ranking`: does the audio model prefer music, and what does it not mind?

Excerpts of test pieces are rendered and compared with what is made of them. First table: the share of excerpts that a
score prefers to their other version, a tie counting one half, and what it refuses being lost; * marks what the
background model was trained on. Nobody can say beforehand which way note density, RMS and compressed bits point, so
each points where it does better over all corruptions. Second table: how far LLR/s is ahead of the other scores on 10 %
of wrong notes, and Spearman's rank correlation of a score with the share of wrong notes within the versions of an
excerpt. Third table: how much the controls change LLR/s, also as a share of what 10 % of wrong notes do; a control is
neutral where the whole interval lies within 5 % of that. Intervals: 95 %, bootstrap over pieces.
"""

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.audio_cases import (
    CASES,
    CONTROLS,
    CORRUPTED,
    NOTE_CASES,
    WRONG_NOTE_SHARES,
    Studio,
    adversaries,
    excerpts_of_seconds,
    note_case,
    takes_of,
)
from benchmarks.audio_costs import LLR, UNDIRECTED, Judge, costs_of, open_panel
from benchmarks.excerpts import excerpt_parser
from benchmarks.ranking import wins
from benchmarks.statistics import bootstrap_interval, markdown_table, mean, with_interval
from losscal.cli import EXIT_DONE, run, write_result
from symbolic.corpus import Corpus
from symbolic.performance import Performance

Costs = dict[tuple[str, str], np.ndarray]
"""Costs by version and column: float64 [pieces, per_piece], infinite where refused."""

OTHER_SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
ORIGINAL = "original"
YARDSTICK = note_case("wrong_notes", 0.1)
NEUTRAL_SHARE = 0.05


def all_costs(excerpts: Sequence[Performance], per_piece: int, studio: Studio, judges: Sequence[Judge]) -> Costs:
    """Every version of every excerpt, in the order of the table: the original, CASES, the adversaries."""
    from tqdm import tqdm

    fixed = {name: costs_of(take, judges) for name, take in adversaries(studio).items()}
    rows = []
    for number, excerpt in enumerate(tqdm(excerpts, desc="ranking", unit="excerpt", mininterval=10)):
        takes = zip((ORIGINAL, *CASES), takes_of(excerpt, studio, number), strict=True)
        rows.append({version: costs_of(take, judges) for version, take in takes} | fixed)
    columns = dict.fromkeys(column for row in rows for column in row[ORIGINAL])
    return {
        (version, column): np.array([row[version].get(column, np.inf) for row in rows]).reshape(-1, per_piece)
        for version in rows[0]
        for column in columns
    }


def names(costs: Mapping[tuple[str, str], np.ndarray], axis: int) -> list[str]:
    """The versions (axis 0) or the columns (axis 1), each once."""
    return list(dict.fromkeys(key[axis] for key in costs))


def won(costs: Costs, version: str, column: str) -> np.ndarray:
    """1 where the original is preferred to a version, 0 where that is, 0.5 where neither: [pieces, per_piece]."""
    return wins(costs[ORIGINAL, column], costs[version, column])


def in_their_favour(costs: Costs) -> Costs:
    """The baselines of UNDIRECTED turned, where that makes them better, and named by what they now prefer."""
    turned = {key: values for key, values in costs.items() if key[1] not in UNDIRECTED}
    for column in UNDIRECTED:
        prefers_lower = np.mean([won(costs, version, column) for version in CORRUPTED]) >= 0.5
        for version in names(costs, 0):
            values = costs[version, column]
            is_turned = np.isfinite(values) & (not prefers_lower)
            turned[version, f"{'lower' if prefers_lower else 'higher'} {column}"] = np.where(is_turned, -values, values)
    return turned


def ranking_rows(costs: Costs, rules: Collection[str]) -> list[list[str]]:
    """The first table; rules are the corruptions that the background model was trained on."""
    known = {case for case, (name, _) in NOTE_CASES.items() if name in rules}
    return [
        [version + " *" * (version in known)]
        + [with_interval(won(costs, version, column), mean, ".3f") for column in names(costs, 1)]
        for version in names(costs, 0)
        if version != ORIGINAL
    ]


def rank_correlation(costs: np.ndarray) -> np.ndarray:
    """Spearman's correlation of costs [..., versions] with the versions' order, 0 where all cost the same: [...]."""
    from scipy.stats import rankdata

    ranks = rankdata(costs, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    order = np.arange(costs.shape[-1]) - (costs.shape[-1] - 1) / 2
    norm = np.sqrt((ranks**2).sum(axis=-1) * (order**2).sum())
    return np.divide(ranks @ order, norm, out=np.zeros(norm.shape), where=norm > 0)


def score_rows(costs: Costs) -> list[list[str]]:
    """The second table."""
    severities = [ORIGINAL, *(note_case("wrong_notes", share) for share in WRONG_NOTE_SHARES)]
    rows = []
    for column in names(costs, 1):
        ahead = won(costs, YARDSTICK, LLR) - won(costs, YARDSTICK, column)
        correlation = rank_correlation(np.stack([costs[version, column] for version in severities], axis=-1))
        figures = "" if column == LLR else with_interval(ahead, mean, "+.3f"), with_interval(correlation, mean, ".3f")
        rows.append([column, *figures])
    return rows


def share_of_yardstick(rows: np.ndarray) -> float:
    """The mean of the first of [..., 2] by the mean of the second."""
    return float(rows[..., 0].mean() / rows[..., 1].mean())


def control_rows(costs: Costs) -> list[list[str]]:
    """The third table: control, change of LLR/s, that as a share, its size without sign as a share, verdict."""
    yardstick = costs[YARDSTICK, LLR] - costs[ORIGINAL, LLR]
    rows = []
    for control in CONTROLS:
        change = costs[control, LLR] - costs[ORIGINAL, LLR]
        shares, sizes = (np.stack([values, yardstick], axis=-1) for values in (change, np.abs(change)))
        low, high = bootstrap_interval(shares, share_of_yardstick)
        is_neutral = low > -NEUTRAL_SHARE and high < NEUTRAL_SHARE
        figures = [with_interval(values, share_of_yardstick, ".1%") for values in (shares, sizes)]
        rows.append([control, with_interval(-change, mean, "+.2f"), *figures, "yes" if is_neutral else "no"])
    return rows


def parser() -> argparse.ArgumentParser:
    """The flags."""
    result = excerpt_parser("audio_ranking", __doc__, per_piece=2)
    result.add_argument("--seconds", type=float, default=10.0, help="length of an excerpt (default %(default)g)")
    result.add_argument("--soundfont", type=Path, default=OTHER_SOUNDFONT, help="the other one (default %(default)s)")
    result.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="VIEW=CHECKPOINT",
        help="rank by another view of sound too, for one musicgen=FOLDER (may be repeated)",
    )
    result.add_argument("--diffusion", action="store_true", help="rank by the diffusion model's bound too")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Print the three tables; raises InputError and WeightsError where a view cannot be opened."""
    flags = parser().parse_args(argv)
    panel = open_panel(flags.weights, flags.checkpoint, with_diffusion=flags.diffusion)
    excerpts = excerpts_of_seconds(
        Corpus.open(flags.data), pieces=flags.pieces, per_piece=flags.per_piece, seconds=flags.seconds
    )
    studio = Studio(flags.seconds, panel.sample_rate, flags.soundfont)
    costs = in_their_favour(all_costs(excerpts, flags.per_piece, studio, panel.judges))
    pieces = len(excerpts) // flags.per_piece
    loss = costs[YARDSTICK, LLR] - costs[ORIGINAL, LLR]
    write_result(f"{len(excerpts)} renderings of {flags.seconds:g} s from {pieces} test pieces\n")
    write_result(markdown_table(["original against", *names(costs, 1)], ranking_rows(costs, panel.rules)))
    write_result("\n" + markdown_table(["score", "LLR/s is ahead by", "Spearman"], score_rows(costs)))
    write_result(
        f"\nLLR/s of the originals: {with_interval(-costs[ORIGINAL, LLR], mean, '.2f')} nats/s; "
        f"{YARDSTICK} takes away {with_interval(loss, mean, '.2f')}\n"
    )
    header = ["control", "change of LLR/s", "share of the effect of wrong notes", "without sign", "neutral"]
    write_result(markdown_table(header, control_rows(costs)))
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
