"""`account`, `client`, `key`, `token` and `migrate`: what an operator does at the database."""

from __future__ import annotations

import base64
import json

import pytest

from tests.cli.conftest import Cli
from tests.support.server import free_port

ACCOUNT = "T12345678"


def test_an_account_is_added_once_and_listed(cli: Cli) -> None:
    """People get a table, programs get JSON, and a second time is a failure."""
    assert "account add" in cli.run("account", "list").stderr
    assert cli.json("account", "list") == []
    assert ACCOUNT in cli.ok("account", "add", ACCOUNT, "--name", "Stoler AS")
    assert "is there already" in cli.fails(1, "account", "add", ACCOUNT)
    (account,) = cli.json("account", "list")
    assert account["account_id"] == ACCOUNT
    assert account["name"] == "Stoler AS"
    assert "Stoler AS" in cli.ok("account", "list")


def test_a_client_from_its_making_to_its_end(cli: Cli) -> None:
    """Added with a grant, listed, given a new secret, asked for a token, removed."""
    assert "Add it first" in cli.fails(1, "client", "add", ACCOUNT)
    assert "Add it first" in cli.fails(1, "client", "list", ACCOUNT)
    cli.ok("account", "add", ACCOUNT)
    scopes = ("--scope", "shopping:admin", "--scope", "read:hooks")
    made = cli.json("client", "add", ACCOUNT, *scopes, "--client-id", "shop", "--name", "Shop")
    assert made["client_id"] == "shop"
    assert len(made["client_secret"]) == 43
    assert "taken" in cli.fails(1, "client", "add", ACCOUNT, "--client-id", "shop")
    (listed,) = cli.json("client", "list", ACCOUNT)
    assert listed["scopes"] == ["admin:shopping", "read:hooks"]
    assert made["client_secret"] not in json.dumps(listed)
    assert "admin:shopping read:hooks" in cli.ok("client", "list", ACCOUNT)

    rotated = cli.json("client", "rotate-secret", ACCOUNT, "shop")
    assert rotated["id"] == made["id"]
    assert rotated["client_secret"] != made["client_secret"]

    (token,) = cli.ok("token", ACCOUNT, "--client-id", "shop", "--local").split()
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == made["id"]
    assert claims["scope"] == "admin:shopping read:hooks"
    assert cli.ok("token", ACCOUNT, "--local").startswith("ey")

    cli.ok("client", "remove", ACCOUNT, made["id"])
    assert cli.json("client", "list", ACCOUNT) == []
    assert "has no client" in cli.fails(1, "client", "remove", ACCOUNT, "shop")
    assert "has no client" in cli.fails(1, "client", "rotate-secret", ACCOUNT, "shop")
    assert "has no client" in cli.fails(1, "token", ACCOUNT, "--client-id", "shop", "--local")
    assert "0 clients" in cli.fails(1, "token", ACCOUNT, "--local")


def test_keys_are_rotated_and_revoked(cli: Cli) -> None:
    """A retired key says until when it verifies; revoked keys are gone."""
    first = cli.json("key", "rotate")["kid"]
    second = cli.json("key", "rotate")["kid"]
    newer, older = cli.json("key", "list")
    assert (newer["kid"], older["kid"]) == (second, first)
    assert newer["retired_at"] is None
    assert older["last_token_ends_at"] > older["retired_at"]
    assert first in cli.ok("key", "list")
    third = cli.json("key", "rotate", "--revoke")["kid"]
    assert [key["kid"] for key in cli.json("key", "list")] == [third]


def test_migrate_can_be_said_any_number_of_times(cli: Cli) -> None:
    """Also on a database that is up to date."""
    assert "up to date" in cli.ok("migrate")
    assert "up to date" in cli.ok("migrate")


def test_the_default_database_needs_no_preparation(plain_cli: Cli) -> None:
    """Its folder is made below the folder where the command runs."""
    plain_cli.ok("account", "add", ACCOUNT)
    assert (plain_cli.folder / "var" / "ordrebok.db").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("account", "add", "X1"), "no account id"),
        (("account", "add"), "Missing argument"),
        (("client", "add", ACCOUNT, "--scope", "nonsense"), "not a scope"),
        (("client", "add", ACCOUNT, "--wrong"), "No such option"),
        (("token", ACCOUNT, "--client-id", "c"), "--local"),
        (("token", ACCOUNT), "--local"),
        (
            ("token", ACCOUNT, "--client-id", "c", "--client-secret", "s", "--url", "x"),
            "no address",
        ),
        (("serve", "--workers", "2"), "SQLite is served by one process"),
        (("serve", "--workers", "0"), "at least 1"),
        (("serve", "--port", "70000"), "65535"),
        (("nonsense",), "No such command"),
    ],
)
def test_what_is_not_understood_ends_with_status_2(
    plain_cli: Cli, arguments: tuple[str, ...], sentence: str
) -> None:
    """The reason is on stderr, and nothing is done."""
    assert sentence in plain_cli.fails(2, *arguments)
    assert not (plain_cli.folder / "var").exists()


@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        ("mysql://localhost/x", "sqlite:///"),
        ("nonsense", "sqlite:///"),
        ("postgresql://127.0.0.1:1/none", "cannot be opened"),
        ("sqlite:////dev/null/x.db", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_had_is_named_in_a_sentence(
    plain_cli: Cli, database: str, sentence: str
) -> None:
    """No traceback, and status 1, for a command and for the server alike."""
    assert sentence in plain_cli.fails(1, "account", "list", "--database", database)
    assert sentence in plain_cli.fails(
        1, "serve", "--port", str(free_port()), "--database", database
    )


def test_an_unreachable_server_is_named_in_a_sentence(plain_cli: Cli) -> None:
    """The token command says how to start the server."""
    arguments = ("token", ACCOUNT, "--client-id", "c", "--client-secret", "s")
    said = plain_cli.fails(1, *arguments, "--url", "http://127.0.0.1:1")
    assert "ordrebok serve" in said


def test_help_teaches(plain_cli: Cli) -> None:
    """Every command is listed, explained, and shown in an example where it takes arguments."""
    overview = plain_cli.ok("--help")
    commands = ("demo", "serve", "migrate", "account", "client", "token", "key")
    assert all(f" {command} " in overview for command in commands)
    assert "ordrebok client add T12345678 --scope admin:shopping" in overview
    for arguments in (("serve",), ("demo",), ("client", "add"), ("account", "add"), ("token",)):
        text = plain_cli.ok(*arguments, "--help")
        assert f"ordrebok {' '.join(arguments)}" in text
        assert "ORDREBOK_DATABASE" in text
    assert plain_cli.ok("--version").startswith("ordrebok ")
