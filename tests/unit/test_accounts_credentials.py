"""Secrets are random, shown once, and kept only as a hash."""

import re

from ordrebok.accounts.credentials import fits, hash_of, new_secret


def test_a_secret_has_43_characters_that_fit_into_any_header() -> None:
    """Its form is that of the documented example, and no two are the same."""
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", secret) for secret in secrets)


def test_only_the_right_secret_fits() -> None:
    """Without a stored hash nothing fits, not even what the comparison is made with."""
    secret = new_secret()
    assert fits(secret, hash_of(secret))
    assert not fits(secret + "x", hash_of(secret))
    assert not fits("", hash_of(secret))
    assert not fits(secret, None)
    assert not fits("blåbær", hash_of(secret))
    assert secret not in hash_of(secret)
