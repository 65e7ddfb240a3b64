"""The vocabulary of all wire structs: the base class, amounts, ids, texts and links.

Three habits hold everywhere. A struct named ``XBody`` has the fields a client may write; the
struct ``X`` that extends it is what is stored and answered. A field that is absent is None and is
never sent. In structs that describe a change, absent is ``UNSET`` and None means "clear it".
"""

from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct, UnsetType

MAX_INTEGER: Final = 9_007_199_254_740_991
"""The largest whole number that every JSON reader keeps exactly."""

MAX_ITEMS: Final = 2_000
MAX_LINES_PER_ITEM: Final = 100
MIN_TIME_TO_LIVE: Final = 86_400
MAX_TIME_TO_LIVE: Final = 3_155_760_000
"""One hundred years: keeps "updated plus time to live" a date that exists."""

# Python lets "$" match before a last line feed; JSON Schema readers do not. This ends for both.
_END: Final = r"$(?!\n)"
_PLAIN_ID: Final = r"^(?![\s\S]*[\x00-\x1f\x7f-\x9f/])\S(?:.*\S)?" + _END


class Wire(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The base of every struct of the public JSON: immutable, and silent about what is absent."""


T = TypeVar("T")
Maybe: TypeAlias = T | UnsetType | None
"""A field of a change: a new value, None to clear the stored one, or UNSET to leave it."""

Amount = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
"""Money in the smallest unit of its currency."""

Number: TypeAlias = int | float
"""A number that is not money; rules turn it into a Decimal by its shortest text."""

Percentage: TypeAlias = (
    Annotated[int, Meta(ge=0, le=1_000)] | Annotated[float, Meta(ge=0, le=1_000)]
)
Quantity: TypeAlias = (
    Annotated[int, Meta(gt=0, le=MAX_INTEGER)] | Annotated[float, Meta(gt=0, le=MAX_INTEGER)]
)
Latitude: TypeAlias = Annotated[int, Meta(ge=-90, le=90)] | Annotated[float, Meta(ge=-90, le=90)]
Longitude: TypeAlias = (
    Annotated[int, Meta(ge=-180, le=180)] | Annotated[float, Meta(ge=-180, le=180)]
)

LineId = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
RatePpm = Annotated[
    int,
    Meta(gt=0, le=MAX_INTEGER, description="Order currency per original currency, in millionths."),
]
TimeToLive = Annotated[
    int,
    Meta(
        ge=MIN_TIME_TO_LIVE,
        le=MAX_TIME_TO_LIVE,
        description="Seconds from the last change until the order is erased.",
    ),
]

Currency = Annotated[str, Meta(min_length=3, max_length=3, pattern="^[A-Z]{3}$")]
Country = Annotated[
    str,
    Meta(max_length=3, pattern="^[A-Z]{2,3}" + _END, description="ISO 3166-1 alpha-2 or alpha-3."),
]
OwnId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        pattern=_PLAIN_ID,
        description="An id of the client's own choice; a UUID when absent.",
    ),
]
OrderId = Annotated[str, Meta(min_length=1, max_length=255, pattern=_PLAIN_ID)]
OrderNumber = Annotated[str, Meta(min_length=1, max_length=255)]
CustomerId = Annotated[str, Meta(max_length=255)]
PhoneNumber = Annotated[str, Meta(pattern=r"^\+?[1-9][0-9]{1,14}" + _END)]
DecimalText = Annotated[str, Meta(max_length=40, pattern=r"^-?[0-9]+(?:\.[0-9]+)?" + _END)]
"""A decimal number as text, for values that whole minor units cannot hold."""

Text: TypeAlias = str
Comment255 = Annotated[str, Meta(max_length=255)]
Timestamp = Annotated[
    str, Meta(description="Set by the server.", extra_json_schema={"format": "date-time"})
]
"""A moment written by the server, as the text that is stored and sent."""

Metadata: TypeAlias = dict[str, Any]


class Link(Wire, frozen=True, kw_only=True):
    """A related resource."""

    href: Text
    rel: Text | None = None


Links: TypeAlias = tuple[Link, ...]

_ENCODER: Final = msgspec.json.Encoder()


def encode(obj: object) -> bytes:
    """Write any wire struct, or a plain value, as compact JSON in UTF-8."""
    return _ENCODER.encode(obj)
