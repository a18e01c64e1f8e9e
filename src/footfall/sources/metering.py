"""How far a load is, in bytes: told after each file, and within a file where the engine can say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from footfall.engine import Engine
from footfall.sources.reading import RawFile

Progress = Callable[[int, int, str], None]
_EVERY = 0.25
"""Seconds between two looks at a running statement."""


class Meter:
    """Tells `progress` (bytes done, bytes in all, what) as files are read.

    An engine that has a method `progress() -> float` (per cent of the running statement, below 0 where unknown)
    is asked four times a second; the others move the bar once a file.
    """

    def __init__(self, engine: Engine, files: Sequence[RawFile], progress: Progress | None):
        self._ask: Callable[[], float] | None = getattr(engine, "progress", None)
        self._total = sum(f.size for f in files)
        self._done = 0
        self._progress = progress
        if progress and self._ask:
            engine.execute("set enable_progress_bar = true")
            engine.execute("set enable_progress_bar_print = false")
        self.tell(0, files[0].path.name if files else "")

    def tell(self, done: int, what: str) -> None:
        if self._progress:
            self._progress(min(done, self._total), self._total, what)

    def finish(self, what: str) -> None:
        """All is read; `what` goes on."""
        self.tell(self._total, what)

    @contextmanager
    def reading(self, files: Sequence[RawFile]) -> Iterator[None]:
        """While one statement reads `files`."""
        size, what, over = sum(f.size for f in files), files[0].path.name, Event()

        def look() -> None:
            while self._ask and not over.wait(_EVERY):
                self.tell(self._done + int(size * max(0.0, min(self._ask(), 100.0)) / 100), what)

        watcher = Thread(target=look, daemon=True) if self._progress and self._ask else None
        if watcher:
            watcher.start()
        try:
            yield
        finally:
            over.set()
            if watcher:
                watcher.join()
        self._done += size
        self.tell(self._done, files[-1].path.name)
