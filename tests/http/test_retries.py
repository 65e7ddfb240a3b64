"""Sending again: idempotency keys, If-Match, and what happens when retries race."""

from __future__ import annotations

import pytest

from ordrebok.operation import Operation
from tests.http.world import ASKING, WRITES, World, body_of, call
from tests.support.api import Api, Site, line, paths_of, race
from tests.support.openapi import Json

VERSIONED = tuple(row for row in WRITES if row.versioned and row.path.count("{") > 1)
BESIDE = frozenset({"aid_discounts_did_customers_post", "aid_discounts_did_customers_delete"})
"""Rows that are guarded by the version of what they leave as it is."""


def id_of(row: Operation) -> str:
    """The name of a test."""
    return row.id


@pytest.mark.parametrize("row", WRITES, ids=id_of)
def test_every_write_takes_an_idempotency_key(site: Site, row: Operation) -> None:
    """No keys: with one, the first answer comes again, byte for byte, and nothing else happens."""
    world = World(site.new_account())
    world.ready_for(row)
    before = world.versions()
    headers = {"Idempotency-Key": f"key-{row.id}"}
    first = call(world, row, headers=headers)
    after = world.versions()
    assert first.status_code == 200
    assert (after != before) == (row.id not in ASKING)
    assert "idempotency-replayed" not in first.headers
    for _ in range(2):
        again = call(world, row, headers=headers)
        assert again.headers["idempotency-replayed"] == "true"
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers.get("etag") == first.headers.get("etag")
    assert world.versions() == after


def test_replay_is_the_first_answer_also_when_things_moved_on(api: Api) -> None:
    """What is answered again is what was answered then, not what is there now."""
    headers = {"Idempotency-Key": "k"}
    body = {"order": {"currency": "NOK", "items": [line(100, 1)]}}
    first = api.send("POST", "draft_orders", body, headers=headers)
    api.delete(f"draft_orders/{first.json()['id']}")
    again = api.send("POST", "draft_orders", body, headers=headers)
    assert again.content == first.content
    assert again.headers["etag"] == '"1"'
    assert api.get(f"draft_orders/{first.json()['id']}")["status"] == "deleted"


def test_key_with_another_request_is_refused(api: Api) -> None:
    """Another body, path, method or query under the same key: 422, and nothing is done."""
    draft = api.draft(line(100, 1))
    path = f"draft_orders/{draft['id']}"
    headers = {"Idempotency-Key": "k"}
    api.put(f"{path}/items/1", line(200), headers=headers)
    others: list[tuple[str, str, Json, dict[str, str]]] = [
        ("PUT", f"{path}/items/1", line(300), {}),
        ("PUT", f"{path}/items/2", line(200), {}),
        ("PUT", f"{path}/items/1", line(200), {"include_events": "false"}),
        ("POST", f"{path}/items", line(200), {}),
        ("POST", "draft_orders", {"order": {"currency": "NOK"}}, {}),
    ]
    for method, other, body, params in others:
        api.refused("IDEMPOTENCY_KEY_REUSED", method, other, body, params=params, headers=headers)
    assert api.get(path)["version"] == 2
    assert len(api.get("draft_orders")["draft_orders"]) == 1


def test_refused_request_frees_its_key(api: Api) -> None:
    """400, 404, 409 and 412 stored nothing, so the corrected request may use the key."""
    draft = api.draft(line(100, 1))
    path = f"draft_orders/{draft['id']}/items"
    headers = {"Idempotency-Key": "k"}
    api.refused("INVALID_REQUEST_PARAMETER", "POST", path, {}, headers=headers)
    api.refused("LINE_ID_TAKEN", "POST", path, line(1, 1), headers=headers)
    api.refused("NOT FOUND", "PUT", f"{path}/9", line(1), headers=headers)
    stale = {**headers, "If-Match": '"7"'}
    api.refused("STALE_VERSION", "POST", path, line(1, 2), headers=stale)
    first = api.send("POST", path, line(1, 2), headers=headers)
    assert first.status_code == 200
    assert "idempotency-replayed" not in first.headers


def test_key_belongs_to_one_client_of_one_account(site: Site) -> None:
    """Another client may use the same key for something else, on the same account and elsewhere."""
    one = site.new_account()
    colleague, stranger = site.client_of(one.account_id), site.new_account()
    headers = {"Idempotency-Key": "k"}
    ids = set()
    for number, api in enumerate((one, colleague, stranger)):
        body = {"order": {"currency": "NOK", "items": [line(number + 1)]}}
        answer = api.send("POST", "draft_orders", body, headers=headers)
        assert "idempotency-replayed" not in answer.headers
        ids.add(answer.json()["id"])
    assert len(ids) == 3


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "æ"])
def test_unusable_keys_are_refused(sqlite_api: Api, key: str) -> None:
    """1 to 255 visible characters; refused before anything is done."""
    token = f"Bearer {sqlite_api.credentials.token}"
    response = sqlite_api.http.post(
        sqlite_api.url("draft_orders"),
        json={"order": {"currency": "NOK"}},
        headers=[
            (b"Authorization", token.encode()),
            (b"Idempotency-Key", key.encode("latin-1")),
        ],
    )
    sqlite_api.contract.check(response)
    error = response.json()["error"]
    assert (error["code"], paths_of(error)) == ("INVALID_HEADER", [["Idempotency-Key"]])
    assert sqlite_api.get("draft_orders")["draft_orders"] == []


def test_longest_key_is_taken(api: Api) -> None:
    """255 characters, all of those that are visible."""
    key = "".join(chr(code) for code in range(0x21, 0x7F)) * 3
    headers = {"Idempotency-Key": key[:255]}
    body = {"order": {"currency": "NOK"}}
    first = api.post("draft_orders", body, headers=headers)
    assert api.post("draft_orders", body, headers=headers) == first


@pytest.mark.parametrize("row_id", ["aid_draft_orders_id_items_post", "aid_orders_post"])
def test_raced_key_has_one_effect_and_equal_answers(site: Site, row_id: str) -> None:
    """Sixteen retries at once: one of them acts, and all of them get its answer."""
    world = World(site.new_account())
    row = next(row for row in WRITES if row.id == row_id)
    headers = {"Idempotency-Key": "raced"}
    before = world.versions()
    answers = race(*[lambda: call(world, row, headers=headers)] * 16)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    replayed = [answer.headers.get("idempotency-replayed") for answer in answers]
    assert (replayed.count("true"), replayed.count(None)) == (15, 1)
    assert sum(world.versions()) == sum(before) + 1


def test_raced_key_with_other_requests_has_one_winner(api: Api) -> None:
    """One key, sixteen different requests: one acts, fifteen are told so."""
    draft = api.draft()
    path = f"draft_orders/{draft['id']}/items"
    headers = {"Idempotency-Key": "raced"}
    calls = [
        lambda number=number: api.send("POST", path, line(number), headers=headers)
        for number in range(1, 17)
    ]
    statuses = sorted(answer.status_code for answer in race(*calls))
    assert statuses == [200] + [422] * 15
    assert len(api.get(f"draft_orders/{draft['id']}")["order"]["items"]) == 1


def test_own_id_raced_is_one_draft(api: Api) -> None:
    """Sixteen times the same draft under an id of the client's own: one draft, equal answers."""
    body = {"id": "D-1", "order": {"currency": "NOK", "items": [line(100, 1)]}}
    drafts = race(*[lambda: api.post("draft_orders", body)] * 16)
    assert all(draft == drafts[0] for draft in drafts)
    assert len(api.get("draft_orders")["draft_orders"]) == 1
    assert drafts[0]["version"] == 1


# -------------------------------------------------------------------------------------- If-Match


@pytest.mark.parametrize("row", VERSIONED, ids=id_of)
def test_every_versioned_write_checks_if_match(site: Site, row: Operation) -> None:
    """A path that skips the check: stale is 412 with the present version, current is taken."""
    world = World(site.new_account())
    world.ready_for(row)
    before, current = world.versions(), world.version_of(row)
    for stale in (f'"{current + 1}"', f'"{current - 1}"', '"x"', "0", f'"{current}0"'):
        response = call(world, row, headers={"If-Match": stale})
        assert response.status_code == 412, response.text
        error = response.json()["error"]
        assert (error["code"], error["version"]) == ("STALE_VERSION", current)
    assert world.versions() == before
    taken = call(world, row, headers={"If-Match": f'"{current}"'})
    assert taken.status_code == 200
    assert taken.headers["etag"] == f'"{current + (row.id not in BESIDE)}"'
    assert world.versions() != before


def test_completing_checks_if_match(api: Api) -> None:
    """The completion's answer has no version of its own, and is guarded all the same."""
    draft = api.draft(line())
    path = f"draft_orders/{draft['id']}/complete"
    api.refused("STALE_VERSION", "PUT", path, {}, headers={"If-Match": '"2"'})
    assert api.put(path, {}, headers={"If-Match": '"1"'})["status"] == "completed"


def test_forms_of_if_match(api: Api) -> None:
    """Any version, a list of versions, and a weak tag are understood."""
    path = f"draft_orders/{api.draft()['id']}"
    for version, given in enumerate(("*", '"9", "2"', 'W/"3"', '"4"'), 1):
        after = api.put(path, {"order": {"comment": given}}, headers={"If-Match": given})
        assert after["version"] == version + 1


def test_if_match_raced_has_one_winner(api: Api) -> None:
    """Sixteen changes made for the same version: one is taken, fifteen are told to look again."""
    path = f"draft_orders/{api.draft(line(1, 1))['id']}"
    headers = {"If-Match": '"1"'}
    calls = [
        lambda number=number: api.send("PUT", f"{path}/items/1", line(number), headers=headers)
        for number in range(16)
    ]
    answers = race(*calls)
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 15
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert api.get(path) == winner


def test_changes_under_if_match_retried_until_taken_are_all_kept(api: Api) -> None:
    """Read, change, write back with If-Match, again when refused: eight counters, no lost count."""
    order_id = api.order(metadata={"count": 0})["order_id"]

    def count_up() -> None:
        """Add one, as a careful client does."""
        for _ in range(200):
            order = api.get(f"orders/{order_id}")
            response = api.send(
                "PUT",
                f"orders/{order_id}",
                {"metadata": {"count": order["metadata"]["count"] + 1}},
                headers={"If-Match": f'"{order["version"]}"'},
            )
            if response.status_code == 200:
                return
        raise AssertionError("never taken")

    race(*[count_up] * 8)
    assert api.get(f"orders/{order_id}")["metadata"] == {"count": 8}


def test_body_less_writes_take_keys_too(api: Api) -> None:
    """Close with a key, open, close with that key: the first answer, and the order stays open."""
    path = f"orders/{api.order()['order_id']}"
    headers = {"Idempotency-Key": "k"}
    first = api.post(f"{path}/close", headers=headers)
    api.post(f"{path}/open")
    assert api.post(f"{path}/close", headers=headers) == first
    assert api.get(path)["status"] == "open"


def test_body_of_every_write_is_known() -> None:
    """The generated tests would be empty if an operation's body were forgotten."""
    assert len(WRITES) >= 15
    assert all(body_of(row) for row in WRITES if row.body or row.body_forms)
