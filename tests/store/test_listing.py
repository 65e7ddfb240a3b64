"""Lists: pages, filters, words, totals. The same on both engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ordrebok.decision import Key, Listing, Page
from ordrebok.store import Store
from tests.store.doors import accepted, together, with_store
from tests.store.toy import ACCOUNT, count_up, create, order, toy_of, versions_of


def listing(**more: Any) -> Listing:  # noqa: ANN401 -- passed on
    """A list of the account's orders."""
    settings: dict[str, Any] = {
        "account_id": ACCOUNT,
        "kind": "order",
        "limit": 100,
        "after": None,
        "render": lambda _: b"",
    }
    return Listing(**(settings | more))


def ids(page: Page) -> list[str]:
    """The ids on a page."""
    return [toy_of(row.body).id for row in page.rows]


async def walk(store: Store, **more: Any) -> list[str]:  # noqa: ANN401 -- passed on
    """All ids, page by page."""
    found: list[str] = []
    after = None
    while True:
        page = await store.page(listing(after=after, **more))
        found += ids(page)
        after = page.next_after
        if after is None:
            return found


async def fill(store: Store, rows: Sequence[tuple[str, int, dict[str, Any]]]) -> None:
    """Make toys: an id, the moment it was made, and what else it has."""
    await together(store, *(create(order(id), created_ms=ms, **more) for id, ms, more in rows))


def test_pages_come_newest_first_and_then_by_id(database_url: str) -> None:
    """Rows of one moment stand by their id; every page size gives the same order."""

    async def use(store: Store) -> None:
        await fill(store, [(f"o{n:02}", n // 4, {}) for n in range(30)])
        await accepted(store, create(order("x", "P00000000"), created_ms=3))
        await accepted(store, create(Key(ACCOUNT, "draft", "d"), created_ms=3))
        expected = sorted((f"o{n:02}" for n in range(30)), reverse=True)
        for limit in (1, 7, 29, 30, 31, 100):
            assert await walk(store, limit=limit) == expected
        assert await walk(store, kind="draft") == ["d"]
        assert await walk(store, account_id="P00000001") == []

    with_store(database_url, use)


def test_a_walk_while_rows_are_added_loses_and_repeats_nothing(database_url: str) -> None:
    """What was there when the walk began comes once, whatever is added or changed meanwhile."""

    async def use(store: Store) -> None:
        await fill(store, [(f"o{n:02}", 1000 + n // 3, {}) for n in range(40)])
        found: list[str] = []
        after = None
        for round_ in range(40):
            page = await store.page(listing(after=after, limit=3))
            found += ids(page)
            after = page.next_after
            if after is None:
                break
            await fill(store, [(f"new{round_}", 2000 + round_, {}), (f"p{round_}", 1005, {})])
            await accepted(store, count_up(order(f"o{round_:02}")))
        assert len(found) == len(set(found))
        assert {f"o{n:02}" for n in range(40)} <= set(found)
        assert not any(id.startswith("new") for id in found)

    with_store(database_url, use)


def test_filters_narrow_and_combine(database_url: str) -> None:
    """Status, payment status, currency and both times, each and together, with the total."""
    rows = [
        ("a", 10, {"status": "open", "payment_status": "pending", "currency": "NOK"}),
        ("b", 20, {"status": "closed", "payment_status": "paid", "currency": "NOK"}),
        ("c", 30, {"status": "open", "payment_status": "paid", "currency": "SEK"}),
        ("d", 40, {"status": "cancelled", "payment_status": "refunded", "currency": "SEK"}),
    ]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"statuses": ("open",)}, ["c", "a"]),
        ({"statuses": ("open", "closed")}, ["c", "b", "a"]),
        ({"payment_statuses": ("paid",)}, ["c", "b"]),
        ({"currencies": ("NOK",), "payment_statuses": ("paid", "pending")}, ["b", "a"]),
        ({"created_gte_ms": 20}, ["d", "c", "b"]),
        ({"created_gte_ms": 20, "created_lte_ms": 30}, ["c", "b"]),
        ({"updated_lte_ms": 0}, []),
        ({"updated_gte_ms": 0}, ["d", "c", "b", "a"]),
        ({"statuses": ("lost",)}, []),
    ]

    async def use(store: Store) -> None:
        await fill(store, rows)
        for given, expected in cases:
            page = await store.page(listing(with_total=True, **given))
            assert (ids(page), page.total) == (expected, len(expected)), given
            assert await walk(store, limit=1, **given) == expected

    with_store(database_url, use)


def test_words_and_prefixes_find_orders(database_url: str) -> None:
    """Every group must hold by one of its words; every prefix must begin some word."""
    rows: list[tuple[str, int, dict[str, Any]]] = [
        ("a", 10, {"terms_added": frozenset({"store:1", "kari", "nordmann", "90000001"})}),
        ("b", 20, {"terms_added": frozenset({"store:1", "karianne", "hansen"})}),
        ("c", 30, {"terms_added": frozenset({"store:2", "kari", "åse", "100%", "a_b"})}),
        ("d", 40, {"status": "closed", "terms_added": frozenset({"store:3", "\U0010fffd!"})}),
    ]
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"term_groups": (("store:1",),)}, ["b", "a"]),
        ({"term_groups": (("store:1", "store:2"),)}, ["c", "b", "a"]),
        ({"term_groups": (("store:1", "kari"),)}, ["c", "b", "a"]),
        ({"term_groups": (("store:1",), ("kari", "hansen"))}, ["b", "a"]),
        ({"term_groups": (("store:1",), ("store:2",))}, []),
        ({"prefixes": ("kari",)}, ["c", "b", "a"]),
        ({"prefixes": ("kari", "h")}, ["b"]),
        ({"prefixes": ("9000",)}, ["a"]),
        ({"prefixes": ("å",)}, ["c"]),
        ({"prefixes": ("100%",)}, ["c"]),
        ({"prefixes": ("a%",)}, []),
        ({"prefixes": ("aXb",)}, []),
        ({"prefixes": ("\U0010fffd",)}, ["d"]),
        ({"prefixes": ("KARI",)}, []),
        ({"prefixes": ("kari",), "term_groups": (("store:1",),)}, ["b", "a"]),
        ({"prefixes": ("store",), "statuses": ("closed",)}, ["d"]),
        ({"prefixes": ("store",), "created_gte_ms": 20, "created_lte_ms": 30}, ["c", "b"]),
        ({"term_groups": (("kari",),), "created_lte_ms": 10}, ["a"]),
    ]

    async def use(store: Store) -> None:
        await fill(store, rows)
        for given, expected in cases:
            page = await store.page(listing(with_total=True, **given))
            assert (ids(page), page.total) == (expected, len(expected)), given
            assert await walk(store, limit=1, **given) == expected, given
            assert await walk(store, account_id="P00000000", **given) == []

    with_store(database_url, use)


def test_words_follow_the_order(database_url: str) -> None:
    """Words that a change adds are found, words it removes are not, also within one batch."""
    key = order("a")

    async def words(store: Store) -> list[str]:
        names = ("one", "two", "three")
        pages = [await store.page(listing(term_groups=((name,),))) for name in names]
        return [name for name, page in zip(names, pages, strict=True) if page.rows]

    async def use(store: Store) -> None:
        await accepted(store, create(key, terms_added=frozenset({"one"})))
        await accepted(
            store, count_up(key, terms_added=frozenset({"two"}), terms_removed=frozenset({"one"}))
        )
        assert await words(store) == ["two"]
        await together(
            store,
            count_up(key, terms_added=frozenset({"three"}), terms_removed=frozenset({"two"})),
            count_up(key, terms_added=frozenset({"two"}), terms_removed=frozenset({"three"})),
            count_up(key, terms_added=frozenset({"one", "two"})),
        )
        assert await words(store) == ["one", "two"]

    with_store(database_url, use)


def test_a_page_carries_events_only_when_asked(database_url: str) -> None:
    """Each row has its own events, oldest first."""

    async def use(store: Store) -> None:
        await fill(store, [("a", 1, {}), ("b", 2, {})])
        await together(store, count_up(order("a")), count_up(order("a")))
        page = await store.page(listing(with_events=True))
        assert [versions_of(row.events) for row in page.rows] == [[1], [1, 2, 3]]
        page = await store.page(listing())
        assert [list(row.events) for row in page.rows] == [[], []]
        assert page.total is None

    with_store(database_url, use)
