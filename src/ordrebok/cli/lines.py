"""Files of lines, read in chunks: never more than a few of them are held."""

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

FIRST_CHUNK_BYTES: Final = 256 * 1024
CHUNK_BYTES: Final = 8 * 1024 * 1024
LONGEST_LINE_BYTES: Final = 128 * 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Chunk(NamedTuple):
    """Some whole lines that follow each other."""

    first: int
    """The number of the first of them in the file, from one."""
    text: bytes
    size: int
    """How many bytes of the file they took."""
    too_long: bool = False
    """The text is the beginning of one line that is too long to be held."""
    start: int = 0
    """Where in the file they begin, in bytes."""

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield every line that is not blank, with its number."""
        for number, line in enumerate(self.text.split(b"\n"), self.first):
            if line and not line.isspace():
                yield number, line


def chunks(stream: BinaryIO) -> Iterator[Chunk]:
    """Yield the lines of a file in chunks, a small one first.

    They grow, so that whoever waits for the first ones does not wait long.
    """
    number, start, most = 1, 0, FIRST_CHUNK_BYTES
    while text := stream.read(most):
        most = min(4 * most, CHUNK_BYTES)
        size = len(text)
        if not text.endswith(b"\n"):
            more = stream.readline(LONGEST_LINE_BYTES)
            text += more
            size += len(more)
            if len(more) == LONGEST_LINE_BYTES and not more.endswith(b"\n"):
                whole, newline, long = text.rpartition(b"\n")
                if newline:
                    yield Chunk(number, whole, len(whole) + 1, start=start)
                    number += whole.count(b"\n") + 1
                    start += len(whole) + 1
                size = len(long) + _skip_line(stream)
                yield Chunk(number, long[:CHUNK_BYTES], size, too_long=True, start=start)
                number += 1
                start += size
                continue
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        yield Chunk(number, text, size, start=start)
        number += text.count(b"\n")
        start += size


def _skip_line(stream: BinaryIO) -> int:
    """Read on to the end of a line, keeping nothing; return how many bytes it took."""
    size = 0
    while text := stream.readline(CHUNK_BYTES):
        size += len(text)
        if text.endswith(b"\n"):
            break
    return size
