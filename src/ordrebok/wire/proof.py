"""The proof of an order's books: equations with their terms."""

from typing import Literal

from ordrebok.wire.base import Currency, LineId, Text, Wire


class Equation(Wire, frozen=True, kw_only=True):
    """One thing that must hold, with the amounts on both sides and the terms they come from."""

    name: Text
    left: int | str
    relation: Literal["=", "<="]
    right: int | str
    terms: dict[str, int]
    holds: bool


class LineProof(Wire, frozen=True, kw_only=True):
    """The equations of one line."""

    line_id: LineId
    equations: tuple[Equation, ...]


class AuthorizationProof(Wire, frozen=True, kw_only=True):
    """The equations of one authorization, for each of its lines."""

    authorization_id: Text
    equations: tuple[Equation, ...]


class Proof(Wire, frozen=True, kw_only=True):
    """All equations of an order, and whether every one holds."""

    order_id: Text
    version: int
    currency: Currency
    holds: bool
    order: tuple[Equation, ...]
    lines: tuple[LineProof, ...]
    authorizations: tuple[AuthorizationProof, ...]
