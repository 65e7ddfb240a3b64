"""Builders of subscriptions, and of what their receivers are sent."""

from typing import Any

import msgspec
from msgspec.structs import replace

from ordrebok.webhooks.rules import Made, create
from ordrebok.wire.hook import HookBody, SecretBody, StoredHook
from tests.support.builders import ACTOR, NOW, accepted

HOOK_ID = "5d1c9a3e-0000-4000-8000-000000000007"
KEY = bytes(range(24))
# Names below .alt are never in DNS (RFC 9476): nothing that a test subscribes leaves the machine.
URL = "https://hooks.orders.alt/in?shop=7"
HMAC = SecretBody(type="HMAC-SHA1", value="correct horse")
AWS = SecretBody(
    type="AWS4-HMAC-SHA256",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    region="us-east-1",
    service="service",
)
MADE = Made(HOOK_ID, KEY, ACTOR, NOW)


def a_hook_body(url: str = URL, secret: SecretBody | None = None, **fields: Any) -> HookBody:  # noqa: ANN401 -- any members of the body
    """Return a subscription as a client writes it."""
    given = {
        "config": {"url": url, "secret": msgspec.to_builtins(secret)},
        "events": ["shopping_order_add"],
        **fields,
    }
    return msgspec.convert(given, HookBody)


def a_hook(url: str = URL, secret: SecretBody | None = None, **fields: Any) -> StoredHook:  # noqa: ANN401 -- any members of the body
    """Return a subscription that was made just now; it may lead into the house."""
    return accepted(create(a_hook_body(url, secret, **fields), MADE, private_targets=True))


def with_secret(hook: StoredHook, secret: SecretBody) -> StoredHook:
    """Return a subscription with another secret."""
    return replace(hook, config=replace(hook.config, secret=secret))
