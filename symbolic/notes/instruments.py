"""Which instruments a MIDI file asks for: all but the drums are scored as a piano, and a reader should be told so.

Programs and their families are those of General MIDI (the MIDI Association's RP-003); a channel that names no program
plays the piano.
"""

from collections import Counter

import numpy as np

from losscal.midi import NOTE_ON, PROGRAM_CHANGE, MidiFile
from symbolic.notes.cleaning import DRUM_CHANNEL

PIANO = "piano"
FAMILIES = (
    *(PIANO, "chromatic percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass"),
    *("reed", "pipe", "synth lead", "synth pad", "synth effects", "folk instruments", "percussion", "sound effects"),
)
PROGRAMS_PER_FAMILY = 8


def notes_by_family(file: MidiFile) -> Counter[str]:
    """How many notes each family plays, that of the drum channel left out."""
    counts: Counter[str] = Counter()
    strikes = file.kind == NOTE_ON
    for channel in set(file.channel[strikes].tolist()) - {DRUM_CHANNEL}:
        changes = np.flatnonzero(file.status == PROGRAM_CHANGE + channel)
        notes = np.flatnonzero(strikes & (file.channel == channel))
        programs = np.append(0, file.data[changes, 0])[np.searchsorted(changes, notes)]
        families, of_family = np.unique(programs // PROGRAMS_PER_FAMILY, return_counts=True)
        names = [FAMILIES[family] for family in families.tolist()]
        counts.update(dict(zip(names, of_family.tolist(), strict=True)))
    return counts


def remark_on_instruments(file: MidiFile) -> str | None:
    """A sentence where notes are not the piano's: how many of which instruments, and what becomes of them."""
    counts = notes_by_family(file)
    n_notes = counts.total()
    del counts[PIANO]
    told = []
    if counts:
        families = ", ".join(f"{family} {count}" for family, count in counts.most_common())
        told.append(
            f"{counts.total()} of {n_notes} notes are another instrument's ({families}) and scored as a piano's"
        )
    n_drums = int(((file.kind == NOTE_ON) & (file.channel == DRUM_CHANNEL)).sum())
    if n_drums:
        told.append(f"{n_drums} notes on the drum channel are left out")
    return f"no piano alone: {'; '.join(told)}" if told else None
