"""One order over real HTTP, from the token to reading it back: what `ordrebok demo` shows."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ordrebok.cli.calls import Answer, Server

OK: Final = 200

DRAFT: Final = {
    "options": {"generate_order_id": "ALPHANUMERIC_9"},
    "order": {
        "currency": "NOK",
        "customer": {"first_name": "Kari", "last_name": "Nordmann", "email": "kari@example.com"},
        "items": [
            {
                "id": "175938",
                "line_id": 1,
                "quantity": 2,
                "gross_amount": 39800,
                "tax_lines": [{"amount": 7960, "percentage": 25}],
                "description": "Stablestol for utendørsbruk",
                "description_alias": "Stablestol",
            }
        ],
    },
}
ITEM: Final = {
    "id": "003929",
    "quantity": 1,
    "gross_amount": 249900,
    "discount_lines": [
        {
            "amount": 24990,
            "percentage": 10,
            "discount_type": "manual",
            "description": "Utstillingsmodell",
        }
    ],
    "tax_lines": [{"percentage": 25}],
    "description": "Rundt bord i eik",
}


class StepFailedError(Exception):
    """A step got an answer that it did not expect."""


class Step(NamedTuple):
    """One call and what came of it."""

    sentence: str
    request: str
    outcome: str
    value: Any
    """The answer's JSON."""


def steps(server: Server, account_id: str, client_id: str, client_secret: str) -> Iterator[Step]:
    """Make the calls one after the other, each reported when it is answered.

    Raises: StepFailedError, ServerUnreachableError.
    """
    root = f"/v1/accounts/{account_id}"
    token = _good("POST", f"{root}/auth/token", server.token(account_id, client_id, client_secret))
    bearer = f"Bearer {token['access_token']}"
    hours = token["expires_in"] // 3600
    yield Step("Get a token", f"POST {root}/auth/token", f"good for {hours} hours", token)

    def call(method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 -- it is JSON
        return _good(method, path, server.call(method, path, body, authorization=bearer))

    drafts = f"{root}/shopping/draft_orders"
    draft = call("POST", drafts, DRAFT)
    yield Step("Create a draft", f"POST {drafts}", f"{_count(draft)}, {total(draft)}", draft)

    path = f"{drafts}/{draft['id']}/items"
    draft = call("POST", path, ITEM)
    yield Step("Add an item", f"POST {path}", f"{_count(draft)}, {total(draft)}", draft)

    path = f"{drafts}/{draft['id']}/complete"
    order = call("PUT", path, {})["orders"][0]
    number = f"order {order['order_id']}, number {order['order_number']}"
    yield Step("Complete it", f"PUT {path}", number, order)

    path = f"{root}/shopping/orders/{order['order_id']}"
    order = call("GET", path)
    paid = f"{order['status']}, payment {order['payment_status']}"
    yield Step("Read the order back", f"GET {path}", paid, order)


def kroner(amount: int) -> str:
    """Return an amount of NOK for people. Units: øre."""
    whole, cents = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}{whole:,}".replace(",", " ") + f",{cents:02d}"


def total(draft: Any) -> str:  # noqa: ANN401 -- it is JSON
    """Return what the customer would pay for a draft."""
    return f"NOK {kroner(draft['order']['net_amount'])}"


def _count(draft: Any) -> str:  # noqa: ANN401 -- it is JSON
    count = len(draft["order"]["items"])
    return f"{count} item{'s' if count != 1 else ''}"


def _good(method: str, path: str, answer: Answer) -> Any:  # noqa: ANN401 -- it is JSON
    """Return the JSON of an answer that succeeded."""
    if answer.status != OK:
        message = f"{method} {path} answered {answer.status}: {answer.complaint()}"
        raise StepFailedError(message)
    return answer.value
