"""The Idempotency-Key header and the fingerprint of a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordrebok.decision import Idempotency
from ordrebok.refusals import Refusal
from ordrebok.web.idempotency import fingerprint, idempotency_of


def keyed(key: bytes) -> Idempotency | Refusal:
    return idempotency_of(key, "client", method="POST", path="/v1/x", query=b"", body=b"{}")


@pytest.mark.parametrize("key", [b"a", b"!~" * 127, b"x" * 255, b"8e03978e-40d5-43e8-bc93"])
def test_keys_that_are_taken(key: bytes) -> None:
    """Any visible key a client invents works unchanged, and belongs to that client alone."""
    found = keyed(key)
    assert isinstance(found, Idempotency)
    assert (found.client_id, found.key) == ("client", key.decode())


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", b"\xc3\xa6", b"a\tb"])
def test_keys_that_are_refused(key: bytes) -> None:
    """A key that cannot be kept exactly is refused, with the header as the path."""
    found = keyed(key)
    assert isinstance(found, Refusal)
    assert found.code == "INVALID_HEADER"
    assert found.faults[0].path == ("Idempotency-Key",)


requests = st.tuples(
    st.sampled_from(["POST", "PUT", "DELETE"]),
    st.text(alphabet="/ab?\n", max_size=6),
    st.binary(max_size=4),
    st.binary(max_size=6),
)


@given(requests, requests)
def test_only_equal_requests_share_a_fingerprint(
    one: tuple[str, str, bytes, bytes], other: tuple[str, str, bytes, bytes]
) -> None:
    """A replay answers the same request only, never one that runs together to the same text."""
    # A path as routed has no "?", and a query string no line feed.
    same = one == other
    clean = all("?" not in path and b"\n" not in query for _, path, query, _ in (one, other))
    if clean:
        assert (fingerprint(*one) == fingerprint(*other)) is same


def test_a_path_with_half_a_surrogate_pair_has_a_fingerprint() -> None:
    """A path of stray bytes gets its answer, instead of an error while it is hashed."""
    assert fingerprint("POST", "/v1/\udcff", b"", b"")
