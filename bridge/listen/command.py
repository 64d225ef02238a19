"""`python -m bridge.listen FOLDER`: a blind listening test of the pieces in a folder, and `... results FOLDER`.

Answers go into FOLDER/answers.sqlite at once; the test may be ended and begun again at any time, with the same flags.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from bridge.listen.trials import Study, StudyConfig
from bridge.web.server import add_server_flags, launched, private_folder
from losscal.cli import EXIT_DONE, add_flags, add_overwrite_flag, check_new, config_from, log, prog_of, write_result
from losscal.errors import InputError

RESULTS = "results"
ANSWERS_FILE = "answers.sqlite"
LARGEST_UPLOAD_MB = 1
"""Listeners upload nothing."""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=prog_of("bridge.listen"), description=__doc__.partition(": ")[2], allow_abbrev=False
    )
    parser.add_argument(
        "words", metavar=f"[{RESULTS}] FOLDER", nargs="+", help="the folder of MIDI files or recordings"
    )
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help=f"where answers are kept (default: FOLDER/{ANSWERS_FILE})"
    )
    asked = parser.add_argument_group("test")
    asked.add_argument("--original", type=Path, metavar="FILE", help="of it the hidden anchors are made; else none are")
    add_flags(asked, StudyConfig())
    add_server_flags(parser)
    told = parser.add_argument_group("results")
    told.add_argument("--report", type=Path, metavar="REPORT.json", help="of python -m bridge.score, to rank views by")
    told.add_argument("--out", metavar="DIR", type=Path, help="write listening.json, .csv and a picture, .svg, too")
    add_overwrite_flag(told)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the test until a signal ends it, or tell its results; raises InputError for what cannot be used."""
    parser = build_parser()
    options = parser.parse_args(argv)
    is_results = options.words[0] == RESULTS and len(options.words) == 2
    if not is_results and len(options.words) != 1:
        parser.error(f"give one FOLDER, or {RESULTS} FOLDER")
    folder = Path(options.words[-1])
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one that holds MIDI files or recordings.")
    answers = options.answers or folder / ANSWERS_FILE
    if is_results:
        tell_results(answers, options)
    else:
        serve_test(folder, answers, options)
    return EXIT_DONE


def serve_test(folder: Path, answers_file: Path, options: argparse.Namespace) -> None:
    """Serve the test of a folder."""
    config = config_from(options, StudyConfig)
    with private_folder() as private:
        from bridge.listen.answers import Answers
        from bridge.listen.page import build_page
        from bridge.listen.stimuli import playable, prepare

        heard = prepare(folder, options.original, private / "sounds", config.seed)
        if options.original is None:
            log("without --original FILE there are no anchors: nobody who answers at random is found out")
        study = Study(tuple(one.stimulus for one in heard), config)
        page = build_page(study, Answers.of(answers_file, study), playable(heard))
        with launched(page, options, upload_mb=LARGEST_UPLOAD_MB):
            Event().wait()


def tell_results(answers_file: Path, options: argparse.Namespace) -> None:
    """Print the results, and write them where that is asked for; raises InputError where there are none."""
    from bridge.listen.answers import Answers
    from bridge.listen.files import RESULT_FILE, write_results
    from bridge.listen.results import results_of, text_of
    from bridge.report.report import read_report

    if options.out is not None:
        check_new([options.out / RESULT_FILE], overwrite=options.overwrite)
    report = None if options.report is None else read_report(options.report)
    answers = Answers(answers_file)
    results = results_of(answers.study, answers.all(), report)
    write_result(text_of(results))
    if options.out is not None:
        write_results(options.out, results)
        log(f"written: {options.out / RESULT_FILE}, listening.csv and listening.svg")
