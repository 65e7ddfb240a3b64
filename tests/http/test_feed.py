"""The change feed: every change once, in order, without a gap, as pages and as a stream."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import NamedTuple

import httpx
import pytest

from tests.support.api import Api, Site, line, race, site_of
from tests.support.openapi import Json
from tests.support.server import Server, poll, serving

Step = tuple[str, str, int]


def steps(changes: list[Json]) -> list[Step]:
    """What changes say: their name, the resource's id, its version."""
    return [(change["event"], change["id"], change["version"]) for change in changes]


def whole(api: Api, limit: int = 1000) -> list[Json]:
    """The feed from its beginning to its present end."""
    found: list[Json] = []
    page: Json = {"after": "0", "more": True}
    while page["more"]:
        page = api.get("changes", after=page["after"], limit=limit)
        found += page["changes"]
    return found


class Message(NamedTuple):
    """One message of a stream."""

    id: str
    event: str
    data: Json


@contextmanager
def stream(api: Api, url: str = "", **headers: str) -> Iterator[Iterator[Message]]:
    """The messages of the feed as they come, with everything that is no message left out."""
    sent = {"Authorization": f"Bearer {api.credentials.token}", "Accept": "text/event-stream"}
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    target = f"{url}{api.url('changes')}"
    with api.http.stream("GET", target, headers=sent | headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield messages(response.iter_lines())


def messages(lines: Iterator[str]) -> Iterator[Message]:
    """Put the lines of a stream together."""
    fields: dict[str, str] = {}
    for each in lines:
        if each.startswith(":"):
            continue
        name, _, value = each.partition(": ")
        if name:
            fields[name] = value
        elif fields:
            yield Message(fields["id"], fields["event"], json.loads(fields["data"]))
            fields = {}


def test_every_change_is_in_the_feed_by_its_name(api: Api) -> None:
    """From the draft to what a service reports: one change each, in the order they were made."""
    draft = api.draft(line(), id="D")
    api.post(f"draft_orders/{draft['id']}/items", line(500))
    (order,) = api.complete(draft)
    id = order["order_id"]
    api.put(f"orders/{id}", {"comment": "knock twice"})
    api.post(f"orders/{id}/events", {"service": "kitchen", "service_status": "ready"})
    api.post(f"orders/{id}/authorizations", {"items": [{"line_id": 1, "amount": 100}]})
    changes = whole(api)
    assert steps(changes) == [
        ("shopping_draft_add", draft["id"], 1),
        ("shopping_draft_update", draft["id"], 2),
        ("shopping_draft_complete", draft["id"], 3),
        ("shopping_order_add", id, 1),
        ("shopping_order_update", id, 2),
        ("shopping_order_event_add", id, 3),
        ("shopping_order_update", id, 4),
    ]
    events = {event["id"] for event in api.get(f"orders/{id}")["events"]}
    assert {change["event_id"] for change in changes if change["resource"] == "order"} == events
    assert {change["created_by"] for change in changes} == {api.credentials.id}


def test_pages_go_on_where_the_last_one_ended(api: Api) -> None:
    """Small pages give what a large one gives; at the end there is no more, and the place stays."""
    for _ in range(5):
        api.draft(line())
    assert whole(api, limit=2) == whole(api)
    last = api.get("changes", limit=1000)
    assert not last["more"]
    end = api.get("changes", after=last["after"])
    assert end == {"changes": [], "after": last["after"], "more": False}
    assert api.get("changes", after="latest") == end


def test_an_account_sees_its_own_changes_alone(site: Site) -> None:
    """Another account's changes are in no feed but its own."""
    one, other = site.new_account(), site.new_account()
    one.draft(line())
    assert len(whole(one)) == 1
    assert whole(other) == []


@pytest.mark.parametrize("after", ["-1", "x", "1.0", "\uff19", "9" * 19])
def test_a_place_that_is_none_is_refused(api: Api, after: str) -> None:
    """Only what the feed has answered names a place in it."""
    error = api.refused("INVALID_REQUEST_PARAMETER", "GET", "changes", params={"after": after})
    assert error["errors"][0]["path"] == ["after"]


def test_a_place_that_the_feed_does_not_reach_is_refused(api: Api) -> None:
    """As after the sandbox was emptied: a reader must not wait for what it has seen already."""
    api.draft(line())
    assert api.get("changes", after="1")["changes"] == []
    for headers in ({}, {"Accept": "text/event-stream"}):
        error = api.refused(
            "INVALID_REQUEST_PARAMETER", "GET", "changes", params={"after": "2"}, headers=headers
        )
        assert error["errors"][0]["path"] == ["after"]


def test_a_reader_may_wait_for_the_next_change(api: Api) -> None:
    """A page that waits is answered by the change that comes, and empty when none does."""
    assert api.get("changes", wait=1) == {"changes": [], "after": "0", "more": False}
    page, draft = race(lambda: api.get("changes", after="0", wait=60), lambda: api.draft(line()))
    assert steps(page["changes"]) == [("shopping_draft_add", draft["id"], 1)]


def test_a_stream_tells_changes_as_they_happen(api: Api) -> None:
    """What was there comes first; what happens then comes when it happens."""
    first = api.draft(line())
    with stream(api) as told:
        assert next(told).data["id"] == first["id"]
        second = api.draft(line())
        message = next(told)
    assert message.data["id"] == second["id"]
    assert message.event == "shopping_draft_add"
    assert message.id == message.data["cursor"]


def test_a_stream_goes_on_after_what_its_reader_has_seen(api: Api) -> None:
    """`Last-Event-ID` is where the last stream broke off; one that makes no sense is refused."""
    drafts = [api.draft(line())["id"] for _ in range(4)]
    with stream(api) as told:
        seen = [next(told) for _ in range(2)]
    with stream(api, Last_Event_ID=seen[-1].id) as told:
        seen += [next(told) for _ in range(2)]
    assert [message.data["id"] for message in seen] == drafts
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "x"}
    api.refused("INVALID_REQUEST_PARAMETER", "GET", "changes", headers=headers)


def test_a_stream_tells_nothing_once_its_token_is_good_no_more(site: Site) -> None:
    """It ends with the change that it may not tell, and not only when its hour is over."""
    api = site.new_account()
    reader = site.operator.add_client(api.account_id, seconds=5)
    with stream(Api(api.http, api.contract, reader)) as told:
        first = api.draft(line())
        assert next(told).data["id"] == first["id"]
        poll(lambda: is_refused(api, reader.token), "a token that has expired")
        api.draft(line())
        assert next(told, None) is None


def test_a_page_tells_nothing_once_its_token_is_good_no_more(site: Site) -> None:
    """Who waits longer than its token lasts is turned away, as if it came now."""
    api = site.new_account()
    reader = site.operator.add_client(api.account_id, seconds=3)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(
            lambda: Api(api.http, api.contract, reader).send("GET", "changes?after=0&wait=60")
        )
        poll(lambda: is_refused(api, reader.token), "a token that has expired")
        assert not waiting.done()
        api.draft(line())
        answer = waiting.result(10)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "INVALID_TOKEN"


def is_refused(api: Api, token: str) -> bool:
    """Tell whether nobody may read with a token any more."""
    headers = {"Authorization": f"Bearer {token}"}
    return api.send("GET", "changes", headers=headers).status_code == 401


def test_who_waits_is_answered_when_the_server_ends(database_url: str, tmp_path: Path) -> None:
    """A server that is told to stop lets nobody wait until the time is over."""
    with serving(database_url, tmp_path) as server, site_of(server) as site:
        api = site.new_account()
        with ThreadPoolExecutor(2) as threads, stream(api) as told:
            waiting = threads.submit(lambda: api.get("changes", wait=60))
            listening = threads.submit(lambda: list(told))
            with stream(api) as other:  # Both others are under way once this one is.
                api.draft(line())
                next(other)
            server.terminate()
            assert len(waiting.result(10)["changes"]) == 1
            assert len(listening.result(10)) == 1


# ------------------------------------------------------------------ many writers, many readers

WRITERS = 32
WRITES = 12


def read_all(api: Api, url: str, done: Event) -> list[Json]:
    """Follow the feed by pages that wait, until the writers are done and nothing more comes."""
    seen: list[Json] = []
    after = "0"
    while True:
        ended = done.is_set()
        page = api.get(f"{url}{api.url('changes')}", after=after, limit=7, wait=1)
        seen += page["changes"]
        after = page["after"]
        if ended and not page["changes"]:
            return seen


def listen(api: Api, url: str, count: int) -> list[Json]:
    """Follow the feed as a stream, for so many changes."""
    with stream(api, url) as told:
        return [message.data for message in itertools.islice(told, count)]


def write(api: Api, url: str, number: int) -> None:
    """Change one of a few drafts, at one of the servers."""
    for nth in range(WRITES):
        path = f"{url}{api.url(f'draft_orders/D{number % 4}/items')}"
        api.post(path, line(1, id=f"{number}-{nth}"), params={"include_events": "false"})


@pytest.fixture
def servers(database_url: str, tmp_path: Path) -> Iterator[Mapping[str, Server]]:
    """The servers of one database: two on PostgreSQL, the only one there may be on SQLite."""
    with serving(database_url, tmp_path) as first:
        if database_url.startswith("sqlite"):
            yield {"first": first}
            return
        with serving(database_url, tmp_path) as second:
            yield {"first": first, "second": second}


def test_no_reader_misses_a_change_of_many_writers(servers: Mapping[str, Server]) -> None:
    """32 writers in two processes, readers at both: each sees every change once, in one order."""
    urls = [server.url for server in servers.values()]
    with site_of(servers["first"]) as site:
        api = site.new_account()
        for number in range(4):
            api.post("draft_orders", {"id": f"D{number}", "order": {"currency": "NOK"}})
        count = 4 + WRITERS * WRITES
        done = Event()
        with ThreadPoolExecutor(WRITERS + 8) as threads:
            pages = [threads.submit(read_all, api, url, done) for url in urls * 2]
            streams = [threads.submit(listen, api, url, count) for url in urls]
            writers = [
                threads.submit(write, api, urls[number % len(urls)], number)
                for number in range(WRITERS)
            ]
            for writer in writers:
                writer.result(120)
            done.set()
            seen = [future.result(60) for future in (*pages, *streams)]
        assert all(each == seen[0] for each in seen)
        assert [int(change["cursor"]) for change in seen[0]] == list(range(1, count + 1))
        for number in range(4):
            versions = [change["version"] for change in seen[0] if change["id"] == f"D{number}"]
            assert versions == list(range(1, len(versions) + 1))


def test_a_change_of_another_server_reaches_who_waits(postgres_url: str, tmp_path: Path) -> None:
    """Servers of one database tell each other nothing; whoever waits finds it soon all the same."""
    with (
        serving(postgres_url, tmp_path) as first,
        serving(postgres_url, tmp_path) as second,
        site_of(first) as here,
        httpx.Client(base_url=second.url, timeout=60) as there,
    ):
        api = here.new_account()
        other = Api(there, here.contract, api.credentials)
        page, draft = race(lambda: other.get("changes", wait=60), lambda: api.draft(line()))
        assert steps(page["changes"]) == [("shopping_draft_add", draft["id"], 1)]
