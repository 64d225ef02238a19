"""The pieces that views are calibrated on: those of a prepared corpus, or MIDI files."""

from collections.abc import Sequence
from pathlib import Path

from bridge.items.finding import find_items
from losscal.cli import log
from losscal.errors import InputError
from losscal.files import sha256_of
from symbolic.data.excerpts import SourcePiece, pieces_of_corpus


def pieces_of_files(paths: Sequence[str | Path]) -> list[SourcePiece]:
    """The MIDI files of files and folders, each content once; what cannot be read is told on stderr and left out."""
    from symbolic.notes.cleaning import read_midi

    pieces: dict[str, SourcePiece] = {}
    for item in find_items(list(paths)):
        if item.midi is None:
            log(f"left out: {item.problem or f'{item.id}: is no MIDI file.'}")
            continue
        try:
            performance = read_midi(item.midi).performance
        except InputError as error:
            log(f"left out: {error}")
            continue
        sha256 = sha256_of(item.midi)
        pieces.setdefault(
            sha256, SourcePiece(item.id, sha256, len(performance), performance.seconds, lambda notes=performance: notes)
        )
    return list(pieces.values())


def pieces_of(sources: Sequence[str | Path]) -> list[SourcePiece]:
    """The test split where the one source is a prepared corpus, else all MIDI files; raises InputError for none."""
    from symbolic.data.corpus import SUMMARY_FILE, Corpus

    is_corpus = len(sources) == 1 and Path(sources[0], SUMMARY_FILE).is_file()
    pieces = pieces_of_corpus(Corpus.open(sources[0])) if is_corpus else pieces_of_files(sources)
    if not pieces:
        kind = "test piece" if is_corpus else "MIDI file that can be read"
        raise InputError(f"{' '.join(map(str, sources))}: holds no {kind}; give a prepared corpus or MIDI files.")
    return pieces
