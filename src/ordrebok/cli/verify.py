"""`ordrebok verify`: everything recomputed, and what does not agree."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ordrebok.audit.rules import (
    Disagreement,
    audit,
    audit_line,
    entries_of,
    was_emptied,
    words_of,
)
from ordrebok.cli.client import no_account
from ordrebok.cli.database import opened, run_or_fail
from ordrebok.cli.export import count_orders
from ordrebok.cli.findings import Findings
from ordrebok.cli.lines import chunks
from ordrebok.cli.options import DatabaseOption, JsonOption
from ordrebok.cli.output import FAILURE, fail
from ordrebok.cli.progress import progress
from ordrebok.cli.reading import header_of
from ordrebok.config import DEFAULT_DATABASE
from ordrebok.decision import LedgerEntry
from ordrebok.store.accounts import AccountStore
from ordrebok.store.interface import BulkStore, Row
from ordrebok.store.walk import Walk, walked
from ordrebok.wire.exchange import FORMAT

_WORDS: Final = 2_000
"""Words that are read together when strays are looked for."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def verify(
    *,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            envvar="ORDREBOK_ACCOUNT",
            metavar="ACCOUNT",
            help="Only this account's orders; all accounts without it.",
        ),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            "--order", envvar="ORDREBOK_ORDER", metavar="ORDER_ID", help="Only this order."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            envvar="ORDREBOK_FILE",
            metavar="EXPORT",
            help="The orders of an export instead of a database's.",
        ),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    as_json: JsonOption = False,
) -> None:
    """Recompute every order from its lines, operations and events; list what does not agree.

    The status is 1 when anything does not. Nothing is changed, and a server may go on working
    meanwhile.

    Example: ordrebok verify --account T12345678

    An export, without its database: ordrebok verify --file orders.ndjson
    """
    if file is not None and account is not None:
        raise typer.BadParameter("An export is of one account.", param_hint="--account")
    findings = Findings(as_json=as_json)
    if file is not None:
        _verify_file(file, order, findings)
    else:
        run_or_fail(lambda: _verify_database(database, account, order, findings))
    if order is not None and not findings.orders:
        fail(f"There is no order {order}.")
    findings.finish()
    if findings.disagreements:
        raise typer.Exit(FAILURE)


def _verify_file(path: Path, only: str | None, findings: Findings) -> None:
    """Verify the orders of an export."""
    account = ""
    try:
        stream = path.open("rb")
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.")
    size = path.stat().st_size
    with stream, progress("Verifying", size, of_bytes=True) as went:
        for chunk in chunks(stream):
            for number, line in chunk.lines():
                header = header_of(line)
                if header is not None and header.format == FORMAT:
                    account = header.account_id or ""
                    continue
                order_id, found = audit_line(line)
                if only in {None, order_id}:
                    findings.add(account, order_id or f"line {number}", found)
            went(chunk.size)


async def _verify_database(
    database: str, account: str | None, order: str | None, findings: Findings
) -> None:
    """Verify the orders of a database."""
    async with opened(database) as store:
        book = AccountStore(store)
        if account is not None and await book.account(account) is None:
            fail(no_account(account))
        names = (
            [each.account_id for each in await book.accounts()] if account is None else [account]
        )
        walks = [
            Walk(account_id=name, order_id=order, words=words_of, entries=entries_of)
            for name in names
        ]
        total = 1
        if order is None:
            total = sum([await count_orders(store, walk) for walk in walks])
        with progress("Verifying", total) as went:
            for walk in walks:
                await _verify_account(store, walk, findings, went)


async def _verify_account(
    store: BulkStore, walk: Walk, findings: Findings, went: Callable[[int], None]
) -> None:
    """Verify the orders of an account, then look for words that lead to orders wrongly."""
    words = entries = 0
    async for order in walked(store, walk):
        findings.add(walk.account_id, order.order_id, audit(order))
        words += len(order.words)
        entries += len(order.entries)
        went(1)
    account: dict[str, Any] = {"account_id": walk.account_id, "kinds": ["order"]}
    if walk.order_id is not None:
        rows = await store.query("words_of_order", **account, order_id=walk.order_id)
        _add_strays(findings, walk.account_id, rows)
        return
    await _verify_ledger(store, walk.account_id, entries, findings)
    # All that should be there was found: so there are others only where there are more.
    if (await store.query("words_count", **account))[0]["count"] == words:
        return
    after: tuple[str, int, str] = ("", 0, "")
    while True:
        names = dict(zip(("after_term", "after_ms", "after_id"), after, strict=True))
        rows = await store.query("words_with_documents", **account, **names, limit=_WORDS)
        _add_strays(findings, walk.account_id, rows)
        if len(rows) < _WORDS:
            return
        after = (rows[-1]["term"], rows[-1]["created_ms"], rows[-1]["order_id"])


async def _verify_ledger(store: BulkStore, account_id: str, known: int, findings: Findings) -> None:
    """Look for entries of the payout ledger that no order has, where there are more than known."""
    if (await store.query("entries_count", account_id=account_id))[0]["count"] == known:
        return
    after: tuple[object, ...] = ("", -(2**62), "", "", "", 0)
    names = ("destination", "ms", "order", "type", "operation", "line")
    while True:
        place = {f"after_{name}": value for name, value in zip(names, after, strict=True)}
        rows = await store.query(
            "entries_with_documents", account_id=account_id, **place, limit=_WORDS
        )
        for row in rows:
            fields = dict(row)
            body = fields.pop("body")
            entry = LedgerEntry(**fields)
            if body is None or not (entry in entries_of(body) or was_emptied(body)):
                check = f"payout entry of {entry.type} {entry.operation_id}: {entry.destination}"
                stray = Disagreement(check, entry.amount, "=", None)
                findings.add_stray(account_id, entry.order_id, stray)
            after = entry[:6]
        if len(rows) < _WORDS:
            return


def _add_strays(findings: Findings, account_id: str, rows: Sequence[Row]) -> None:
    """Take in the words that lead to an order wrongly, or to none; each row has its document."""
    right: dict[str, frozenset[str]] = {}
    for row in rows:
        order_id, body, word = row["order_id"], row["body"], row["term"]
        if order_id not in right:
            right[order_id] = frozenset() if body is None else words_of(body)
        if row["created_ms"] != row["document_created_ms"] or word not in right[order_id]:
            findings.add_stray(account_id, order_id, Disagreement("search word", word, "=", None))
