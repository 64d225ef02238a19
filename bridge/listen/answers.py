"""Answers of a listening test in one SQLite file: written ahead, each in a transaction of its own, lost by nothing.

Of a person nothing is kept but a code that was drawn for her, with which she goes on where she stopped.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bridge.listen.trials import Study
from losscal.errors import InputError
from losscal.records import record_of, to_json

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Of codes; none that is taken for another."""
CODE_LENGTH = 8
BUSY_SECONDS = 30.0
TABLES = """
CREATE TABLE study (one INTEGER PRIMARY KEY CHECK (one = 1), content TEXT NOT NULL) STRICT;
CREATE TABLE listener (code TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, begun TEXT NOT NULL) STRICT;
CREATE TABLE answer (
  code TEXT NOT NULL REFERENCES listener,
  trial INTEGER NOT NULL,
  value INTEGER NOT NULL,
  given TEXT NOT NULL,
  PRIMARY KEY (code, trial)
) STRICT;
"""


@dataclass(frozen=True)
class Answer:
    """A listener's answer. value: of a rating 1 to 5; of a pair 1 for A, -1 for B, 0 for equal."""

    listener: int
    trial: int
    value: int


class Answers:
    """The file of a test's answers."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, path: Path, study: Study) -> "Answers":
        """The answers to a study, begun where there is no file; raises InputError where it holds another's."""
        answers = cls(path)
        with answers._changed() as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'study'").fetchone():
                for statement in TABLES.split(";"):
                    connection.execute(statement)
                connection.execute("INSERT INTO study VALUES (1, ?)", (_text(study),))
        if answers.study != study:
            raise InputError(f"{path}: holds the answers to another test; move it away, or name another --answers.")
        return answers

    @property
    def study(self) -> Study:
        """The test that the answers are to; raises InputError where the file holds none."""
        rows = self._read("SELECT content FROM study")
        return record_of(Study, json.loads(rows[0][0]))

    def begin(self) -> str:
        """The code of a new listener."""
        code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
        with self._changed() as connection:
            (number,) = connection.execute("SELECT count(*) FROM listener").fetchone()
            connection.execute("INSERT INTO listener VALUES (?, ?, ?)", (code, number, _now()))
        return code

    def number_of(self, code: str) -> int:
        """A listener's number; raises InputError for a code that was given to nobody."""
        rows = self._read("SELECT number FROM listener WHERE code = ?", (code.strip().upper(),))
        if not rows:
            raise InputError(f"{code.strip()}: no listener has this code; check it, or begin anew.")
        return rows[0][0]

    def next_trial(self, code: str) -> int:
        """The number of the first question that a listener has not answered."""
        number = self.number_of(code)
        rows = self._read(
            "SELECT trial FROM answer JOIN listener USING (code) WHERE number = ? ORDER BY trial", (number,)
        )
        answered = {trial for (trial,) in rows}
        return next(trial for trial in range(len(answered) + 1) if trial not in answered)

    def give(self, code: str, trial: int, value: int) -> None:
        """Keep an answer; the first stays where one is given twice."""
        self.number_of(code)
        with self._changed() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?)", (code.strip().upper(), trial, value, _now())
            )

    def all(self) -> list[Answer]:
        """All answers, by listener and question."""
        rows = self._read("SELECT number, trial, value FROM answer JOIN listener USING (code) ORDER BY number, trial")
        return [Answer(*row) for row in rows]

    def _read(self, query: str, values: tuple[object, ...] = ()) -> list[tuple]:
        if not self.path.is_file():
            raise InputError(
                f"{self.path}: no such file; it is made where python -m bridge.listen FOLDER was answered."
            )
        with closing(self._connect()) as connection, _told_of(self.path):
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else writes in."""
        with _told_of(self.path), closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        with _told_of(self.path):
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            return connection


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise InputError(f"{path}: cannot be used as a file of answers ({error}); name another --answers.") from error


def _text(study: Study) -> str:
    return json.dumps(to_json(study))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
