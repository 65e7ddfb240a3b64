"""Whether a port can be listened on."""

import errno
import socket
from typing import Final

from ordrebok.cli.output import fail

TRIES: Final = 50
_TAKEN: Final = (errno.EADDRINUSE, errno.EACCES)


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now.

    Raises: OSError, when the host is not an address of this machine.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are just ending do not occupy the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
    return True


def next_free(host: str, port: int) -> int | None:
    """Return the first free port from this one on; None when many in a row are taken."""
    return next((each for each in range(port, port + TRIES) if is_free(host, each)), None)


def free_or_fail(host: str, port: int) -> bool:
    """Tell whether the port is free; end the command when the host is not this machine's."""
    try:
        return is_free(host, port)
    except OSError as error:
        fail(f"Cannot listen on {host}: {error}")
