"""The catalogue of refusals: every code this server can answer, with its status, once.

A refusal is a value that the rules return; only the web turns it into a response. Codes are
stable: clients may branch on them. To add one: a line here, the code in the docstring of the
rule that returns it, and a test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple


class Entry(NamedTuple):
    """One line of the catalogue."""

    status: int
    message: str


CATALOGUE: dict[str, Entry] = {
    "INVALID_JSON": Entry(400, "The body is not valid JSON"),
    "INVALID_REQUEST_PARAMETER": Entry(400, "The request does not fit the schema"),
    "INVALID_AMOUNTS": Entry(400, "The amounts of the request contradict each other"),
    "INVALID_HEADER": Entry(400, "A request header is not valid"),
    "UNSUPPORTED_GRANT_TYPE": Entry(400, "Only client_credentials tokens are given here"),
    "MISSING_TOKEN": Entry(401, "A bearer token is needed"),
    "INVALID_TOKEN": Entry(401, "The bearer token is not valid"),
    "INVALID_CLIENT": Entry(401, "The client credentials are not valid"),
    "MISSING_SCOPE": Entry(403, "The token lacks the scope for this call"),
    "WRONG_ACCOUNT": Entry(403, "The token belongs to another account"),
    "WRONG_CUSTOMER": Entry(403, "The token belongs to another customer, or to none"),
    "NO_GRANT": Entry(403, "The client has no grant for this audience"),
    "NO_SANDBOX": Entry(403, "The account has no sandbox here"),
    "NOT FOUND": Entry(404, "Resource not found"),
    "METHOD_NOT_ALLOWED": Entry(405, "This path does not take this method"),
    "ID_TAKEN": Entry(409, "The id is taken by a resource with other content"),
    "ORDER_ID_TAKEN": Entry(409, "The order_id is taken by another order"),
    "LINE_ID_TAKEN": Entry(409, "The line_id is taken by another item"),
    "DRAFT_COMPLETED": Entry(409, "The draft is completed; only metadata and comment may change"),
    "DRAFT_DELETED": Entry(409, "The draft is deleted"),
    "DRAFT_INCOMPLETE": Entry(409, "The draft cannot be completed yet"),
    "TOO_MANY_ITEMS": Entry(409, "An order holds at most 2,000 items"),
    "AMOUNT_TOO_LARGE": Entry(409, "A total would pass the largest amount that is kept exactly"),
    "CURRENCY_MISMATCH": Entry(409, "The draft and the order it updates differ in currency"),
    "DISCOUNT_USED_UP": Entry(409, "A discount of the draft is used up; apply discounts again"),
    "CLAIM_REF_TAKEN": Entry(409, "The ref is taken by another claim"),
    "ORDER_NOT_OPEN": Entry(409, "The order is not open"),
    "ORDER_CLOSED": Entry(409, "The order is closed; only metadata may change"),
    "ORDER_CANCELLED": Entry(409, "The order is cancelled"),
    "ORDER_HAS_PAYMENTS": Entry(409, "The order has recorded payments that stand against this"),
    "AUTHORIZATION_ID_REQUIRED": Entry(409, "The order needs an authorization_id on this"),
    "AMOUNT_SIGN": Entry(409, "An amount has the sign of its line"),
    "ALREADY_AUTHORIZED": Entry(409, "The line has a live authorization already"),
    "AUTHORIZATION_EXCEEDS_LINE": Entry(409, "More than is left to authorize on the line"),
    "CAPTURE_EXCEEDS_AUTHORIZATION": Entry(409, "More than is authorized and not captured"),
    "REFUND_EXCEEDS_CAPTURE": Entry(409, "More than is captured and not refunded"),
    "CANCELLATION_EXCEEDS_AUTHORIZATION": Entry(409, "More than is authorized and not captured"),
    "PAYOUT_RULE_NOT_FOUND": Entry(409, "A line names a payout rule that is not there"),
    "HOOK_ENDED": Entry(409, "The subscription is deleted, or its receiver has ended it"),
    "TOO_MANY_HOOKS": Entry(409, "An account has at most 100 subscriptions"),
    "USE_A_DRAFT": Entry(409, "Amounts, quantities and taxes change only by a draft"),
    "STALE_VERSION": Entry(412, "The resource has changed since the version in If-Match"),
    "BODY_TOO_LARGE": Entry(413, "The body is larger than 5 MB"),
    "NOT_JSON": Entry(415, "The body must be application/json"),
    "IDEMPOTENCY_KEY_REUSED": Entry(422, "The idempotency key came with another request before"),
    "TOO_MANY_REQUESTS": Entry(429, "Too many requests; try again later"),
    "STORE_UNAVAILABLE": Entry(503, "The database cannot take the request now; try again"),
    "INTERNAL_ERROR": Entry(500, "Unexpected error"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what, and what would be right."""

    code: str
    message: str
    path: tuple[str | int, ...] = ()
    description: str = ""
    """What would be accepted instead."""
    data: Mapping[str, object] = field(default_factory=dict)
    """Numbers a program can use: line_id, requested, remaining."""

    def under(self, *prefix: str | int) -> "Fault":
        """Return the same fault with its path seen from further out."""
        return replace(self, path=(*prefix, *self.path))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was understood and not carried out; nothing of it is stored."""

    code: str
    message: str = ""
    faults: Sequence[Fault] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    """Members beside code and message, such as the current version."""
    retry_after_seconds: int | None = None

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return CATALOGUE[self.code].status

    @property
    def text(self) -> str:
        """The sentence for people: the refusal's own, else the catalogue's."""
        return self.message or CATALOGUE[self.code].message


def refuse(code: str, message: str = "", **data: object) -> Refusal:
    """Return a refusal of the catalogue with the numbers that explain it."""
    if code not in CATALOGUE:
        raise KeyError(code)
    return Refusal(code, message, data=data)


def not_found(noun: str) -> Refusal:
    """Return the refusal for something that is not there, or is another account's."""
    return Refusal("NOT FOUND", f"{noun} not found")
