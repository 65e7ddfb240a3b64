"""How an import goes: lines are read ahead in other processes, and written chunk by chunk."""

import asyncio
import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, NamedTuple

from ordrebok.cli.lines import Chunk
from ordrebok.cli.reading import (
    ReadChunk,
    Refused,
    Taken,
    read_chunk,
    read_into,
    refused_line,
    start_reader,
    take_from,
)
from ordrebok.decision import Key, Stored
from ordrebok.exchange.place import Place
from ordrebok.exchange.rules import standing
from ordrebok.refusals import Refusal
from ordrebok.store.interface import BulkStore

_MOST_READERS: Final = 4
_READ_AHEAD: Final = 2
"""Chunks that wait, beside those that are being read."""
_COMPARED: Final = 100
"""Orders that are read together to be compared."""
_MANY: Final = 1_000
"""After so many new orders the database may have to find its way anew."""
Reading = Callable[[], Awaitable[ReadChunk]]
"""Takes the chunk that is being read, once it is."""
SHOWN: Final = 20
"""Refused lines that are said on the screen where no report is asked for."""


@dataclass(slots=True)
class Tally:
    """What has become of the lines so far."""

    imported: int = 0
    already_there: int = 0
    """There with the same content."""
    changed_since: int = 0
    """There, and gone on since: what is there began as this line."""
    refused: int = 0


class Report:
    """Where refused lines go."""

    def __init__(self, file: BinaryIO | None, say: Callable[[str], None]) -> None:
        """Write to a file, if there is one; else say the first ones."""
        self._file = file
        self._say = say
        self._said = 0

    def add(self, refused: Refused) -> None:
        """Put down one line."""
        if self._file is not None:
            self._file.write(refused.report + b"\n")
        elif self._said < SHOWN:
            self._say(refused.sentence)
            self._said += 1
            if self._said == SHOWN:
                self._say("Further ones are not shown; --report FILE takes them all.")


class _Write(NamedTuple):
    """A chunk that is being written."""

    work: "asyncio.Task[list[Refused]]"
    names: frozenset[str]
    """The order_ids of its lines."""
    size: int


class Import:
    """One import into one account."""

    def __init__(
        self, store: BulkStore, place: Place, report: Report, tally: Tally, at_once: int = 1
    ) -> None:
        """Take where to write, how many chunks at once, and where to count."""
        self._store = store
        self._place = place
        self._report = report
        self._tally = tally
        self._at_once = at_once
        self._writes: deque[_Write] = deque()

    async def run(
        self, source: Iterator[Chunk], went: Callable[[int], None], file: Path | None = None
    ) -> None:
        """Import every chunk; `went` hears of the bytes that are done, in their order.

        `file` is the file that they come from, where any process can read it from any place on.
        The first chunk is small and read here: most files end there, and other processes take
        longer to start. After it they read ahead, while this one writes.
        """
        gc.freeze()
        gc.set_threshold(100_000, 20, 100)  # Chunks come and go whole; looking into them is lost.
        for chunk in source:
            self._add(await self._write(read_chunk(chunk, self._place)))
            went(chunk.size)
            break
        with closing(_Readers(self._place, file)) as readers:
            waiting: deque[tuple[Reading, int]] = deque()
            try:
                for chunk in source:
                    waiting.append((readers.read(chunk), chunk.size))
                    if len(waiting) >= readers.count + _READ_AHEAD:
                        await self._next(waiting, went)
                while waiting:
                    await self._next(waiting, went)
                while self._writes:
                    await self._finish(went)
            finally:
                await self._leave()
        if self._tally.imported >= _MANY:
            await self._store.settle()

    async def _next(self, waiting: deque[tuple[Reading, int]], went: Callable[[int], None]) -> None:
        """Begin to write the chunk that has waited longest.

        Keeps: of lines that have the same order_id, the first one is written first.
        """
        reading, size = waiting.popleft()
        chunk = await reading()
        names = frozenset(taken.order.order_id for taken in chunk.taken)
        while len(self._writes) >= self._at_once or any(
            not names.isdisjoint(write.names) for write in self._writes
        ):
            await self._finish(went)
        work = asyncio.get_running_loop().create_task(self._write(chunk))
        self._writes.append(_Write(work, names, size))

    async def _finish(self, went: Callable[[int], None]) -> None:
        """Wait for the chunk that has been written longest, and report on it."""
        write = self._writes[0]
        await asyncio.wait([write.work])  # It goes on where this is cancelled: see _leave.
        self._add(write.work.result())
        self._writes.popleft()
        went(write.size)

    async def _leave(self) -> None:
        """Let what is being written come to its end, whatever ended the import, and count it."""
        for write in self._writes:
            await asyncio.wait([write.work])
            if write.work.exception() is None:
                self._add(write.work.result())

    def _add(self, refused: Sequence[Refused]) -> None:
        """Report on the lines of a chunk that were refused."""
        self._tally.refused += len(refused)
        for each in sorted(refused, key=lambda each: each.line):
            self._report.add(each)

    async def _write(self, chunk: ReadChunk) -> list[Refused]:
        """Write what is not there, compare what is, and return what is neither."""
        refused = list(chunk.refused)
        waiting: Sequence[Taken] = chunk.taken
        while waiting:
            together: dict[str, Taken] = {}
            for taken in waiting:
                together.setdefault(taken.order.order_id, taken)
            # What has a namesake in this chunk meets it once that one is stored.
            again = [taken for taken in waiting if together[taken.order.order_id] is not taken]
            orders = [taken.order for taken in together.values()]
            written = await self._store.load(self._place.account_id, orders, chunk.next_number)
            self._tally.imported += len(written)
            there = [taken for name, taken in together.items() if name not in written]
            for start in range(0, len(there), _COMPARED):
                some = there[start : start + _COMPARED]
                for taken, stored in zip(some, await self._stored(some), strict=True):
                    if stored is None:  # It was there and is gone: it can be written after all.
                        again.append(taken)
                    else:
                        refused += self._compared(taken, stored)
            waiting = again
        return refused

    async def _stored(self, there: Sequence[Taken]) -> Sequence[Stored | None]:
        """Return what stands under the order_ids of some lines."""
        keys = [Key(self._place.account_id, "order", taken.order.order_id) for taken in there]
        return await asyncio.gather(*(self._store.fetch(key, with_events=True) for key in keys))

    def _compared(self, taken: Taken, stored: Stored) -> list[Refused]:
        """Compare a line with what stands under its order_id; return it where it is refused."""
        result = standing(taken.order, stored)
        if isinstance(result, Refusal):
            return [refused_line(taken.line, taken.order.order_id, result)]
        if result == "same":
            self._tally.already_there += 1
        else:
            self._tally.changed_since += 1
        return []


class _Readers:
    """Processes that read chunks; none on a machine with one processor."""

    def __init__(self, place: Place, source: Path | None) -> None:
        self._place = place
        self._source = source
        processors = os.cpu_count() or 1
        self.count = min(processors, _MOST_READERS) if processors > 1 else 0
        self._pool: ProcessPoolExecutor | None = None
        self._folder = TemporaryDirectory(prefix="ordrebok-import-")

    def close(self) -> None:
        """Let the processes go, whatever they are at."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def read(self, chunk: Chunk) -> Reading:
        """Begin to read a chunk."""
        if not self.count:
            return partial(self._read_here, chunk)
        if self._pool is None:
            # Forking a process that runs threads may hang; a fresh one cannot.
            self._pool = ProcessPoolExecutor(
                self.count, get_context("spawn"), start_reader, (self._folder.name,)
            )
        file = Path(self._folder.name, str(chunk.first))
        source = None if chunk.too_long else self._source
        if source is not None:
            chunk = chunk._replace(text=b"")
        with _unheard(signal.SIGINT):  # It may start a process, which takes a while to be ready.
            reading = self._pool.submit(read_into, file, chunk, source, self._place)
        return partial(self._taken, file, asyncio.wrap_future(reading))

    async def _read_here(self, chunk: Chunk) -> ReadChunk:
        return read_chunk(chunk, self._place)

    async def _taken(self, file: Path, reading: "asyncio.Future[None]") -> ReadChunk:
        await reading
        return take_from(file)


@contextmanager
def _unheard(number: int) -> Iterator[None]:
    """Processes started in this block never hear of a signal; this one does after it."""
    if sys.platform == "win32":
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
