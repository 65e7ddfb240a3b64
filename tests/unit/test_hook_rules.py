"""The life of a subscription: what may be subscribed to, pausing it, and its end."""

import msgspec
import pytest
from msgspec.structs import replace

from ordrebok.clock import instant
from ordrebok.refusals import Refusal
from ordrebok.webhooks import rules
from ordrebok.webhooks.body import ping_body
from ordrebok.wire.base import encode
from ordrebok.wire.hook import EventName, HookBody, HookRegister, SecretBody, StoredHook
from tests.support.builders import ACTOR, LATER, NOW, accepted
from tests.support.subscriptions import AWS, HMAC, HOOK_ID, KEY, MADE, URL, a_hook, a_hook_body

SECRETS = (HMAC, AWS, SecretBody(type="Authorization", value="Bearer very-secret"))


def refused(body: HookBody, *, private_targets: bool = False) -> list[tuple[object, ...]]:
    """Return code and path of everything that is wrong with a subscription."""
    outcome = rules.create(body, MADE, private_targets=private_targets)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "INVALID_REQUEST_PARAMETER"
    assert all(fault.description for fault in outcome.faults)
    return [(fault.code, *fault.path) for fault in outcome.faults]


# ------------------------------------------------------------------------------------- making


def test_a_subscription_is_made_with_a_key_of_its_own() -> None:
    """Its key comes from the random bytes it is given."""
    hook = accepted(rules.create(a_hook_body(), MADE, private_targets=False))
    assert (hook.id, hook.created_by, hook.created_at) == (HOOK_ID, ACTOR, NOW.text)
    assert (hook.status, hook.active, hook.paused_reason) == ("active", True, None)
    assert hook.signing_secret == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
    other = accepted(
        rules.create(a_hook_body(), MADE._replace(key=KEY[::-1]), private_targets=False)
    )
    assert other.signing_secret != hook.signing_secret


def test_a_subscription_that_is_not_active_begins_paused() -> None:
    """By its owner's wish."""
    hook = a_hook(active=False)
    assert (hook.status, hook.active, hook.paused_reason) == ("paused", False, "requested")


def test_an_event_that_is_named_twice_is_told_once() -> None:
    """In the order in which they were named."""
    hook = a_hook(events=["shopping_order_update", "shopping_order_add", "shopping_order_update"])
    assert hook.events == ("shopping_order_update", "shopping_order_add")


def test_every_documented_event_may_be_subscribed_to_but_not_the_ping() -> None:
    """Those of other services never come from here."""
    names = list(EventName.__args__)  # type: ignore[attr-defined]
    assert len(names) == len(set(names)) == 42
    assert a_hook(events=names).events == tuple(names)
    with pytest.raises(msgspec.ValidationError):
        a_hook(events=["ping"])


# ------------------------------------------------------------------------------------- the URL


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "http://hooks.orders.alt",
        "https://hooks.orders.alt:8443/a%20b?x=%C3%A6",
        "HTTPS://Hooks.Orders.ALT/",
        "https://8.8.8.8/in",
        "https://[2606:4700:4700::1111]/in",
    ],
)
def test_a_public_absolute_url_is_taken(url: str) -> None:
    """As it was written."""
    hook = accepted(rules.create(a_hook_body(url), MADE, private_targets=False))
    assert hook.config.url == url


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("ftp://hooks.orders.alt/", ["INVALID_FORMAT"]),
        ("file:///etc/passwd", ["INVALID_FORMAT"]),
        ("/in", ["INVALID_FORMAT"]),
        ("hooks.orders.alt/in", ["INVALID_FORMAT"]),
        ("//hooks.orders.alt/in", ["INVALID_FORMAT"]),
        ("https:///in", ["INVALID_FORMAT"]),
        ("https://", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt:0/", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt:99999/", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt:x/", ["INVALID_FORMAT"]),
        ("https://[::1/", ["INVALID_FORMAT"]),
        ("https://[x]/", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt/a b", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt/\r\nx: y", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt\\@evil.se/", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt/æ", ["INVALID_FORMAT"]),
        ("https://hooks.orders.alt/%zz", ["INVALID_FORMAT"]),
        ("https://user:pw@hooks.orders.alt/", ["URL_CREDENTIALS"]),
        ("https://user@hooks.orders.alt/#top", ["URL_CREDENTIALS", "URL_FRAGMENT"]),
        ("https://hooks.orders.alt/#", ["URL_FRAGMENT"]),
        ("https://localhost/", ["HOST_NOT_PUBLIC"]),
        ("https://127.0.0.1/", ["HOST_NOT_PUBLIC"]),
        ("https://[::ffff:10.0.0.1]/", ["HOST_NOT_PUBLIC"]),
        ("https://[fe80::1%25eth0]/", ["HOST_NOT_PUBLIC"]),
        ("https://www.example.com/in", ["HOST_NOT_PUBLIC"]),
        ("https://hooks%2eorders.se/", ["HOST_NOT_PUBLIC"]),
    ],
)
def test_a_url_that_nothing_can_be_sent_to_is_refused(url: str, codes: list[str]) -> None:
    """With all that is wrong with it."""
    assert refused(a_hook_body(url)) == [(code, "config", "url") for code in codes]


def test_an_operator_may_allow_targets_inside_the_house() -> None:
    """For receivers that stand beside this server."""
    for url in ("http://localhost:8080/in", "http://10.0.0.7/", "http://receiver/in"):
        assert refused(a_hook_body(url)) == [("HOST_NOT_PUBLIC", "config", "url")]
        assert accepted(rules.create(a_hook_body(url), MADE, private_targets=True)).active


# ------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("secret", "missing"),
    [
        ({"type": "HMAC-SHA1"}, ["value"]),
        ({"type": "Authorization", "region": "x"}, ["value"]),
        (
            {"type": "AWS4-HMAC-SHA256", "value": "x", "region": "eu-north-1"},
            ["aws_access_key_id", "aws_secret_access_key", "service"],
        ),
    ],
)
def test_a_secret_has_what_its_type_needs(secret: dict[str, str], missing: list[str]) -> None:
    """All that is missing is named."""
    body = a_hook_body(secret=msgspec.convert(secret, SecretBody))
    assert refused(body) == [
        ("OBJECT_MISSING_REQUIRED_PROPERTY", "config", "secret", name) for name in missing
    ]


@pytest.mark.parametrize(
    ("secret", "name"),
    [
        (SecretBody(type="Authorization", value="a\r\nHost: evil"), "value"),
        (SecretBody(type="Authorization", value=" a"), "value"),
        (SecretBody(type="Authorization", value="pæss"), "value"),
        (replace(AWS, region="eu/north"), "region"),
        (replace(AWS, service="a b"), "service"),
        (replace(AWS, aws_access_key_id="A\nB"), "aws_access_key_id"),
        (replace(AWS, aws_secret_access_key="a b"), "aws_secret_access_key"),
    ],
)
def test_a_secret_that_does_not_fit_in_a_header_is_refused(secret: SecretBody, name: str) -> None:
    """Nobody writes headers of a delivery by it."""
    assert refused(a_hook_body(secret=secret)) == [("INVALID_CHARACTER", "config", "secret", name)]


def test_a_key_for_hmac_may_be_any_text() -> None:
    """It is never sent."""
    secret = SecretBody(type="HMAC-SHA1", value="æ ø\nå")
    assert a_hook(secret=secret).config.secret == secret


def test_what_a_secret_has_no_use_for_is_not_kept() -> None:
    """A key of another type, say."""
    assert a_hook(secret=replace(AWS, type="HMAC-SHA1", value="x")).config.secret == SecretBody(
        type="HMAC-SHA1", value="x"
    )


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_ever_shown_again(secret: SecretBody) -> None:
    """Neither in answers nor in pings; the signing secret in the first answer alone."""
    hook = a_hook(secret=secret)
    hidden = {value.encode() for value in msgspec.structs.astuple(secret)[1:] if value}
    for shown in (encode(rules.shown(hook)), encode(rules.shown_new(hook)), ping_body(hook)):
        assert not [value for value in hidden if value in shown]
        assert msgspec.json.decode(shown)["config"]["secret"] == {"type": secret.type}
    assert b"whsec_" in encode(rules.shown_new(hook))
    assert b"whsec_" not in encode(rules.shown(hook)) + ping_body(hook)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """The URL, the secret and both masks, each with its place."""
    body = a_hook_body(
        "http://localhost/#x",
        SecretBody(type="HMAC-SHA1"),
        fields="a,",
        exclude_fields=["a", "b/"],
    )
    assert refused(body) == [
        ("URL_FRAGMENT", "config", "url"),
        ("OBJECT_MISSING_REQUIRED_PROPERTY", "config", "secret", "value"),
        ("MASK_SYNTAX", "fields"),
        ("MASK_SYNTAX", "exclude_fields", 1),
    ]


# ------------------------------------------------------------------------------------- its life


def test_a_paused_subscription_is_resumed() -> None:
    """And says why it was paused until then."""
    hook = accepted(rules.paused(a_hook(), "failures", LATER))
    assert (hook.status, hook.active, hook.paused_reason) == ("paused", False, "failures")
    assert hook.updated_at == LATER.text
    again = accepted(rules.resumed(hook, LATER))
    assert again == replace(a_hook(), updated_at=LATER.text)


def test_what_is_so_already_stays_as_it_is() -> None:
    """Nothing is written for it."""
    hook = a_hook()
    assert rules.resumed(hook, LATER) is hook
    paused = accepted(rules.paused(hook, "requested", NOW))
    assert rules.paused(paused, "failures", LATER) is paused


@pytest.mark.parametrize(
    "over", [rules.ended(a_hook(), LATER), rules.deleted(a_hook(), ACTOR, LATER)]
)
def test_what_is_over_is_neither_paused_nor_resumed(over: StoredHook) -> None:
    """It is made anew."""
    assert not over.active
    for outcome in (rules.paused(over, "requested", LATER), rules.resumed(over, LATER)):
        assert isinstance(outcome, Refusal)
        assert (outcome.code, outcome.data) == ("HOOK_ENDED", {"status": over.status})


@pytest.mark.parametrize("secret", SECRETS)
def test_a_deleted_subscription_keeps_no_secret(secret: SecretBody) -> None:
    """It stays readable; its secrets are gone."""
    hook = rules.deleted(a_hook(secret=secret), ACTOR, LATER)
    assert (hook.status, hook.deleted_at, hook.deleted_by) == ("deleted", LATER.text, ACTOR)
    assert hook.config.secret == SecretBody(type=secret.type)
    assert hook.signing_secret == ""
    assert rules.ended(hook, LATER) is hook


# ------------------------------------------------------------------------------------- the list


def a_register(count: int, *, deleted: int = 0) -> HookRegister:
    """Return a register of subscriptions h0, h1, ...; the first `deleted` of them are."""
    register = None
    for number in range(count):
        hook = replace(a_hook(), id=f"h{number}", created_at=instant(NOW.ms + number).text)
        register = accepted(rules.registered(register, hook, NOW))
        if number < deleted:
            register = accepted(
                rules.registered(register, rules.deleted(hook, ACTOR, LATER), LATER)
            )
    assert register is not None
    return register


def ids(register: HookRegister, limit: int, after: str | None, *, deleted: bool) -> list[str]:
    """Return the ids on a page."""
    return [entry.id for entry in rules.page(register, limit, after, include_deleted=deleted)]


def test_subscriptions_are_listed_newest_first_page_by_page() -> None:
    """Each on one page; deleted ones only when asked for."""
    register = a_register(5, deleted=2)
    assert ids(register, 2, None, deleted=False) == ["h4", "h3"]
    assert ids(register, 2, "h3", deleted=False) == ["h2"]
    assert ids(register, 10, None, deleted=True) == ["h4", "h3", "h2", "h1", "h0"]
    assert ids(register, 1, "h1", deleted=True) == ["h0"]
    assert ids(register, 10, "h0", deleted=True) == []
    assert ids(register, 10, "another", deleted=True) == []
    assert rules.page(None, 10, None, include_deleted=True) == []


def test_an_account_has_so_many_subscriptions_and_no_more() -> None:
    """Deleted ones do not count."""
    register = a_register(rules.MOST_HOOKS)
    refusal = rules.registered(register, replace(a_hook(), id="more"), NOW)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.data) == ("TOO_MANY_HOOKS", {"limit": 100})
    freed = accepted(
        rules.registered(register, rules.deleted(replace(a_hook(), id="h7"), ACTOR, NOW), NOW)
    )
    register = accepted(rules.registered(freed, replace(a_hook(), id="more"), NOW))
    assert len(register.hooks) == rules.MOST_HOOKS + 1


def test_the_list_forgets_what_was_deleted_long_ago() -> None:
    """So that it does not grow for ever."""
    register = a_register(1_002, deleted=1_002)
    assert len(register.hooks) == 1_000
    assert register.hooks[0].id == "h2"
