"""Reading MIDI: one fixture a rule, exact times, and no file that crashes, hangs or is scored by half."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from midi_files import (
    DRUM_ON,
    OFF,
    ON,
    cleaned,
    off,
    on,
    pedal,
    smf,
    tempo,
)

from losscal.errors import InputError
from symbolic.notes.cleaning import REMOVING_REPAIRS, clean_midi, read_midi
from symbolic.notes.performance import NOTE_DTYPE, Performance, nearest_velocity_bin, write_midi

# ---------------------------------------------------------------- one rule, one fixture


def test_a_plain_note_needs_no_repair():
    assert cleaned([on(0), off(100)]) == ([(0, 10, 60)], {})


def test_a_note_on_of_velocity_0_ends_a_note():
    assert cleaned([on(0), on(100, velocity=0)]) == ([(0, 10, 60)], {})


def test_leading_silence_is_dropped_and_counted():
    assert cleaned([on(500), off(600)]) == ([(0, 10, 60)], {"leading_silence": 1})


def test_a_restrike_ends_the_earlier_note_whose_off_comes_later():
    notes, repairs = cleaned([on(0), on(100), off(103), off(300)])
    assert notes == [(0, 10, 60), (10, 20, 60)]
    assert repairs == {"doubled_note_on": 1}


def test_note_on_before_note_off_on_one_tick_is_a_plain_repetition():
    assert cleaned([on(0), on(100), off(100), off(300)])[0] == [(0, 10, 60), (10, 20, 60)]


def test_a_glitch_does_not_mispair_the_rest_of_its_key():
    # the off of one note stands 5 ms before its on, and another on of the key falls on that on's tick
    glitch = [on(0), off(50), off(95), on(100, velocity=90), on(100, velocity=60), off(200)]
    later = [event for start in (1000, 2000, 3000) for event in (on(start), off(start + 100))]
    notes, repairs = cleaned([*glitch, *later])
    velocity_bins = clean_midi(smf([*glitch, *later]), "a.mid").performance.notes["velocity_bin"]
    assert velocity_bins[1] == nearest_velocity_bin(np.array([90]))[0]
    assert notes == [(0, 5, 60), (10, 10, 60), (100, 10, 60), (200, 10, 60), (300, 10, 60)]
    assert repairs == {"orphan_note_off": 1, "duplicate_onset": 1}


def test_a_lost_note_off_does_not_mispair_the_rest_of_its_key():
    notes, repairs = cleaned([on(0), on(1000), off(1100), on(2000), off(2100)])
    assert notes == [(0, 100, 60), (100, 10, 60), (200, 10, 60)]
    assert repairs == {"unclosed_note": 1, "doubled_note_on": 1}


def test_a_note_off_with_nothing_sounding_is_ignored():
    assert cleaned([off(0), on(0), off(100), off(200)]) == ([(0, 10, 60)], {"orphan_note_off": 2})


def test_a_note_never_closed_ends_with_the_file():
    notes, repairs = cleaned([on(0), on(0, 64), off(200, 64)])
    assert notes == [(0, 20, 60), (0, 20, 64)]
    assert repairs == {"unclosed_note": 1}


def test_a_note_of_no_length_lasts_one_step():
    assert cleaned([on(0), off(0), on(50), off(100)]) == ([(0, 1, 60), (5, 5, 60)], {"zero_length": 1})


def test_notes_outside_the_piano_are_left_out():
    notes, repairs = cleaned([on(0, 20), on(0, 109), off(50, 20), off(50, 109), on(100, 21), off(200, 21)])
    assert notes == [(0, 10, 21)]
    assert repairs == {"out_of_range": 2, "leading_silence": 1}


def test_drums_are_left_out():
    notes, repairs = cleaned([(0, bytes([DRUM_ON, 60, 64])), on(0, 62), off(100, 62)])
    assert notes == [(0, 10, 62)]
    assert repairs == {"drum": 1}


def test_a_note_is_cut_at_6_01_seconds():
    assert cleaned([on(0), off(6010)]) == ([(0, 601, 60)], {})
    assert cleaned([on(0), off(6020)]) == ([(0, 601, 60)], {"over_long": 1})


@pytest.mark.parametrize("longer", [0, 1])
def test_of_two_notes_as_loud_on_one_onset_the_longer_stays(longer):
    shorter = 1 - longer
    notes = [on(0, channel=0), on(0, channel=1), off(100, channel=shorter), off(300, channel=longer)]
    assert cleaned(notes) == ([(0, 30, 60)], {"duplicate_onset": 1})


def test_silence_before_the_music_is_not_part_of_its_length():
    days = 0x0FFFFF00  # ticks of a millisecond
    assert cleaned([on(days), off(days + 100)]) == ([(0, 10, 60)], {"leading_silence": 1})


def test_of_two_notes_on_one_onset_the_louder_stays():
    result = clean_midi(smf([on(0, velocity=40), off(300)], [on(2, velocity=90), off(100)]), "a.mid")
    assert result.performance.notes.tolist() == [(0, 10, 60, int(nearest_velocity_bin(np.array([90]))[0]))]
    assert result.repairs == {"duplicate_onset": 1}


def test_a_key_held_by_another_part_ends_at_the_restrike():
    notes, repairs = cleaned([on(0), off(400)], [on(100, channel=1), off(200, channel=1)])
    assert notes == [(0, 10, 60), (10, 10, 60)]
    assert repairs == {"shared_key": 1}


# ---------------------------------------------------------------- the pedal


def test_a_note_lasts_until_the_pedal_lifts():
    notes, repairs = cleaned([pedal(0, 127), on(0), off(100), pedal(400, 0), on(500), off(600)])
    assert notes == [(0, 40, 60), (50, 10, 60)]
    assert repairs == {"pedal_folded": 1}


def test_a_note_under_the_pedal_ends_at_the_restrike():
    notes, _ = cleaned([pedal(0, 127), on(0), off(100), on(300), off(350), pedal(400, 0)])
    assert notes == [(0, 30, 60), (30, 10, 60)]


def test_the_pedal_is_down_from_64_on():
    assert cleaned([pedal(0, 63), on(0), off(100), pedal(400, 0)])[0] == [(0, 10, 60)]
    assert cleaned([pedal(0, 64), on(0), off(100), pedal(300, 70), pedal(400, 63)])[0] == [(0, 40, 60)]


def test_the_pedal_holds_its_own_channel_only_wherever_its_events_stand():
    track = [on(0), off(100), on(0, 64, channel=1), off(100, 64, channel=1)]
    track.sort(key=lambda event: event[0])
    assert cleaned(track, [pedal(0, 127, channel=1), pedal(400, 0, channel=1)])[0] == [(0, 10, 60), (0, 40, 64)]


def test_a_pedal_pressed_after_the_note_off_of_its_tick_holds_nothing():
    assert cleaned([on(0), off(100), pedal(100, 127), pedal(400, 0)])[0] == [(0, 10, 60)]
    assert cleaned([on(0), pedal(100, 127), off(100), pedal(400, 0)])[0] == [(0, 40, 60)]


def test_a_pedal_never_lifted_holds_until_the_file_ends_and_the_cap():
    assert cleaned([pedal(0, 127), on(0), off(100), on(300, 64), off(400, 64)])[0] == [(0, 40, 60), (30, 10, 64)]
    notes, repairs = cleaned([pedal(0, 127), on(0), off(100), on(9000, 64), off(9100, 64)])
    assert notes == [(0, 601, 60), (900, 10, 64)]
    assert repairs == {"pedal_folded": 1, "over_long": 1}


# ---------------------------------------------------------------- time


def test_times_are_rounded_once_from_the_first_onset_half_up():
    # 25/192 of a step a tick; 96 ticks are 12.5 steps: an exact tie that floats decide at random
    first = 37
    for tick in (96, 288, 96 * 101):
        (_, (onset, duration, _)), _ = cleaned(
            [on(first), off(first + 10), on(first + tick, 64), off(first + tick + 96, 64)], division=384
        )
        assert onset == int(Fraction(tick * 25, 192) + Fraction(1, 2))
        assert onset + duration == int(Fraction((tick + 96) * 25, 192) + Fraction(1, 2))


def test_times_go_through_the_tempo_map_of_any_track():
    notes, _ = cleaned([on(0), off(1000), on(1500), tempo(1500, 1_000_000), off(2000)], [tempo(500, 250_000)])
    assert notes == [(0, 75, 60), (100, 100, 60)]


def test_smpte_time_ignores_tempo():
    assert cleaned([tempo(0, 250_000), on(0), off(100)], division=0xE728)[0] == [(0, 10, 60)]  # 25 frames of 40
    assert cleaned([on(0), off(3000)], division=0xE364)[0] == [(0, 100, 60)]  # 29.97 frames of 100: 1.001 s


def test_notes_are_those_of_the_bytes_through_a_random_tempo_map():
    generator = np.random.default_rng(5)
    tempo_of_tick = {0: 403_000} | dict(generator.integers((1, 200_000), (20_000, 900_000), (20, 2)).tolist())
    notes, held_until = [], {}
    for onset in np.sort(generator.integers(0, 20_000, 300)).tolist():
        channel = int(generator.choice([0, 3]))
        pitch = int(generator.integers(30 + 40 * channel // 3, 50 + 40 * channel // 3))
        if onset > held_until.get(pitch, -1):
            held_until[pitch] = onset + int(generator.integers(1, 400))
            notes.append((onset, held_until[pitch], pitch, int(generator.integers(1, 128)), channel))
    tracks = [[tempo(*change) for change in sorted(tempo_of_tick.items())]]
    for wanted in (0, 3):
        own = [note for note in notes if note[-1] == wanted]
        track = [on(start, pitch, velocity, channel) for start, _, pitch, velocity, channel in own]
        track += [off(end, pitch, channel) for _, end, pitch, _, channel in own]
        tracks.append(sorted(track, key=lambda event: event[0]))
    result = clean_midi(smf(*tracks, division=384), "a.mid")

    microseconds, now, steps = 500_000, 0, []
    for tick in range(21_000):
        steps.append(Fraction(now, 384 * 10_000))
        microseconds = tempo_of_tick.get(tick, microseconds)
        now += microseconds
    first = steps[notes[0][0]]
    expected = []
    for start, end, pitch, velocity, _ in notes:
        onset, offset = (int(steps[tick] - first + Fraction(1, 2)) for tick in (start, end))
        velocity_bin = int(nearest_velocity_bin(np.array([velocity]))[0])
        expected.append((onset, max(1, min(offset - onset, 601)), pitch, velocity_bin))
    assert set(result.repairs) <= {"leading_silence", "duplicate_onset"}
    assert len(expected) - len(result.performance) == result.repairs.get("duplicate_onset", 0)
    assert set(result.performance.notes.tolist()) <= set(expected)


def test_kept_notes_are_the_note_ons_less_the_removing_repairs():
    generator = np.random.default_rng(11)
    for _ in range(30):
        ticks = np.sort(generator.integers(0, 3000, 200)).tolist()
        kinds = generator.choice([ON, ON, OFF, OFF, DRUM_ON], 200).tolist()
        track = [
            (tick, bytes([kind, pitch, 64]))
            for tick, kind, pitch in zip(ticks, kinds, generator.integers(17, 30, 200).tolist(), strict=True)
        ]
        result = clean_midi(smf(track), "a.mid")
        removed = sum(result.repairs.get(kind, 0) for kind in REMOVING_REPAIRS)
        assert len(result.performance) == sum(kind != OFF for kind in kinds) - removed
        assert result.repairs["drum"] == kinds.count(DRUM_ON)


def random_performance(generator, n_notes):
    onset = np.concatenate([[0], np.sort(generator.integers(0, 4 * n_notes, n_notes - 1))])
    notes = np.zeros(n_notes, dtype=NOTE_DTYPE)
    notes["onset_ticks"], notes["pitch"] = onset, generator.integers(21, 109, n_notes)
    notes["duration_ticks"] = generator.choice([1, 2, 30, 601], n_notes)
    notes["velocity_bin"] = generator.integers(0, 32, n_notes)
    notes = np.sort(notes, order=("onset_ticks", "pitch"))
    is_new = np.append(True, np.diff(notes["onset_ticks"] * 128 + notes["pitch"]) > 0)
    return Performance(notes[is_new])


def test_reading_what_was_written_gives_the_same_performance(tmp_path):
    generator = np.random.default_rng(3)
    for n_notes in (1, 2, 50, 800):
        write_midi(random_performance(generator, n_notes), tmp_path / "a.mid")
        once = read_midi(tmp_path / "a.mid").performance
        write_midi(once, tmp_path / "b.mid")
        again = read_midi(tmp_path / "b.mid")
        assert again.repairs == {}
        assert again.performance.notes.tolist() == once.notes.tolist()


def test_a_cleaned_performance_survives_writing_whatever_it_was_read_from(tmp_path):
    generator = np.random.default_rng(4)
    for _ in range(30):
        ticks = np.sort(generator.integers(0, 900, 120)).tolist()
        makers = generator.choice([on, on, off, pedal], 120)
        values = generator.integers(60, 70, 120).tolist()
        track = [make(tick, value) for make, tick, value in zip(makers, ticks, values, strict=True)]
        performance = clean_midi(smf(track, division=384), "a.mid").performance
        write_midi(performance, tmp_path / "a.mid")
        assert read_midi(tmp_path / "a.mid").performance.notes.tolist() == performance.notes.tolist()


# ---------------------------------------------------------------- bad input

WHOLE = smf([tempo(0, 400_000), (0, b"\xff\x03\x03abc")], [pedal(0, 127), on(0), off(200), on(300, 64), off(400, 64)])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, this is text", "not a MIDI file"),
        (WHOLE[:10], "truncated"),
        (smf([on(0), off(9)], header_tracks=2), "truncated"),
        (smf([], []), "no notes at all"),
        (smf([(0, bytes([DRUM_ON, 40, 64]))]), "no note of a piano .1 x note on the drum channel"),
        (smf([on(0, 109), off(9, 109)]), "no note of a piano .1 x note outside"),
        (smf([on(0), off(9)], midi_format=2), "format 2"),
        (smf([on(0), off(9)], division=0x8000), "unknown time division"),
        (smf([on(0), off(9)], division=0), "0 ticks a beat"),
        (smf([on(0), (0, b"\x90\x40\xc0")]), "damaged .a note or controller of number 64, value 192"),
        (smf([(0, b"\x40\x40"), on(0)]), "damaged .data stand where a message should begin"),
        (smf([tempo(0, 0), on(0), off(9)]), "without a tempo"),
        (smf([(0, b"\xff\x51\x01\x07"), on(0), off(9)]), "damaged .a tempo event of 1 bytes"),
        (smf([on(0), off(9), (9, b"\xff\x01\x7fabc")]), "tracks are incomplete"),
        (smf([on(0), off(9)], [on(0), off(9)], header_tracks=1), "more tracks than its header counts"),
        (smf([on(0), off(9), (9, b"\xff" * 1_000_000)]), "damaged .a time or length is written in more than 4 bytes"),
        (smf([on(0), off(9), on(0x0FFFFFFF)]), r"lasts 74\.57 hours, the limit is 24"),
        (smf([on(0), off(1 << 20_000)]), "damaged .a time or length is written in more than 4 bytes"),
    ],
)
def test_bad_bytes_are_refused_in_one_sentence(data, message):
    with pytest.raises(InputError, match=message) as refusal:
        clean_midi(data, "bad.mid")
    assert str(refusal.value).startswith("bad.mid: ")
    assert "\n" not in str(refusal.value)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.mid: no such file"):
        read_midi(tmp_path / "none.mid")
    with pytest.raises(InputError, match="a folder"):
        read_midi(tmp_path)
    (tmp_path / "loop.mid").symlink_to(tmp_path / "loop.mid")
    with pytest.raises(InputError, match="cannot be read"):
        read_midi(tmp_path / "loop.mid")


def test_names_with_dots_commas_and_accents_are_read(tmp_path):
    path = tmp_path / "Fauré, G., Op. 1 no. 2.b, x.mid"
    path.write_bytes(WHOLE)
    assert len(read_midi(path).performance) == 2


def test_every_truncation_is_noticed():
    clean_midi(WHOLE, "whole.mid")
    for size in range(len(WHOLE)):
        with pytest.raises(InputError):
            clean_midi(WHOLE[:size], "cut.mid")


def test_flipped_bytes_never_crash():
    generator = np.random.default_rng(0)
    outcomes = {True: 0, False: 0}
    for _ in range(3000):
        data = bytearray(WHOLE)
        for place in generator.integers(0, len(data), generator.integers(1, 4)):
            data[place] = generator.integers(0, 256)
        try:
            clean_midi(bytes(data), "flipped.mid")
            outcomes[True] += 1
        except InputError:
            outcomes[False] += 1
    assert min(outcomes.values()) > 300


def test_every_file_cut_between_two_tracks_is_noticed():
    for count in (0, 1):
        with pytest.raises(InputError, match="truncated"):
            clean_midi(b"MTrk".join(WHOLE.split(b"MTrk")[: count + 1]), "cut.mid")


def test_sysex_running_status_and_a_chunk_behind_the_tracks_are_read():
    body = b"\x00\xf0\x03\x01\x02\xf7" + b"\x00\xc0\x05" + b"\x00\x90\x3c\x40" + b"\x32\x3c\x00" + b"\x00\xff\x2f\x00"
    track = b"MTrk" + struct.pack(">I", len(body)) + body
    data = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, 500) + track + b"XFIH\x00\x00\x00\x02ab"
    assert clean_midi(data, "a.mid").performance.notes.tolist()[0][:3] == (0, 5, 60)


def test_nothing_behind_the_end_of_a_track_counts():
    assert cleaned([on(0), (100, b"\xff\x2f\x00"), off(200), on(300)]) == ([(0, 10, 60)], {"unclosed_note": 1})


@pytest.mark.parametrize(
    "meta_event",
    [
        b"\xff\x59\x02\x0b\x00",  # 11 sharps
        b"\xff\x58\x01\x04",  # half a time signature
        b"\xff\x54\x05\xe0\x00\x00\x00\x00",  # an unknown frame rate
        b"\xff\x08\x01a",  # a program name
        b"\xff\x70\x00",  # a type nobody defined
    ],
)
def test_a_meta_event_that_mido_cannot_read_costs_neither_the_file_nor_time(meta_event):
    assert cleaned([on(0), (50, meta_event), off(100)]) == ([(0, 10, 60)], {})
