"""A name server that says nothing of some names, and a server whose machine asks it.

A process asks it through the machine's own resolver, as it asks any name server: the file that
names it, `/etc/resolv.conf`, is another one for this process alone. That takes root on Linux.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.server import Server

SILENT = "silent-"
"""Nothing is ever said of names that begin like this; all others lead to this machine."""
_ASK_LONG = "options timeout:30 attempts:5\n"
"""So that whoever asks in vain asks for longer than any test lasts."""
_HEAD = struct.Struct(">HHHHHH")
_ANSWER = 0x8180
_ADDRESS = 1  # The type A.
_OF_THIS_MACHINE = b"\xc0\x0c" + struct.pack(">HHIH4B", _ADDRESS, 1, 0, 4, 127, 0, 0, 1)
_ELSEWHERE = ("/usr/bin/env", "unshare", "--mount", "sh", "-c")
_WITH_FILE = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


class NameServer:
    """Answers on an address of loopback; knows who was asked about."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._asked: dict[str, set[int]] = defaultdict(set)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def asked(self) -> dict[str, int]:
        """How many times each name was looked up; a question that is repeated counts once."""
        return {name: len(ids) for name, ids in list(self._asked.items())}

    def stop(self) -> None:
        """Answer nobody any more."""
        self._socket.close()

    def _answer(self) -> None:
        while True:
            try:
                question, asker = self._socket.recvfrom(4_096)
                answer = self._answer_to(question)
                if answer:
                    self._socket.sendto(answer, asker)
            except OSError:
                return

    def _answer_to(self, question: bytes) -> bytes | None:
        """Return the answer to a question, None where there is none."""
        labels, at = [], _HEAD.size
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode("latin-1"))
            at += 1 + length
        name, end = ".".join(labels), at + 5
        kind = struct.unpack_from(">H", question, at + 1)[0]
        number = _HEAD.unpack_from(question)[0]
        if kind == _ADDRESS:
            self._asked[name].add(number)
        if name.startswith(SILENT):
            return None
        found = _OF_THIS_MACHINE if kind == _ADDRESS else b""
        head = _HEAD.pack(number, _ANSWER, 1, 1 if found else 0, 0, 0)
        return head + question[_HEAD.size : end] + found


class NamedServer(Server):
    """A server whose machine asks a certain name server."""

    def __init__(self, database: str, folder: Path, names: NameServer, *options: str) -> None:
        path = folder / "resolv.conf"
        path.write_text(f"nameserver {names.address}\n{_ASK_LONG}", encoding="ascii")
        self._before = (*_ELSEWHERE, _WITH_FILE, str(path))
        super().__init__(database, folder, *options)

    def command(self) -> Sequence[str]:
        """What is run: the server, among files of which one is another."""
        return (*self._before, *super().command())


def can_choose() -> bool:
    """Tell whether a process can be given a name server of its own here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    found = subprocess.run(
        [*_ELSEWHERE, _WITH_FILE, os.devnull, "true"], capture_output=True, check=False
    )
    return found.returncode == 0


@contextmanager
def naming(address: str) -> Iterator[NameServer]:
    """A name server for as long as the block lasts."""
    names = NameServer(address)
    try:
        yield names
    finally:
        names.stop()
