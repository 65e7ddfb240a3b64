"""The life of a subscription: what may be subscribed to, pausing it, and its end."""

import re
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from msgspec.structs import replace

from ordrebok.clock import Instant
from ordrebok.refusals import Fault, Refusal, refuse
from ordrebok.webhooks import mask
from ordrebok.webhooks.addresses import host_problem
from ordrebok.webhooks.signatures import signing_secret
from ordrebok.wire.hook import (
    Hook,
    HookBody,
    HookConfig,
    HookRegister,
    HookRegisterEntry,
    NewHook,
    PausedReason,
    SecretBody,
    ShownSecret,
    StoredHook,
)

MOST_HOOKS: Final = 100
"""Subscriptions of an account that are not deleted: each change is told to each of them."""

_KEPT_DELETED: Final = 1_000
"""Deleted subscriptions that stay in the list."""

_OF_DRAFTS: Final = "shopping_draft_"
_URL: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_LARGEST_PORT: Final = 65_535
_NEEDED: Final = {
    "HMAC-SHA1": ("value",),
    "Authorization": ("value",),
    "AWS4-HMAC-SHA256": ("aws_access_key_id", "aws_secret_access_key", "region", "service"),
}
_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")
_SCOPE: Final = re.compile(r"[A-Za-z0-9-]+")
_HEADER: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


class Made(NamedTuple):
    """What a new subscription is given: its id, 24 random bytes, who makes it, and when."""

    id: str
    key: bytes
    actor: str
    now: Instant


def create(body: HookBody, made: Made, *, private_targets: bool) -> StoredHook | Refusal:
    """Return a new subscription.

    Refuses: INVALID_REQUEST_PARAMETER with every fault of its URL, its secret and its masks.
    Keeps: it has a key of its own, by which every delivery is signed.
    Source: neighbours 6.2; decisions, webhooks 2.
    """
    found = url_faults(body.config.url, private_targets=private_targets)
    found += [] if body.config.secret is None else _secret_faults(body.config.secret)
    found += _mask_faults(body)
    if found:
        return Refusal("INVALID_REQUEST_PARAMETER", found[0].message, faults=tuple(found))
    secret = None if body.config.secret is None else _needed_only(body.config.secret)
    return StoredHook(
        id=made.id,
        created_at=made.now.text,
        created_by=made.actor,
        updated_at=made.now.text,
        status="active" if body.active else "paused",
        active=body.active,
        paused_reason=None if body.active else "requested",
        config=replace(body.config, secret=secret),
        fields=body.fields,
        exclude_fields=body.exclude_fields,
        events=tuple(dict.fromkeys(body.events)),
        signing_secret=signing_secret(made.key),
    )


def paused(hook: StoredHook, reason: PausedReason, now: Instant) -> StoredHook | Refusal:
    """Return a subscription that tells nothing until it is resumed; a paused one as it is.

    Refuses: HOOK_ENDED.
    """
    if hook.status == "active":
        return replace(
            hook, status="paused", active=False, paused_reason=reason, updated_at=now.text
        )
    return hook if hook.status == "paused" else refuse("HOOK_ENDED", status=hook.status)


def resumed(hook: StoredHook, now: Instant) -> StoredHook | Refusal:
    """Return a subscription that tells again what happened; an active one as it is.

    Refuses: HOOK_ENDED.
    """
    if hook.status == "paused":
        return replace(hook, status="active", active=True, paused_reason=None, updated_at=now.text)
    return hook if hook.status == "active" else refuse("HOOK_ENDED", status=hook.status)


def ended(hook: StoredHook, now: Instant) -> StoredHook:
    """Return a subscription as ended: its receiver answered 410. A deleted one stays deleted."""
    if hook.status == "deleted":
        return hook
    return replace(hook, status="ended", active=False, paused_reason=None, updated_at=now.text)


def deleted(hook: StoredHook, actor: str, now: Instant) -> StoredHook:
    """Return a subscription as deleted: it stays readable, and its secrets are gone."""
    secret = hook.config.secret
    bare = None if secret is None else SecretBody(type=secret.type)
    return replace(
        hook,
        status="deleted",
        active=False,
        paused_reason=None,
        updated_at=now.text,
        deleted_at=now.text,
        deleted_by=actor,
        config=replace(hook.config, secret=bare),
        signing_secret="",
    )


def shown(hook: StoredHook) -> Hook:
    """Return a subscription as it is answered: of its secret the type, and nothing else."""
    return Hook(**_facts(hook))


def shown_new(hook: StoredHook) -> NewHook:
    """Return a subscription as the answer to making it: the one time its own key is shown."""
    return NewHook(**_facts(hook), signing_secret=hook.signing_secret)


def registered(
    register: HookRegister | None, hook: StoredHook, now: Instant
) -> HookRegister | Refusal:
    """Return the register with a subscription as it now stands.

    Refuses: TOO_MANY_HOOKS.
    Keeps: it is written in the transaction of the subscription; each stands once, oldest first.
    """
    over = hook.status in {"ended", "deleted"}
    entry = HookRegisterEntry(
        id=hook.id,
        created_ms=Instant.of(hook.created_at).ms,
        deleted=hook.deleted_at is not None,
        drafts=not over and any(name.startswith(_OF_DRAFTS) for name in hook.events),
    )
    if register is None:
        return HookRegister(created_ms=now.ms, hooks=(entry,))
    if any(each.id == entry.id for each in register.hooks):
        hooks = [entry if each.id == entry.id else each for each in register.hooks]
    else:
        hooks = [*register.hooks, entry]
    if sum(not each.deleted for each in hooks) > MOST_HOOKS:
        return refuse("TOO_MANY_HOOKS", limit=MOST_HOOKS)
    gone = [each.id for each in hooks if each.deleted]
    forgotten = {*gone[: max(0, len(gone) - _KEPT_DELETED)]}
    return replace(register, hooks=tuple(each for each in hooks if each.id not in forgotten))


def keeps_drafts(register: HookRegister) -> bool:
    """Tell whether anybody is told of drafts: then versions that are replaced are kept."""
    return any(entry.drafts for entry in register.hooks)


def page(
    register: HookRegister | None, limit: int, after: str | None, *, include_deleted: bool
) -> list[HookRegisterEntry]:
    """Return a page of the register, newest first, after the subscription with an id.

    An id that is not in the register begins nowhere: the page is empty.
    Keeps: a subscription that was there when the first page was read stands on exactly one page.
    """
    listed = [] if register is None else list(reversed(register.hooks))
    if after is not None:
        ids = [entry.id for entry in listed]
        listed = listed[ids.index(after) + 1 :] if after in ids else []
    return [entry for entry in listed if include_deleted or not entry.deleted][:limit]


def count(register: HookRegister | None, *, include_deleted: bool) -> int:
    """Return how many subscriptions there are, on whichever page."""
    hooks = () if register is None else register.hooks
    return sum(include_deleted or not entry.deleted for entry in hooks)


def url_faults(url: str, *, private_targets: bool) -> list[Fault]:
    """Return what is wrong with the URL of a subscription; its host is the last thing asked."""
    path = ("config", "url")
    if not _URL.fullmatch(url):
        message = "the URL has a character that no URL has"
        return [Fault("INVALID_FORMAT", message, path, "a URL in ASCII, percent-encoded")]
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return [Fault("INVALID_FORMAT", "this is not a URL", path, "https://host/path")]
    found = []
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "the URL is not an absolute one of http or https"
        found.append(Fault("INVALID_FORMAT", message, path, "https://host/path"))
    if port is not None and not 0 < port <= _LARGEST_PORT:
        found.append(Fault("INVALID_FORMAT", f"{port} is no port", path, "a port from 1 to 65535"))
    if "@" in parts.netloc:
        message = "the URL holds credentials"
        found.append(Fault("URL_CREDENTIALS", message, path, "config.secret for what is secret"))
    if "#" in url:
        message = "the URL has a fragment, which is never sent"
        found.append(Fault("URL_FRAGMENT", message, path, "the URL without # and what follows"))
    return found or _host_faults(parts, path, private_targets=private_targets)


def _host_faults(
    parts: SplitResult, path: tuple[str, str], *, private_targets: bool
) -> list[Fault]:
    """Return the fault of a host that no delivery goes to."""
    problem = host_problem(parts.hostname or "", private_targets=private_targets)
    if problem is None:
        return []
    return [Fault("HOST_NOT_PUBLIC", problem, path, "a host that everybody can reach")]


def _secret_faults(secret: SecretBody) -> list[Fault]:
    """Return what a secret lacks for its type, and what could not be sent in a header."""
    found = []
    for name in _NEEDED[secret.type]:
        value = getattr(secret, name)
        path = ("config", "secret", name)
        if value is None:
            message = f"a secret of type {secret.type} has a {name}"
            found.append(Fault("OBJECT_MISSING_REQUIRED_PROPERTY", message, path, "a text"))
        elif not _fits(secret.type, name, value):
            message = f"{name} has a character that it cannot have"
            found.append(Fault("INVALID_CHARACTER", message, path, "visible characters of ASCII"))
    return found


def _fits(type_: str, name: str, value: str) -> bool:
    """Tell whether a part of a secret can be used: what is sent in a header fits in one."""
    if type_ == "HMAC-SHA1":
        return True
    if name == "value":
        return _HEADER.fullmatch(value) is not None
    wanted = _SCOPE if name in {"region", "service"} else _VISIBLE
    return wanted.fullmatch(value) is not None


def _needed_only(secret: SecretBody) -> SecretBody:
    """Return a secret without what its type has no use for: nothing secret is kept for nothing."""
    needed = {name: getattr(secret, name) for name in _NEEDED[secret.type]}
    return SecretBody(type=secret.type, **needed)


def _mask_faults(body: HookBody) -> list[Fault]:
    """Return the faults of both masks."""
    found = [] if body.fields is None else mask.faults(body.fields)
    whole = [fault.under("fields") for fault in found]
    for index, each in enumerate(body.exclude_fields or ()):
        whole += [fault.under("exclude_fields", index) for fault in mask.faults(each)]
    return whole


def _facts(hook: StoredHook) -> dict[str, Any]:
    """Return what a subscription shows of itself."""
    secret = hook.config.secret
    config = HookConfig(
        url=hook.config.url,
        content_type=hook.config.content_type,
        insecure_ssl=hook.config.insecure_ssl,
        secret=None if secret is None else ShownSecret(type=secret.type),
    )
    names = (name for name in Hook.__struct_fields__ if name != "config")
    return {**{name: getattr(hook, name) for name in names}, "config": config}
