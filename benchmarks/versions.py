"""`python -m benchmarks.versions`: nine versions each of some passages of test pieces, ranked as a composer's would be.

The original; one note a semitone off, 5 % wrong notes, 5 % of the onsets moved, all louder, all slower; random notes
with the passage's own values, and with any; silence. They are written as files and go through `bridge.score` with its
report. The table tells each version's rank in each passage by each view, and counts the verdicts against the original.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bridge.versions.verdicts import LESS_LIKELY, LIKELIER, NOT_DISTINGUISHABLE, NOT_RANKED
from losscal.cli import EXIT_DONE, add_data_flag, add_weights_flag, in_range, run, write_result
from losscal.errors import InputError
from losscal.files import atomic_path
from losscal.settings import Count, Seed
from losscal.statistics import markdown_table
from symbolic.data.corpus import Corpus
from symbolic.notes import corruption
from symbolic.notes.performance import TICK_SECONDS, VELOCITY_OF_BIN, Performance, stretched, write_midi

SPLIT = "test"
START_SECONDS, STOP_SECONDS = 20.0, 50.0
SILENCE_SAMPLE_RATE = 16_000
LOUDER_BINS = 2
SLOWER = 1.03
ORIGINAL, SILENT = "original", "silence"
VERDICTS = {LIKELIER: "+", NOT_DISTINGUISHABLE: "=", LESS_LIKELY: "-", NOT_RANKED: "?"}


def louder(performance: Performance, rng: np.random.Generator) -> Performance:
    """Every velocity LOUDER_BINS bins up."""
    notes = performance.notes.copy()
    notes["velocity_bin"] = np.minimum(notes["velocity_bin"] + LOUDER_BINS, len(VELOCITY_OF_BIN) - 1)
    return Performance(notes)


VERSIONS: Mapping[str, Callable[[Performance, np.random.Generator], Performance]] = {
    ORIGINAL: lambda performance, rng: performance,
    "one semitone off": lambda performance, rng: corruption.semitone(performance, rng, 1 / len(performance)),
    "wrong notes 5 %": lambda performance, rng: corruption.wrong_notes(performance, rng, 0.05),
    "moved onsets 5 %": lambda performance, rng: corruption.jitter_onsets(performance, rng, 0.05),
    "louder": louder,
    "slower by 3 %": lambda performance, rng: Performance(stretched(performance.notes, SLOWER)),
    "random, own values": lambda performance, rng: corruption.matched_marginals(performance, rng, 1.0),
    "random, any values": lambda performance, rng: corruption.uniform_notes(performance, rng, 1.0),
}


def passages_of(corpus: Corpus, count: int, rng: np.random.Generator) -> dict[str, Performance]:
    """The names of `count` test pieces, drawn at random, and what is struck in them from START to STOP_SECONDS.

    Raises InputError where there are fewer.
    """
    long_enough = [piece for piece in corpus.of_split(SPLIT) if piece.seconds > STOP_SECONDS]
    passages: dict[str, Performance] = {}
    for index in rng.permutation(len(long_enough)):
        whole = corpus.performance(long_enough[index])
        first, last = np.searchsorted(whole.notes["onset_ticks"] * TICK_SECONDS, (START_SECONDS, STOP_SECONDS))
        if first < last:
            passages[long_enough[index].name.removesuffix(".mid")] = whole.excerpt(first, last)
        if len(passages) == count:
            return passages
    raise InputError(
        f"--passages {count}: only {len(passages)} pieces of the {SPLIT} split of {corpus.folder} have notes from "
        f"{START_SECONDS:g} to {STOP_SECONDS:g} s; ask for as many."
    )


def write_versions(corpus: Corpus, passages: int, seed: int, folder: Path) -> list[dict[str, str]]:
    """Write all versions of so many passages, a folder each; the lines of a pairs file, with their groups."""
    import soundfile

    rng = np.random.default_rng(seed)
    items = []
    for piece, passage in passages_of(corpus, passages, rng).items():
        own = folder / piece
        own.mkdir(parents=True, exist_ok=True)
        for name, version_of in VERSIONS.items():
            write_midi(version_of(passage, rng), own / f"{name}.mid")
            items.append({"id": f"{own.name}: {name}", "midi": str((own / f"{name}.mid").resolve()), "group": own.name})
        samples = np.zeros(round((STOP_SECONDS - START_SECONDS) * SILENCE_SAMPLE_RATE))
        soundfile.write(own / f"{SILENT}.wav", samples, SILENCE_SAMPLE_RATE)
        items.append({"id": f"{own.name}: {SILENT}", "wav": str((own / f"{SILENT}.wav").resolve()), "group": own.name})
    return items


def rows(groups: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A line for each version: by view its places among the versions and how often which verdict was given."""
    ranks: dict[tuple[str, str], list[str]] = {}
    verdicts: dict[tuple[str, str], Counter[str]] = {}
    for group in groups:
        for view, ranking in group["views"].items():
            for item in ranking["items"]:
                key = item["id"].rsplit(": ", 1)[1], view
                ranks.setdefault(key, []).append(str(item["rank"] or "-"))
                verdicts.setdefault(key, Counter())[item["verdict"]] += 1
    views = list(groups[0]["views"])
    lines = []
    for version in (*VERSIONS, SILENT):
        line = [version]
        for view in views:
            counts = [
                f"{n}{VERDICTS[verdict]}" for verdict, n in verdicts[version, view].items() if verdict in VERDICTS
            ]
            line += [" ".join(ranks[version, view]), " ".join(counts)]
        lines.append(line)
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Write the versions and their report, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__.replace("%", "%%"))
    add_data_flag(parser)
    parser.add_argument("--views", help="A,B (default: all whose weights are present)")
    add_weights_flag(parser)
    parser.add_argument(
        "--passages", type=in_range(Count), default=5, help="how many, of one piece each (default %(default)s)"
    )
    parser.add_argument("--seed", type=in_range(Seed), default=3, help="of passages and versions (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("build/versions"), help="for music and report (%(default)s)")
    flags = parser.parse_args(argv)

    from bridge.report.files import write_report
    from bridge.score import score
    from bridge.views.opening import view_names

    music, report_folder = flags.out / "music", flags.out / "report"
    items = write_versions(Corpus.open(flags.data), flags.passages, flags.seed, music)
    pairs = flags.out / "pairs.jsonl"
    with atomic_path(pairs) as path:
        path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    views = None if flags.views is None else view_names(flags.views)
    report = score([], pairs=pairs, views=views, weights_dir=flags.weights, tables_dir=report_folder)
    write_report(report, report_folder)
    header = ["version", *(cell for view in report["groups"][0]["views"] for cell in (f"{view}: ranks", "verdicts"))]
    write_result(markdown_table(header, rows(report["groups"])))
    write_result("+ likelier than the original, = not distinguishable, - less likely, ? not ranked")
    if report["agreement"] is not None:
        write_result(f"agreement of the views: {json.dumps(report['agreement'])}")
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
