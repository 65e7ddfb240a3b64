"""How a receiver knows that a delivery comes from us: against published vectors and libraries."""

import hashlib
import hmac
import json

import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook, WebhookVerificationError

from ordrebok import clock
from ordrebok.clock import Instant
from ordrebok.webhooks.signatures import (
    Message,
    Request,
    Signer,
    authority,
    aws_authorization,
    event_signature,
    signing_secret,
    standard_headers,
    standard_key,
)
from ordrebok.wire.hook import SecretBody
from tests.support.builders import NOW
from tests.support.subscriptions import AWS, HMAC, KEY, a_hook

BODY = b'{"account_id":"T12345678","event":"shopping_order_add"}'
MESSAGE = Message("0e7c2a44-0000-8000-8000-00000000000a", "shopping_order_add", BODY)

# ------------------------------------------------------------------------------- all deliveries


def test_a_delivery_says_what_it_is() -> None:
    """The documented headers, whatever the secret."""
    sent = Signer(a_hook()).headers(MESSAGE, NOW.ms)
    assert sent["Content-Type"] == "application/json"
    assert sent["User-Agent"] == "Dintero-Hook/5d1c9a3e"
    assert sent["event"] == "shopping_order_add"
    assert sent["event-delivery"] == MESSAGE.delivery_id
    assert not {"event-signature", "Authorization"} & sent.keys()


def test_every_delivery_is_signed_as_standard_webhooks_asks() -> None:
    """With the subscription's own key, beside whatever secret it was given."""
    hook = a_hook(secret=HMAC)
    now = clock.now()
    sent = Signer(hook).headers(MESSAGE, now.ms)
    Webhook(hook.signing_secret).verify(BODY, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(hook.signing_secret).verify(BODY + b" ", sent)


def test_one_delivery_after_the_other_is_signed() -> None:
    """What is kept of a subscription between two deliveries says nothing of the first."""
    hook = a_hook(secret=HMAC)
    signer, now_ms = Signer(hook), clock.now().ms
    for body in (BODY, b"[" + b",".join([BODY] * 1_000) + b"]", b"{}", BODY):
        message = replace_body(body)
        sent = signer.headers(message, now_ms)
        assert sent == Signer(hook).headers(message, now_ms)
        Webhook(hook.signing_secret).verify(body, sent)


def test_a_standard_signature_is_the_published_one() -> None:
    """The vector that every library of Standard Webhooks carries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    id_ = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    sent = standard_headers(standard_key(secret), id_, 1_614_265_330_999, b'{"test": 2432232314}')
    assert sent == {
        "webhook-id": id_,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_signing_secret_is_the_key_as_receivers_configure_it() -> None:
    """The library takes it as it is."""
    secret = signing_secret(KEY)
    assert secret.startswith("whsec_")
    key = standard_key(secret)
    Webhook(secret).verify(BODY, standard_headers(key, "an-id", clock.now().ms, BODY))


# ------------------------------------------------------------------------------- the secret


def test_an_event_signature_is_of_the_raw_body() -> None:
    """HMAC-SHA1 in lower-case hex; here the second case of RFC 2202."""
    signature = event_signature("Jefe", b"what do ya want for nothing?")
    assert signature == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"


def test_a_receiver_that_writes_the_json_anew_gets_the_same_signature() -> None:
    """One documented sample does so, compactly."""
    sent = Signer(a_hook(secret=HMAC)).headers(MESSAGE, NOW.ms)
    again = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
    expected = hmac.new(b"correct horse", again, hashlib.sha1).hexdigest()
    assert sent["event-signature"] == expected


def test_an_authorization_secret_is_sent_as_it_is() -> None:
    """Whatever scheme it may be of."""
    secret = SecretBody(type="Authorization", value="Basic dXNlcjpwYXNz")
    assert Signer(a_hook(secret=secret)).headers(MESSAGE, NOW.ms)["Authorization"] == secret.value


# ------------------------------------------------------------------------------- AWS

SCOPE = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
BASE = {"Host": "example.amazonaws.com", "X-Amz-Date": "20150830T123600Z"}
FORM = {
    "Content-Type": "application/x-www-form-urlencoded",
    "Content-Length": "13",
    "x-amz-content-sha256": "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
VECTORS = {
    "get-vanilla": ("GET", "/", "", {}, b"", VANILLA),
    "get-relative-relative-normalized": (
        "GET",
        "/example1/example2/../..",
        "",
        {},
        b"",
        VANILLA,
    ),
    "get-slashes-normalized": (
        "GET",
        "//example//",
        "",
        {},
        b"",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    "get-space-normalized": (
        "GET",
        "/example space/",
        "",
        {},
        b"",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    "get-unreserved": (
        "GET",
        f"/-._~0123456789{LETTERS}",
        "",
        {},
        b"",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    "get-utf8": (
        "GET",
        "/ሴ",
        "",
        {},
        b"",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    "get-vanilla-query-order-key-case": (
        "GET",
        "/",
        "Param2=value2&Param1=value1",
        {},
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-query-order-encoded": (
        "GET",
        "/",
        "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
        {},
        b"",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
    "get-vanilla-utf8-query": (
        "GET",
        "/",
        "ሴ=bar",
        {},
        b"",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    "get-header-value-trim": (
        "GET",
        "/",
        "",
        {"My-Header1": " value1", "My-Header2": ' "a   b   c"'},
        b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-vanilla": (
        "POST",
        "/",
        "",
        {},
        b"",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    "post-header-key-sort": (
        "POST",
        "/",
        "",
        {"My-Header1": "value1"},
        b"",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        "",
        FORM,
        b"Param1=value1",
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    ),
}
"""Cases of the test suite that AWS publishes: method, path, query, headers, body, signature."""


@pytest.mark.parametrize("name", VECTORS)
def test_a_request_to_aws_is_signed_as_in_the_published_suite(name: str) -> None:
    """Key, region, service and date are the suite's own."""
    method, path, query, more, body, signature = VECTORS[name]
    signed = {**BASE, **more}
    names = ";".join(sorted(each.lower() for each in signed))
    assert aws_authorization(AWS, Request(method, path, query, signed, body)) == (
        f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders={names}, Signature={signature}"
    )


def test_a_delivery_to_aws_carries_the_hash_of_its_body_and_signs_it() -> None:
    """Date, hash, type and host are signed; the signature belongs to just this body."""
    hook = a_hook("https://abc.execute-api.us-east-1.amazonaws.com/prod/in?b=2&a=1", AWS)
    now = Instant.of("2015-08-30T12:36:00.000Z")
    sent = Signer(hook).headers(MESSAGE, now.ms)
    assert sent["X-Amz-Date"] == "20150830T123600Z"
    assert sent["X-Amz-Content-Sha256"] == hashlib.sha256(BODY).hexdigest()
    assert (
        "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date,"
        in (sent["Authorization"])
    )
    other = Signer(hook).headers(replace_body(b"{}"), now.ms)
    assert other["Authorization"] != sent["Authorization"]


def replace_body(body: bytes) -> Message:
    """Return the message with another body."""
    return MESSAGE._replace(body=body)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Hooks.Shop.se/in", "hooks.shop.se"),
        ("https://hooks.shop.se:443", "hooks.shop.se"),
        ("http://hooks.shop.se:443", "hooks.shop.se:443"),
        ("http://[2a00::1]:8080/", "[2a00::1]:8080"),
        ("http://[2a00::1]/", "[2a00::1]"),
    ],
)
def test_the_host_that_is_signed_is_the_one_that_is_sent(url: str, host: str) -> None:
    """Without the port where it is the usual one."""
    assert authority(url) == host


def test_a_part_that_aws_does_not_get_is_not_needed() -> None:
    """A secret of another type has no region, and signs nothing with one."""
    bare = replace(AWS, value="unused")
    request = Request("GET", "/", "", BASE, b"")
    assert aws_authorization(bare, request) == aws_authorization(AWS, request)
