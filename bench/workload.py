"""What is asked of the server: drafts of a furniture shop, three lines each, about 3 KB."""

from __future__ import annotations

import json
import random
import uuid
from typing import Any

ACCOUNT = "T12345678"
LINES = 3
Json = dict[str, Any]


def item(line: int) -> Json:
    """Return a line as a shop sends it, without a number: the server gives the next one."""
    return {
        "id": f"17593{line}",
        "quantity": 2,
        "gross_amount": 39_800,
        "tax_lines": [
            {"percentage": 25, "included_in_price": True, "tax_code": "3", "tax_group": "Høy"}
        ],
        "description": "Stablestol for utendørsbruk, pulverlakkert stål, grå",
        "description_alias": "Stacking chair",
        "groups": [{"id": "B234", "name": "Stol"}, {"id": "B1", "name": "Møbel"}],
        "dimension": {"color": "grå", "size": "54 x 60 x 82 cm", "variant": "med armlene"},
        "eligible_for_discount": True,
        "discount_lines": [
            {
                "amount": 3_980,
                "percentage": 10,
                "discount_type": "customer",
                "discount_id": "766da0ef-9283-42bd-b012-0582344ec53c",
                "description": "Kundeklubb, høst",
            }
        ],
        "store": {"id": "SL02", "name": "SC Oslo", "business_name": "SC Oslo AS"},
        "external_id": f"SL02-9482194{line}",
        "salesperson_id": "ansatt-1138",
        "metadata": {"warehouse": "Alnabru", "shelf": "14-B-3"},
    }


def draft(lines: int) -> Json:
    """Return the body of a new draft with that many lines."""
    return {
        "order": {
            "currency": "NOK",
            "store": {"id": "SL02", "name": "SC Oslo"},
            "customer": {"customer_id": "medlem-90210", "email": "kari@example.com"},
            "items": [item(line) for line in range(1, lines + 1)],
        },
        "options": {"generate_order_id": "ALPHANUMERIC_9"},
    }


def compact(value: object) -> str:
    """Write JSON as a client that counts bytes does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def document() -> str:
    """Return a draft about as the server stores it, for the yardstick's rows."""
    stored = draft(LINES)
    for line in stored["order"]["items"]:
        line |= {"net_amount": 35_820, "version": 1}
        line["tax_lines"][0] |= {"amount": 7_164, "tax_basis": 28_656}
    return compact({"id": str(uuid.uuid4()), "status": "open", "version": 2, **stored})


def new_ids(count: int) -> tuple[str, ...]:
    """Return random UUIDs, which drafts take as ids of the client's choice."""
    return tuple(str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(count))


# ----------------------------------------------------------- requests, cut around an identifier

PATH = f"/v1/accounts/{ACCOUNT}/shopping/draft_orders"
ORDERS = f"/v1/accounts/{ACCOUNT}/shopping/orders"
HERE = "~" * 36
"""Where the identifier belongs, in a path or a body; as long as one, so that lengths are right."""


def request(method: str, path: str, token: str, body: Json | None = None) -> tuple[str, ...]:
    """Return a whole request, cut wherever `HERE` stands."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"authorization: Bearer {token}"]
    text = "" if body is None else compact(body)
    if body is not None:
        length = len(text.encode())
        lines += ["content-type: application/json", f"content-length: {length}"]
    return tuple("\r\n".join([*lines, "", text]).split(HERE))


def create_request(token: str, lines: int, customer: str | None = None) -> tuple[str, ...]:
    """Return "make a draft" under an id of our own, perhaps for a customer who is known."""
    body = {"id": HERE, **draft(lines)}
    if customer is not None:
        body["order"]["customer"]["id"] = customer
    return request("POST", PATH, token, body)


def add_request(token: str, line: int = LINES, query: str = "") -> tuple[str, ...]:
    """Return "add an item"."""
    return request("POST", f"{PATH}/{HERE}/items{query}", token, item(line))


def get_request(token: str) -> tuple[str, ...]:
    """Return "read a draft"."""
    return request("GET", f"{PATH}/{HERE}", token)
