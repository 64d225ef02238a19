"""Who is on the page: a private folder each, for uploads and results, which goes when the person goes.

Folders have names that cannot be guessed and lie below one that the server's user alone may enter; all of it goes when
the server stops.
"""

import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock


@dataclass
class Session:
    """One person's: a folder, the uploads that are hers, and what stops each job that is under way."""

    folder: Path
    uploads: set[Path] = field(default_factory=set)
    stops: set[Event] = field(default_factory=set)

    @contextmanager
    def job(self) -> Iterator[Event]:
        """What stops the job in the block; set, too, when the session ends."""
        stop = Event()
        self.stops.add(stop)
        try:
            yield stop
        finally:
            self.stops.discard(stop)


class Sessions:
    """All sessions of a server, by the key that their browser tab has."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sessions: dict[str, Session] = {}
        self._protected: frozenset[Path] = frozenset()
        self._lock = Lock()

    def protect_uploads(self) -> None:
        """Keep what lies below the root now, the examples, though somebody should upload the same."""
        self._protected = frozenset(self.root.rglob("*"))

    def of(self, key: str) -> Session:
        """The session of a tab, begun where it is not known."""
        with self._lock:
            if key not in self._sessions:
                folder = self.root / secrets.token_urlsafe(16)
                folder.mkdir(parents=True, mode=0o700)
                self._sessions[key] = Session(folder)
            return self._sessions[key]

    def keep_uploads(self, key: str, paths: Iterable[Path]) -> None:
        """Remember that files, each alone in a folder named by its content, were uploaded in a session."""
        self.of(key).uploads.update(paths)

    def end(self, key: str) -> None:
        """Stop a session's jobs, and remove its results and the uploads that no other session shares."""
        with self._lock:
            session = self._sessions.pop(key, None)
            if session is None:
                return
            kept = {path for other in self._sessions.values() for path in other.uploads}
        for stop in set(session.stops):
            stop.set()
        shutil.rmtree(session.folder, ignore_errors=True)
        for path in session.uploads - kept - self._protected:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """End all of them."""
        for key in list(self._sessions):
            self.end(key)
