"""Statements by name: what is read from files of SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from ordrebok.store.named import Engine, Statements


def read(folder: Path, sql: str, engine: Engine = "postgres") -> Statements:
    """The statements of one file."""
    (folder / "some.sql").write_text(sql, encoding="utf-8")
    return Statements(engine, folder)


@pytest.mark.parametrize(("engine", "sign"), [("sqlite", "?"), ("postgres", "$")])
def test_parameters_get_numbers_in_the_order_in_which_they_appear(
    tmp_path: Path, engine: Engine, sign: str
) -> None:
    """One that appears twice has one number."""
    sql = "-- name: one\nselect :b, :a, :b;\n"
    statement = read(tmp_path, sql, engine)["one"]
    assert statement.text == f"select {sign}1, {sign}2, {sign}1"
    assert statement.order == ("b", "a")
    assert statement.arguments({"a": 1, "b": 2, "c": 3}) == [2, 1]


@pytest.mark.parametrize(
    "text",
    ["select 'a :b'", "select ':it''s :b'", 'select ":b"', "select 1::text", "select 1 -- :b"],
)
def test_a_colon_may_belong_to_something_else(tmp_path: Path, text: str) -> None:
    """A text, a quoted name, a cast and a remark have no parameters."""
    statement = read(tmp_path, f"-- name: one\n{text}\n")["one"]
    assert (statement.text, statement.order) == (text, ())


def test_a_parameter_may_be_cast(tmp_path: Path) -> None:
    """The cast follows its number."""
    assert read(tmp_path, "-- name: one\nselect :a::text[]")["one"].text == "select $1::text[]"


def test_remarks_are_for_readers_of_the_file(tmp_path: Path) -> None:
    """What stands above the first statement belongs to none, and no remark is sent."""
    sql = "-- Of :everything.\n\n-- name: one\n-- What it is.\nselect 1\n    -- Why.\n    + 1;\n"
    statements = read(tmp_path, sql)
    assert [each.name for each in statements] == ["one"]
    assert statements["one"].text == "select 1\n    + 1"


@pytest.mark.parametrize(("engine", "text"), [("sqlite", "select 1"), ("postgres", "select 2")])
def test_an_engine_has_its_own_before_the_shared_one(
    tmp_path: Path, engine: Engine, text: str
) -> None:
    """By the same name; the other engine's is none of it."""
    sql = "-- name: one_sqlite\nselect 1\n-- name: one_postgres\nselect 2\n-- name: two\nselect 3\n"
    statements = read(tmp_path, sql, engine)
    assert [(each.name, each.text) for each in statements] == [("one", text), ("two", "select 3")]


def test_names_are_unique_and_known(tmp_path: Path) -> None:
    """The second of a name would never be run; one that is missing is a fault of ours."""
    with pytest.raises(LookupError, match="no statement is named two"):
        read(tmp_path, "-- name: one\nselect 1")["two"]
    with pytest.raises(ValueError, match="two statements are named one"):
        read(tmp_path, "-- name: one\nselect 1\n-- name: one\nselect 2")
