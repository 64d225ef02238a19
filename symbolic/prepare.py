"""`python -m symbolic.prepare SOURCE --out DIR`: from MIDI files to a prepared corpus, cleaned and split by work.

SOURCE is a folder (searched recursively), a zip, or a corpus of data_manifest.yaml with --from its downloaded zip or
folder. Every file comes out as kept or, in rejects.csv, as left out with its reason.
"""

import argparse
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from losscal.cli import EXIT_DONE, add_overwrite_flag, check_new, in_range, log, prog_of, run, write_result
from losscal.errors import InputError
from losscal.processes.progress import bar
from losscal.processes.workers import WorkerPool
from losscal.settings import Workers

if TYPE_CHECKING:
    from symbolic.data.corpus import Piece
    from symbolic.data.manifest import Manifest
    from symbolic.data.spool import Spool
    from symbolic.notes.cleaning import CleanedMidi

ERAS = ("baroque", "classical", "romantic")
FILES_PER_TASK = 8


@dataclass(frozen=True)
class Selection:
    """Which files to keep: those of a listed corpus, of a composer whose name holds one of these, of these eras.

    None and () select all.
    """

    corpus: str | None = None
    composers: tuple[str, ...] = ()
    eras: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    """File `index` of a source, with what the manifest or its name tells of it; `path` is its path there."""

    source: Path
    index: int
    path: str
    sha256: str
    name: str
    composer: str
    era: str


_Kept = tuple[_File, dict[str, int]]
"""A file and its repairs."""


def prepare(
    source: Path, out: Path, manifest: "Manifest", selection: Selection, *, workers: int
) -> "tuple[list[Piece], dict[str, Any]]":
    """Clean the MIDI files of `source` into the folder `out`; returns the pieces and the summary.

    Raises InputError where the source cannot be read or no piece is kept.
    """
    from symbolic.data.corpus import write_corpus
    from symbolic.data.spool import Spool

    rejects: list[tuple[str, str]] = []
    files = _select(source, manifest, selection, rejects)
    with Spool() as spool:
        with closing(_clean(files, workers, rejects)) as cleaned:
            kept = _drop_doubles(cleaned, spool, rejects)
        if not kept:
            reasons = f"; the first of {len(rejects)}: {rejects[0][0]}: {rejects[0][1]}" if rejects else ""
            raise InputError(f"{source}: no MIDI file in it was kept{reasons}; give other files or filters.")
        pieces = _describe(kept, spool, manifest)
        return pieces, write_corpus(out, pieces, spool, sorted(rejects), selection.corpus or source.name)


def _select(source: Path, manifest: "Manifest", selection: Selection, rejects: list[tuple[str, str]]) -> list[_File]:
    """The source's MIDI files that are selected, sorted by name; the others are added to `rejects`."""
    import hashlib

    from symbolic.data.sources import open_source
    from symbolic.data.works import WorkName, fold

    files = []
    of_corpus = {piece.sha256 for piece in manifest.pieces.get(selection.corpus, [])}
    opened = open_source(source)
    for index, path in enumerate(opened.names):
        try:
            sha256 = hashlib.sha256(opened.read(index)).hexdigest()
        except InputError as error:
            rejects.append((path, str(error)))
            continue
        listed = manifest.piece_of_sha256.get(sha256)
        name = listed.name if listed else PurePosixPath(path).name
        composer = listed.composer if listed else WorkName.of_file(name).composer
        era = listed.era if listed else manifest.era_of_composer.get(composer, "")
        if selection.corpus is not None and sha256 not in of_corpus:
            rejects.append((path, f"is no piece that data_manifest.yaml lists for {selection.corpus}"))
        elif selection.composers and not any(fold(wanted) in fold(composer) for wanted in selection.composers):
            rejects.append((path, f"composer {composer or 'unknown'} is not selected"))
        elif selection.eras and era not in selection.eras:
            rejects.append((path, f"era {era or 'unknown'} is not selected"))
        else:
            files.append(_File(source, index, path, sha256, name, composer, era))
    return sorted(files, key=lambda file: (file.name, file.path, file.index))


def _clean(
    files: Sequence[_File], workers: int, rejects: list[tuple[str, str]]
) -> "Generator[tuple[_File, CleanedMidi], None, None]":
    """Clean in `workers` processes, with a progress bar on stderr; refused files go to `rejects`."""
    progress = bar(total=len(files), unit="file", desc="cleaning")
    with WorkerPool(workers) as pool:
        results = pool.map(_clean_one, files, chunksize=FILES_PER_TASK)
        for file, result in progress(zip(files, results, strict=True)):
            if isinstance(result, str):
                rejects.append((file.path, result))
            else:
                yield file, result


def _clean_one(file: _File) -> "CleanedMidi | str":
    """The cleaned file, or why it is refused."""
    from symbolic.data.sources import source_of_process
    from symbolic.notes.cleaning import clean_midi

    try:
        return clean_midi(source_of_process(file.source).read(file.index), file.path)
    except InputError as error:
        return str(error).removeprefix(f"{file.path}: ")


def _drop_doubles(
    cleaned_files: "Iterator[tuple[_File, CleanedMidi]]", spool: "Spool", rejects: list[tuple[str, str]]
) -> list[_Kept]:
    """Of files with the very same notes the first stays; the notes of those that stay go into `spool`."""
    import hashlib

    first_of: dict[bytes, str] = {}
    kept = []
    for file, cleaned in cleaned_files:
        notes = hashlib.sha256(cleaned.performance.notes.tobytes()).digest()
        if notes in first_of:
            rejects.append((file.path, f"has the same notes as {first_of[notes]}"))
        else:
            first_of[notes] = file.path
            kept.append((file, cleaned.repairs))
            spool.add(cleaned.performance)
    return kept


def _describe(kept: Sequence[_Kept], performances: "Spool", manifest: "Manifest") -> "list[Piece]":
    """The pieces' facts and splits; a listed piece keeps its group and split, whatever else is in the source."""
    from symbolic.data.corpus import Piece
    from symbolic.data.duplicates import near_duplicates
    from symbolic.data.flags import flags_of
    from symbolic.data.works import WorkName, split_of, unite

    log(f"comparing {len(kept)} pieces with one another")
    works = [WorkName.of_file(file.name).group_key for file, _ in kept]
    keys = [manifest.group_of_work.get(work, work) for work in works]
    alike = [(i, j) for i, j, _ in near_duplicates(performances)]
    groups = unite(keys, alike, fixed=set(manifest.group_of_work.values()))
    pieces, start = [], 0
    for (file, repairs), group, performance in zip(kept, groups, performances, strict=True):
        pieces.append(
            Piece(
                sha256=file.sha256,
                name=file.name,
                composer=file.composer,
                era=file.era,
                work_group=group,
                split=split_of(group),
                start=start,
                stop=start + len(performance),
                seconds=performance.seconds,
                flags=flags_of(performance, file.name),
                repairs=repairs,
            )
        )
        start += len(performance)
    return pieces


def describe_summary(summary: dict[str, Any], out: Path) -> str:
    """The summary for a reader, a few lines."""
    lines = [
        f"{out}: {summary['kept']} pieces kept, {summary['rejected']} left out (reasons in rejects.csv)",
        f"{'split':<12}{'pieces':>8}{'notes':>12}{'hours':>9}",
    ]
    for split, figures in [*summary["splits"].items(), ("all", {**summary, "pieces": summary["kept"]})]:
        lines.append(f"{split:<12}{figures['pieces']:>8}{figures['notes']:>12,}{figures['hours']:>9.1f}")
    lines.append("repairs: " + (", ".join(f"{kind} {count:,}" for kind, count in summary["repairs"].items()) or "none"))
    return "\n".join(lines)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(prog=prog_of("symbolic.prepare"), description=__doc__)
    result.add_argument("source", help="a folder, a zip, or a corpus name of data_manifest.yaml")
    result.add_argument("--out", type=Path, required=True, help="folder of the prepared corpus")
    result.add_argument("--from", dest="download", type=Path, help="downloaded zip or folder of the corpus named")
    result.add_argument(
        "--composer", action="append", default=[], help="keep composers whose name holds this; repeatable"
    )
    result.add_argument("--era", action="append", default=[], choices=ERAS, help="keep this era; repeatable")
    result.add_argument("--workers", type=in_range(Workers), default=2, metavar="N", help="processes (2)")
    result.add_argument(
        "--write-manifest", metavar="CORPUS", help="list the kept pieces as this corpus in data_manifest.yaml"
    )
    add_overwrite_flag(result)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare a corpus; raises InputError where SOURCE, --from or the filters leave nothing to do."""
    options = build_parser().parse_args(arguments)
    from symbolic.data.corpus import SUMMARY_FILE
    from symbolic.data.manifest import ListedPiece, Manifest, manifest_path, write_pieces

    check_new([options.out / SUMMARY_FILE], overwrite=options.overwrite)
    manifest = Manifest.load(manifest_path())
    source, corpus = Path(options.source), None
    if options.download is not None:
        source, corpus = options.download, options.source
        if corpus not in manifest.corpora:
            raise InputError(
                f"{corpus}: no corpus of data_manifest.yaml, which has {', '.join(manifest.corpora)}; give one."
            )
    elif options.source in manifest.corpora and not source.exists():
        home = manifest.corpora[options.source]["home"]
        raise InputError(f"{options.source}: download it from {home} and name the zip with --from ZIP.")
    if options.write_manifest is not None and options.write_manifest not in manifest.corpora:
        raise InputError(f"{options.write_manifest}: describe this corpus in {manifest_path()} first.")

    selection = Selection(corpus, tuple(options.composer), tuple(options.era))
    pieces, summary = prepare(source, options.out, manifest, selection, workers=options.workers)
    write_result(describe_summary(summary, options.out))
    if options.write_manifest is not None:
        listed = (
            ListedPiece(p.sha256, p.name, p.composer, p.era, p.work_group, p.split, list(p.flags)) for p in pieces
        )
        write_pieces(manifest_path(), options.write_manifest, listed)
    return EXIT_DONE


if __name__ == "__main__":
    run(main)
