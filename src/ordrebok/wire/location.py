"""Where something was sold: the store of an order, and the store of one item."""

from ordrebok.wire.base import Text, Wire


class StoreFacts(Wire, frozen=True, kw_only=True):
    """What both kinds of store tell."""

    id: Text | None = None
    organization_number: Text | None = None
    name: Text | None = None
    business_name: Text | None = None


class Store(StoreFacts, frozen=True, kw_only=True):
    """The store of an order; it carries a list of comments."""

    comments: tuple[Text, ...] | None = None


class ItemStore(StoreFacts, frozen=True, kw_only=True):
    """The store of one item; it carries a single comment."""

    comment: Text | None = None
