"""How a receiver knows that a delivery comes from us: the headers that a delivery carries.

Every delivery is signed by the subscription's own key as Standard Webhooks asks
(https://www.standardwebhooks.com). Beside that, the secret that the subscriber gave signs it, or is
shown, in one of the documented ways. Signature Version 4 of AWS is written out here because the
library that has it, botocore, is larger than this whole server.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ordrebok.clock import instant
from ordrebok.wire.hook import SecretBody, SentEvent, StoredHook

SIGNING_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 -- the published beginning of every such key
AUTHORIZATION: Final = "Authorization"
"""The one header of a delivery that holds, or may hold, a secret."""
_USER_AGENT: Final = "Dintero-Hook/"
"""Receivers of the documented API may look for it."""
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_SPACES: Final = re.compile(" +")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Message(NamedTuple):
    """What is sent: which delivery, of which event, with which bytes."""

    delivery_id: str
    event: SentEvent
    body: bytes


class Request(NamedTuple):
    """A request as Signature Version 4 sees it; the headers are those that are signed."""

    method: str
    path: str
    """As it is sent, percent-encoded."""
    query: str
    headers: Mapping[str, str]
    """With `Host` and `X-Amz-Date`; the case of names does not matter."""
    body: bytes


class Signer:
    """Makes the headers of deliveries to one subscription; what stays the same is made once."""

    def __init__(self, hook: StoredHook) -> None:
        """Take the subscription as it stands."""
        self._agent = _USER_AGENT + hook.id[:8]
        self._key = standard_key(hook.signing_secret)
        self._secret = hook.config.secret
        self._url = hook.config.url

    def headers(self, message: Message, now_ms: int) -> dict[str, str]:
        """Return the headers of a delivery that is sent now.

        Source: neighbours 6.2 and 6.4; decisions, webhooks 2.
        """
        sent = {
            "Content-Type": "application/json",
            "User-Agent": self._agent,
            "event": message.event,
            "event-delivery": message.delivery_id,
            **standard_headers(self._key, message.delivery_id, now_ms, message.body),
        }
        secret = self._secret
        if secret is None:
            return sent
        value = secret.value or ""
        match secret.type:
            case "HMAC-SHA1":
                sent["event-signature"] = event_signature(value, message.body)
            case "Authorization":
                sent[AUTHORIZATION] = value
            case "AWS4-HMAC-SHA256":
                sent |= _aws_headers(secret, self._url, message.body, now_ms)
        return sent


def event_signature(value: str, body: bytes) -> str:
    """Return the documented signature: HMAC-SHA1 of the raw body, in lower-case hex."""
    return hmac.digest(value.encode(), body, "sha1").hex()


def signing_secret(key: bytes) -> str:
    """Return a key, of 24 random bytes, in the form in which Standard Webhooks shares it."""
    return SIGNING_SECRET_PREFIX + base64.b64encode(key).decode()


def standard_key(secret: str) -> hmac.HMAC:
    """Return a signing secret made ready to sign many bodies; it stays as it is."""
    key = base64.b64decode(secret.removeprefix(SIGNING_SECRET_PREFIX))
    return hmac.new(key, digestmod="sha256")


def standard_headers(key: hmac.HMAC, delivery_id: str, now_ms: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks; the id is the same however often it is sent."""
    timestamp = str(now_ms // 1_000)
    signed = key.copy()
    signed.update(f"{delivery_id}.{timestamp}.".encode())
    signed.update(body)
    signature = base64.b64encode(signed.digest()).decode()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }


def authority(url: str) -> str:
    """Return the Host header of a URL: its host, and the port where it is not the usual one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    usual = parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme)
    return shown if usual else f"{shown}:{parts.port}"


def aws_authorization(secret: SecretBody, request: Request) -> str:
    """Return the Authorization header of Signature Version 4 for a request.

    Source: AWS, "Signature Version 4 signing process" and its published test suite.
    """
    signed = {
        name.lower(): _SPACES.sub(" ", value.strip()) for name, value in request.headers.items()
    }
    moment = signed["x-amz-date"]
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        (
            request.method,
            _canonical_path(request.path),
            _canonical_query(request.query),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            "",
            names,
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    scope = (moment[:8], secret.region or "", secret.service or "", "aws4_request")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join((_ALGORITHM, moment, "/".join(scope), digest))
    key = f"AWS4{secret.aws_secret_access_key}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = "/".join((secret.aws_access_key_id or "", *scope))
    return f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"


def _aws_headers(secret: SecretBody, url: str, body: bytes, now_ms: int) -> dict[str, str]:
    """Return the headers that a delivery to AWS adds."""
    parts = urlsplit(url)
    added = {
        "X-Amz-Date": re.sub(r"[-:]|\.[0-9]+", "", instant(now_ms).text),
        "X-Amz-Content-Sha256": hashlib.sha256(body).hexdigest(),
    }
    signed = {"Host": authority(url), "Content-Type": "application/json", **added}
    request = Request("POST", parts.path, parts.query, signed, body)
    return {**added, AUTHORIZATION: aws_authorization(secret, request)}


def _canonical_path(path: str) -> str:
    """Return a path without dots and empty parts, encoded once more than it is sent."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in {"", "."}:
            kept.append(part)
    end = "/" if kept and path.endswith("/") else ""
    return quote("/" + "/".join(kept) + end, safe="/-_.~")


def _canonical_query(query: str) -> str:
    """Return the parameters of a query in the order of their encoded names and values."""
    pairs = (each.partition("=") for each in query.split("&") if each)
    encoded = ((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(text: str) -> str:
    """Return a name or value of a query as it is signed: every special character encoded once."""
    return quote(unquote(text), safe="-_.~")
