"""The half of an entry that is about sound: what each view hears, and how a recording fits its MIDI file."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridge.items import moments
from bridge.items.entry import Figures, Moment, PairMatch, SoundHalf, Unavailable
from bridge.items.music import Music
from bridge.items.part import Part, check_finite, told_of
from bridge.items.percentiles import FEW_SECONDS, place_among_windows
from bridge.items.tables import Tables
from bridge.views.opening import OpenViews
from losscal.errors import InputError
from losscal.views import SOUND

if TYPE_CHECKING:
    from audio.signal.waveform import Sound
    from bridge.views.sound import AudioView


def half_of_sound(music: Music, views: OpenViews, tables: Tables | None) -> Part[SoundHalf]:
    """The half of an item's audio file, or else of the rendering of its MIDI file.

    A view that refuses the sound is left out and its reason a problem; where all of them do there is no half. A lone
    recording has moments. Raises InputError for a file that cannot be opened or played.
    """
    unavailable = {view: Unavailable(**of) for view, of in views.unavailable_in(SOUND).items()}
    if not views.audio:
        return Part(SoundHalf(unavailable))
    sound = music.sound(max(view.description.sample_rate for view in views.audio.values()))
    figures: dict[str, Figures] = {}
    found: list[Moment] = []
    warnings: list[str] = []
    problems: list[str] = []
    for name, view in views.audio.items():
        try:
            with told_of(sound.source):
                of_view, curve = _figures_and_curve(view, sound, tables)
        except InputError as error:
            problems.append(str(error))
            continue
        warnings += of_view.pop("remarks", ())
        if view.view.references:
            place, unplaced = place_among_windows(view.view, of_view, sound.seconds, views)
            of_view, warnings = of_view | place, warnings + unplaced
        if view.view.tells_moments and music.midi is None:
            found = moments.of_curve(name, curve)
        figures[name] = of_view
    if not figures:
        return Part(problems=tuple(problems))
    if sound.seconds < FEW_SECONDS and any(views.declared[name].references for name in figures):
        warnings.append(f"shorter than {FEW_SECONDS:g} s: too short for a percentile")
    return Part(SoundHalf(figures | unavailable, sound.seconds), tuple(found), tuple(warnings), tuple(problems))


def match_of_pair(music: Music) -> Part[PairMatch]:
    """How a pair's recording fits the rendering of its MIDI file; no value where there is no verdict.

    Raises InputError where one of the two is too quiet to be compared.
    """
    from audio.metrics.similarity import MISMATCH_BELOW, SHORTEST_SECONDS

    match = music.match()
    if match.is_mismatch is None:
        return Part(warnings=(f"match: no verdict on the pair, it sounds for less than {SHORTEST_SECONDS:g} s",))
    warning = (
        f"the recording does not seem to play the MIDI file (chroma similarity {match.chroma_similarity:.2f}, "
        f"below {MISMATCH_BELOW:g}); check that they are a pair, of one tempo and key"
    )
    return Part(PairMatch(**match.report()), warnings=(warning,) if match.is_mismatch else ())


def _figures_and_curve(
    view: "AudioView", sound: "Sound", tables: Tables | None
) -> tuple[dict[str, Any], Mapping[str, Sequence[float]]]:
    """A view's figures, and its curve over time, which becomes a table.

    What the view remarks stays among the figures. Raises InputError as the view does, and where a figure is not finite.
    """
    figures = dict(view.score(sound))
    check_finite(view.name, figures, sound.source)
    figures.pop("reconstruction", None)  # EnCodec's own loss: `audio.musicgen evaluate` tells it
    curve = figures.get("curve") or {}
    if "curve" in figures:
        figures["curve"] = None if tables is None or not curve else tables.write_curve(view.name, curve)
    return figures, curve
