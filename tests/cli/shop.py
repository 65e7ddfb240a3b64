"""Orders that have been through everything, made over HTTP; and lines of another system."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import asyncpg

from tests.support.api import Api, line, reversal, store_line
from tests.support.openapi import Json

ACCOUNT = "T12345678"


def part(line_id: int, amount: int) -> Json:
    """One line of an operation."""
    return {"line_id": line_id, "amount": amount}


def trade(api: Api) -> list[str]:
    """Make some orders with all that may happen to one; return their order_ids."""
    plain = api.order(line(), order_number="2026-1", comment="æøå 🛒")
    paid = api.order(line(1_000, 1), line(500, 2, store={"id": "S2"}), time_to_live=86_400)
    path = f"orders/{paid['order_id']}"
    api.post(f"{path}/authorizations", {"items": [part(1, 1_000), part(2, 500)], "id": "a1"})
    api.post(f"{path}/captures", {"items": [part(1, 1_000)], "authorization_id": "a1"})
    api.post(f"{path}/captures", {"items": [part(2, 500)], "success": False})
    api.post(f"{path}/refunds", {"items": [part(1, 250)], "metadata": {"why": [1.0, None]}})
    api.post(f"{path}/cancellations", {"items": [part(2, 100)]})
    comment = api.post(f"{path}/comments", {"body": "first", "visibility": "public"})
    api.delete(f"{path}/comments/{comment['id']}")
    api.post(f"{path}/events", {"service": "kitchen", "service_status": "ready"})
    api.put(path, {"customer": {"id": "C1", "first_name": "Kari", "email": "kari@example.com"}})
    draft = api.draft(reversal(3, of=1, gross_amount=-400), options={"order_id": paid["order_id"]})
    api.complete(draft)
    api.post(f"{path}/close")
    cancelled = api.order(line(300, 1))
    api.post(f"orders/{cancelled['order_id']}/cancel", {"cancelled_reason": "customer"})
    split = api.draft(
        store_line("S1", 100, 1), store_line("S2", 200, 2), options={"split_draft": True}
    )
    made = [plain, paid, cancelled, *api.complete(split)]
    return [order["order_id"] for order in made]


def foreign(name: str, *grosses: int, **more: Json) -> Json:
    """An order as another system tells of it."""
    items = [{"gross_amount": gross, "tax_lines": [{"percentage": 25}]} for gross in grosses]
    return {
        "order_id": name,
        "currency": "NOK",
        "created_at": "2020-01-01T10:00:00+01:00",
        "items": items or [{"gross_amount": 100, "tax_lines": [{"percentage": 25}]}],
        **more,
    }


def write_lines(path: Path, *lines: Json | str) -> Path:
    """Write a file of lines; a text is written as it is."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def read_lines(path: Path) -> list[Json]:
    """The lines of a file."""
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def tamper(database: str, *statements: str) -> None:
    """Change rows behind the server's back."""
    if database.startswith("sqlite"):
        connection = sqlite3.connect(database.removeprefix("sqlite:///"))
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        connection.commit()
        connection.close()
        return

    async def change() -> None:
        client = await asyncpg.connect(database)
        for statement in statements:
            assert not (await client.execute(statement)).endswith(" 0"), statement
        await client.close()

    asyncio.run(change())
