"""What account ids, audiences, scopes and grants mean."""

import pytest

from ordrebok.accounts import rules
from ordrebok.wire.token import Grant, GrantType


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("T12345678", True),
        ("P12345678", True),
        ("T112", True),
        ("T12", False),
        ("P1234", False),
        ("X12345678", False),
        ("T123456789", False),
        ("T1234567\N{ARABIC-INDIC DIGIT THREE}", False),
        ("T12345678\n", False),
        ("", False),
    ],
)
def test_ids_of_accounts_and_partners(text: str, *, owner: bool) -> None:
    """An account has eight digits, a partner three; P is production and T is test."""
    assert rules.is_owner_id(text) is owner


@pytest.mark.parametrize(
    ("audience", "account"),
    [
        ("https://api.dintero.com/v1/accounts/T12345678", "T12345678"),
        ("http://localhost:8000/v1/accounts/T12345678", "T12345678"),
        ("https://T12345678@api.dintero.com/v1/accounts/T12345678", "T12345678"),
        ("https://api.dintero.com/v1/accounts/T12345678/", "T12345678"),
        ("https://api.dintero.com/v1/accounts/T112", "T112"),
        ("https://api.dintero.com/v1/accounts/T1234567", None),
        ("https://api.dintero.com/v2/accounts/T12345678", None),
        ("https://api.dintero.com/x/v1/accounts/T12345678", None),
        ("https://api.dintero.com/v1/accounts/T12345678?x=1", None),
        ("ftp://api.dintero.com/v1/accounts/T12345678", None),
        ("/v1/accounts/T12345678", None),
        ("http://[::1/v1/accounts/T12345678", None),
        ("T12345678", None),
        ("", None),
    ],
)
def test_an_audience_names_an_account_by_its_path(audience: str, account: str | None) -> None:
    """The host is not looked at; the path must be an account's."""
    assert rules.account_of_audience(audience) == account


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("admin:shopping", "admin:shopping"),
        ("shopping:admin", "admin:shopping"),
        ("receipts:write", "write:receipts"),
        ("customer_customers:read", "read:customer_customers"),
        ("read:shopping:/orders/ANY/events", "read:shopping:/orders/ANY/events"),
        ("write:accounts:/auth/users/no-mfa", "write:accounts:/auth/users/no-mfa"),
        ("create:accounts:auth:refresh_token", "create:accounts:auth:refresh_token"),
        ("accounts:auth:users", "accounts:auth:users"),
        ("admin:account", "admin:accounts"),
        ("public", "public"),
        ("admin", None),
        ("shopping", None),
        ("admin-shopping", None),
        ("foo:bar", None),
        ("admin:", None),
        ("admin: shopping", None),
        ("admin:shopping admin:accounts", None),
        ("", None),
    ],
)
def test_scopes_are_kept_in_one_spelling(text: str, canonical: str | None) -> None:
    """Old spellings are turned around; what is no scope is found out."""
    assert rules.canonical_scope(text) == canonical


def test_every_wrong_scope_is_listed_with_its_place() -> None:
    """All faults are told at once, and repeated scopes count once."""
    scopes, faults = rules.canonical_scopes(["x", "admin:shopping", "y", "shopping:admin"])
    assert scopes == ("admin:shopping",)
    assert [fault.path for fault in faults] == [("scope", 0), ("scope", 2)]


def test_scopes_must_fit_into_a_token() -> None:
    """A grant whose tokens no server would take as a header is refused when it is given."""
    many = ["read:" + "a" * (20 + index) for index in range(100)]
    _, faults = rules.canonical_scopes(many)
    assert [fault.code for fault in faults] == ["TOO_MANY_SCOPES"]


@pytest.mark.parametrize(
    ("held", "wanted", "beyond"),
    [
        (["write:accounts"], ["admin:shopping"], ("admin:shopping",)),
        (["admin:accounts"], ["admin:shopping"], ()),
        (["write:accounts", "admin:shopping"], ["read:shopping"], ()),
        (["write:accounts", "admin:shopping"], ["write:shopping:/orders/ANY/events"], ()),
        (["write:accounts", "read:shopping"], ["read:shopping"], ()),
        (["write:accounts", "read:shopping"], ["admin:shopping"], ("admin:shopping",)),
        (["write:accounts"], ["admin:accounts"], ("admin:accounts",)),
        ([], ["public"], ("public",)),
    ],
)
def test_nobody_hands_out_more_than_they_hold(
    held: list[str], wanted: list[str], beyond: tuple[str, ...]
) -> None:
    """Only admin:accounts may give what it does not have itself."""
    assert rules.beyond(held, wanted) == beyond


def test_a_grant_is_usable_with_a_secret_for_its_own_account_only() -> None:
    """Other accounts' audiences and types for people's logins give a client nothing."""
    own = _grant("https://api.dintero.com/v1/accounts/T12345678", "any", "admin:shopping")
    typed = _grant("http://a/v1/accounts/T12345678", "client_credentials", "read:hooks")
    other = _grant("https://api.dintero.com/v1/accounts/T87654321", "any", "admin:hooks")
    person = _grant("http://a/v1/accounts/T12345678", "password", "admin:accounts")
    usable = rules.usable([own, other, person, typed], "T12345678")
    assert usable == (own, typed)
    assert rules.scopes_of(usable) == {"admin:shopping", "read:hooks"}


def _grant(audience: str, type_: GrantType, scope: str) -> Grant:
    return Grant(
        id="g", created_at="", client_id="c", audience=audience, scope=(scope,), type=type_
    )
