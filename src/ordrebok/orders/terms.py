"""The words an order is found by: equality filters and the beginnings of search words.

Each filter is a prefix (`store:SL02`), so that one small table serves them all, and a list that
filters by a rare word costs as little with a million orders as with ten.
"""

import hashlib
from collections.abc import Iterator

from ordrebok.wire.order import Order
from ordrebok.wire.travel import ItineraryAddress

_LONGEST = 200
"""Longer words are shortened; a filter is shortened the same way, so they still meet."""


def term(kind: str, value: str) -> str:
    """Return the word under which an order is kept for one value of a filter.

    Keeps: different values have different words; of a long one the end becomes a digest.
    """
    word = f"{kind}:{value}"
    if len(word) <= _LONGEST:
        return word
    digest = hashlib.sha256(value.encode()).hexdigest()
    return word[: _LONGEST - len(digest)] + digest


def folded(kind: str, value: str) -> str:
    """Return a word that is found whatever its letters' case."""
    return term(kind, value.casefold())


def search_words(text: str) -> tuple[str, ...]:
    """Return the words of a search; each must begin a word of the order."""
    return tuple([f"word:{word.casefold()}"[:_LONGEST] for word in text.split()])


def terms(order: Order) -> frozenset[str]:
    """Return every word that an order is found by."""
    return frozenset(_terms(order))


def _terms(order: Order) -> Iterator[str]:
    """Yield the words of an order."""
    if order.order_number is not None:
        yield term("number", order.order_number)
        yield from search_words(order.order_number)
    yield from search_words(order.order_id)
    customer = order.customer
    if customer is not None:
        if customer.id is not None:
            yield term("customer", customer.id)
        names = (customer.first_name, customer.last_name, customer.email, customer.phone_number)
        for text in names:
            if text:
                yield from search_words(text)
        if customer.phone_number:
            yield from search_words(customer.phone_number.removeprefix("+"))
    if order.store is not None and order.store.id is not None:
        yield term("store", order.store.id)
    for external in order.external_ids or ():
        if external.id is not None:
            yield term("external", external.id)
            yield from search_words(external.id)
    yield from _item_terms(order)
    yield from _travel_terms(order)


def _item_terms(order: Order) -> Iterator[str]:
    """Yield the words of an order's lines; of stores and discounts most lines have the same."""
    stores: set[str] = set()
    discounts: set[str] = set()
    for item in order.items:
        if item.store is not None and item.store.id is not None:
            stores.add(item.store.id)
        if item.external_id is not None:
            yield term("external", item.external_id)
            yield from search_words(item.external_id)
        for discount in item.discount_lines:
            if discount.discount_type is not None:
                discounts.add(discount.discount_type)
    for store in stores:
        yield term("store", store)
    for discount_type in discounts:
        yield term("discount", discount_type)


def _travel_terms(order: Order) -> Iterator[str]:
    """Yield the words of an order's itinerary."""
    for leg in order.itinerary or ():
        if leg.travel_mode is not None:
            yield term("travel", leg.travel_mode)
        yield from _address_terms("arrival", leg.arrival_address)
        yield from _address_terms("departure", leg.departure_address)


def _address_terms(kind: str, address: ItineraryAddress | None) -> Iterator[str]:
    """Yield the words an itinerary address is found by: its id, name, street and place."""
    if address is None:
        return
    for value in (address.id, address.name, address.address_line, address.postal_place):
        if value is not None:
            yield folded(kind, value)
