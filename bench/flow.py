"""The whole flow over HTTP: an order from its draft to a refund, one request after another.

Each connection makes a draft of three items, adds one, completes the draft, authorizes and
captures all of the order, refunds a line and reads the order back; then it begins with the next
order. Draft and order have an id of the client's own, so that every request is ready before the
clock runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Cell
from bench.http import Load, Pace
from bench.load import Step
from bench.workload import (
    HERE,
    LINES,
    ORDERS,
    PATH,
    Json,
    add_request,
    draft,
    item,
    new_ids,
    request,
)

FLOW = "whole flow"
MOST_ORDERS_PER_SECOND = 3_000
REFUNDED = 2


def net_amount(line: Json) -> int:
    """Return what the customer pays for a line."""
    discounts = sum(discount["amount"] for discount in line["discount_lines"])
    return int(line["gross_amount"] - discounts)


def steps(token: str) -> dict[str, Step]:
    """Return the requests of one order by name, each with what only its right answer contains.

    The amounts tell: of the first three, the order's total; of an operation, its own; and at the
    end what may still be refunded.
    """
    new = draft(LINES)
    del new["options"]
    new["order"]["order_id"] = HERE
    amounts = {number: net_amount(item(number)) for number in range(1, LINES + 2)}
    whole = sum(amounts.values())
    paid = {"items": [{"line_id": number, "amount": part} for number, part in amounts.items()]}
    returned = {"items": [{"line_id": REFUNDED, "amount": amounts[REFUNDED]}]}

    def order(action: str, body: Json) -> tuple[str, ...]:
        return request("POST", f"{ORDERS}/{HERE}/{action}", token, body)

    return {
        "make a draft": Step(
            request("POST", PATH, token, {"id": HERE, **new}),
            f'"net_amount":{whole - amounts[LINES + 1]},',
        ),
        "add an item": Step(add_request(token, LINES + 1), f'"net_amount":{whole},'),
        "complete": Step(
            request("PUT", f"{PATH}/{HERE}/complete", token, {}),
            f'"remaining_authorization_amount":{whole}',
        ),
        # After the amount of a line its object ends, and after that of an operation it goes on.
        "authorize": Step(order("authorizations", paid), f'"amount":{whole},'),
        "capture": Step(order("captures", paid), f'"amount":{whole},'),
        "refund a line": Step(order("refunds", returned), f'"amount":{amounts[REFUNDED]},'),
        "read the order": Step(
            request("GET", f"{ORDERS}/{HERE}", token),
            f'"remaining_refund_amount":{whole - amounts[REFUNDED]},',
        ),
    }


def measure(engine: str, load: Load, pace: Pace) -> Iterator[Cell]:
    """Measure one server, once at every number of connections.

    Refuses: WrongAnswer at the first answer that is not the right one.
    """
    work = steps(load.token)
    for callers in pace.callers:
        ids = new_ids(int(pace.whole * MOST_ORDERS_PER_SECOND))
        measured, server_seconds = load.run([*work.values()], ids, callers, pace)
        yield Cell(
            engine=engine,
            work=FLOW,
            callers=callers,
            per_second=measured.per_second,
            latency=measured.latency,
            client_us=measured.cpu_us,
            server_us=server_seconds * 1e6,
            steps=dict(zip(work, measured.steps, strict=True)),
        )
