"""Webhook subscriptions: where changes are sent, which ones, and how a receiver knows us."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ordrebok.wire.base import Text, Timestamp, Wire
from ordrebok.wire.query import PageLimit, Query

EventName: TypeAlias = Literal[
    "shopping_draft_add",
    "shopping_draft_update",
    "shopping_draft_complete",
    "shopping_order_add",
    "shopping_order_update",
    "shopping_order_event_add",
    "shopping_order_delete",
    "account_add",
    "account_update",
    "account_store_add",
    "account_store_update",
    "account_store_delete",
    "account_location_add",
    "account_location_update",
    "account_location_delete",
    "receipt_add",
    "receipt_update",
    "customer_add",
    "customer_update",
    "customer_delete",
    "customer_change_password",
    "token_add",
    "token_remove",
    "transaction",
    "wallet_transaction",
    "discount_add",
    "discount_update",
    "discount_delete",
    "discount_add_customers",
    "discount_customer_update",
    "settlement_add",
    "location_add",
    "location_update",
    "location_delete",
    "cdd_case_update",
    "approval_payout_destination_update",
    "approval_payout_destination_delete",
    "checkout_authorization",
    "checkout_transaction",
    "checkout_token_add",
    "checkout_token_update",
    "checkout_token_delete",
]
"""Every name that may be subscribed to; those that begin with `shopping_` are sent here."""

ShoppingEvent: TypeAlias = Literal[
    "shopping_draft_add",
    "shopping_draft_update",
    "shopping_draft_complete",
    "shopping_order_add",
    "shopping_order_update",
    "shopping_order_event_add",
    "shopping_order_delete",
]
SentEvent: TypeAlias = ShoppingEvent | Literal["ping"]

SecretType: TypeAlias = Literal["HMAC-SHA1", "Authorization", "AWS4-HMAC-SHA256"]
HookStatus: TypeAlias = Literal["active", "paused", "ended", "deleted"]
PausedReason: TypeAlias = Literal["requested", "failures"]

Url = Annotated[
    str,
    Meta(min_length=1, max_length=2_048, description="http or https, reachable for everybody."),
]
Mask = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        description="Members of the body to send: `a,b`, `a/b`, `a(b,c)`, `a/*/c`.",
    ),
]
SecretText = Annotated[str, Meta(min_length=1, max_length=4_096)]


class SecretBody(Wire, frozen=True, kw_only=True):
    """What a delivery is signed with, or shows; its type says which members it needs."""

    type: SecretType
    value: SecretText | None = None
    aws_access_key_id: SecretText | None = None
    aws_secret_access_key: SecretText | None = None
    region: SecretText | None = None
    service: SecretText | None = None


class HookConfigBody(Wire, frozen=True, kw_only=True):
    """Where and how changes are sent."""

    url: Url
    content_type: Literal["application/json"] = "application/json"
    insecure_ssl: Annotated[
        Literal[0, 1], Meta(description="1: the receiver's certificate is not checked.")
    ] = 0
    secret: SecretBody | None = None


class HookBody(Wire, frozen=True, kw_only=True):
    """A subscription as a client writes it."""

    active: bool = True
    config: HookConfigBody
    fields: Mask | None = None
    exclude_fields: Annotated[tuple[Mask, ...], Meta(max_length=100)] | None = None
    events: Annotated[tuple[EventName, ...], Meta(min_length=1, max_length=100)]


class ShownSecret(Wire, frozen=True, kw_only=True):
    """What is told of a secret: that there is one, and of which type."""

    type: SecretType


class HookConfig(Wire, frozen=True, kw_only=True):
    """Where and how changes are sent, without what must stay secret."""

    url: Text
    content_type: Text
    insecure_ssl: int
    secret: ShownSecret | None = None


class HookFacts(Wire, frozen=True, kw_only=True):
    """What every form of a subscription tells about itself."""

    id: Text
    created_at: Timestamp
    created_by: Text | None = None
    updated_at: Timestamp
    deleted_at: Timestamp | None = None
    deleted_by: Text | None = None
    status: HookStatus
    active: bool
    paused_reason: Annotated[
        PausedReason | None,
        Meta(description="failures: three days without one delivery that was taken."),
    ] = None
    fields: Text | None = None
    exclude_fields: tuple[Text, ...] | None = None
    events: tuple[Text, ...]


class Hook(HookFacts, frozen=True, kw_only=True):
    """A subscription as it is answered, and as a ping sends it."""

    config: HookConfig


class NewHook(Hook, frozen=True, kw_only=True):
    """The answer to making a subscription: the one time that its signing secret is shown."""

    signing_secret: Annotated[
        Text, Meta(description="For the Standard Webhooks signature. Shown this once.")
    ]


class StoredHook(HookFacts, frozen=True, kw_only=True):
    """A subscription as it is stored, with its secrets; it is never answered."""

    config: HookConfigBody
    signing_secret: Text


class HookRegisterEntry(Wire, frozen=True, kw_only=True):
    """What the register of an account's subscriptions says of one of them."""

    id: Text
    created_ms: int
    deleted: bool = False
    drafts: bool = False
    """It is told of drafts, so their versions are kept until it has been."""


class HookRegister(Wire, frozen=True, kw_only=True):
    """The register of an account's subscriptions, oldest first; it is never answered."""

    created_ms: int
    hooks: tuple[HookRegisterEntry, ...]


class ResumeQuery(Query, frozen=True, kw_only=True, gc=False):
    """What becomes of what happened while a subscription was paused."""

    missed: Annotated[
        Literal["send", "skip"],
        Meta(description="Whether what was missed is sent now, or left out."),
    ] = "send"


class HooksQuery(Query, frozen=True, kw_only=True, gc=False):
    """Which subscriptions are listed."""

    limit: PageLimit = 10
    starting_after: (
        Annotated[str, Meta(max_length=255, description="The id of the last one of a page.")] | None
    ) = None
    total: bool = False
    include_deleted: bool = False
