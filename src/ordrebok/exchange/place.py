"""Where orders go, and where they come from: addresses of one account become those of another."""

from typing import NamedTuple

from msgspec.structs import replace

from ordrebok.wire.base import Link, Links


class Place(NamedTuple):
    """The account that orders go to, and that of the export which they come from."""

    account_id: str
    from_account_id: str = ""
    """Empty where it is not known."""

    def path(self, order_id: str) -> str:
        """Return the path of an order."""
        return f"{_orders_path(self.account_id)}/{order_id}"

    @property
    def is_same(self) -> bool:
        """Whether the orders come from this very account."""
        return self.from_account_id == self.account_id

    @property
    def is_another(self) -> bool:
        """Whether the orders come from another account."""
        return self.from_account_id not in {"", self.account_id}

    def moved(self, address: str) -> str:
        """Return an address within the other account as one within this account."""
        if not self.is_another:
            return address
        return address.replace(_orders_path(self.from_account_id), _orders_path(self.account_id), 1)

    def links(self, given: Links | None, href: str, rel: str) -> Links:
        """Return links as links of this account; one to the thing itself where none are given."""
        if given is None:
            return (Link(href=href, rel=rel),)
        if not self.is_another:
            return given
        return tuple(replace(link, href=self.moved(link.href)) for link in given)


def _orders_path(account_id: str) -> str:
    """Return the path below which an account's orders stand."""
    return f"/v1/accounts/{account_id}/shopping/orders"
