"""Every row of the API, in the order in which the documentation shows them."""

from ordrebok.accounts.operations import OPERATIONS as ACCOUNTS
from ordrebok.comments.operations import OPERATIONS as COMMENTS
from ordrebok.discounts.operations import OPERATIONS as DISCOUNTS
from ordrebok.drafts.operations import OPERATIONS as DRAFTS
from ordrebok.events.operations import OPERATIONS as EVENTS
from ordrebok.feed.operations import OPERATIONS as FEED
from ordrebok.operation import Operation
from ordrebok.orders.lists import OPERATIONS as LISTS
from ordrebok.orders.operations import OPERATIONS as ORDERS
from ordrebok.orders.versions import OPERATIONS as VERSIONS
from ordrebok.payments.operations import OPERATIONS as PAYMENTS
from ordrebok.payouts.operations import OPERATIONS as PAYOUTS
from ordrebok.payouts.statements import OPERATIONS as STATEMENTS
from ordrebok.retention.operations import OPERATIONS as RETENTION
from ordrebok.sandbox.operations import OPERATIONS as SANDBOX
from ordrebok.webhooks.operations import OPERATIONS as WEBHOOKS
from ordrebok.webhooks.sent import OPERATIONS as DELIVERIES

OPERATIONS: tuple[Operation, ...] = (
    *ACCOUNTS,
    *DRAFTS,
    *ORDERS,
    *LISTS,
    *VERSIONS,
    *PAYMENTS,
    *EVENTS,
    *COMMENTS,
    *RETENTION,
    *FEED,
    *DISCOUNTS,
    *PAYOUTS,
    *STATEMENTS,
    *WEBHOOKS,
    *DELIVERIES,
    *SANDBOX,
)
