"""The rows of the API for campaigns: groups of rules."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from ordrebok.decision import Call, Commit, Decision, Fetch, Key, State
from ordrebok.discounts.record import campaign_key, campaigns_key, put, put_index
from ordrebok.discounts.register import invalid_cursor
from ordrebok.operation import Operation, Plan
from ordrebok.refusals import Refusal, not_found, refuse
from ordrebok.wire.base import encode
from ordrebok.wire.discount_query import CampaignsQuery
from ordrebok.wire.discount_ref import (
    Campaign,
    CampaignBody,
    CampaignEntry,
    CampaignRegister,
    CampaignUpdate,
)

_PATH = "/accounts/{aid}/discounts/campaigns"
_ONE = _PATH + "/{campaign_id}"
_READ = ("admin:discounts", "read:discounts")
_WRITE = ("admin:discounts", "write:discounts")
_TAG = "campaigns"


def _key_of(call: Call) -> Key:
    """Return where the campaign of the path stands."""
    return campaign_key(call.account_id, call.params["campaign_id"])


def _written(state: State, call: Call, campaign: Campaign) -> Decision:
    """Return the decision that puts down a campaign and answers with it."""
    key = campaign_key(call.account_id, campaign.campaign_id)
    written = put(state, call, key, campaign)
    where = campaigns_key(call.account_id)
    register = _registered(state.get(where, CampaignRegister), campaign, state)
    index = put_index(state, call, where, register)
    return Decision((written, index), written.body, campaign.version)


def _registered(
    register: CampaignRegister | None, campaign: Campaign, state: State
) -> CampaignRegister:
    """Return the register with a campaign as it now stands."""
    entry = CampaignEntry(
        id=campaign.campaign_id,
        private=campaign.private,
        deleted=campaign.deleted_at is not None,
    )
    if register is None:
        return CampaignRegister(version=1, created_ms=state.now.ms, campaigns=(entry,))
    known = list(register.campaigns)
    place = next((i for i, each in enumerate(known) if each.id == entry.id), len(known))
    known[place : place + 1] = [entry]
    return replace(register, version=register.version + 1, campaigns=tuple(known))


def _list(call: Call) -> Plan:
    """List campaigns."""
    query, where = call.query_as(CampaignsQuery), campaigns_key(call.account_id)

    def decide(state: State) -> Decision | Refusal:
        """Choose from the register, newest first, then read."""
        register = state.get(where, CampaignRegister)
        rows = [*reversed(() if register is None else register.campaigns)]
        if query.starting_after is not None:
            place = next((i for i, e in enumerate(rows) if e.id == query.starting_after), None)
            if place is None:
                return invalid_cursor(f"there is no campaign {query.starting_after}")
            rows = rows[place + 1 :]
        fitting = [each.id for each in rows if _fits(each, query.state)][: query.limit]
        keys = [campaign_key(call.account_id, each) for each in fitting]
        state.ahead(keys)
        found = (state.get(key, Campaign) for key in keys)
        return Decision((), encode([each for each in found if each is not None]))

    return Commit(keys=(where,), decide=decide)


def _fits(entry: CampaignEntry, state: str | None) -> bool:
    """Tell whether a campaign is in a state; without one, all that are not deleted are."""
    if state in {"all", "deleted"}:
        return state == "all" or entry.deleted
    return not entry.deleted and (state is None or entry.private == (state == "private"))


def _create(call: Call) -> Plan:
    """Make a campaign, under its own id where it brings one."""
    body = call.body_as(CampaignBody)

    def decide(state: State) -> Decision | Refusal:
        """Write down, unless the id stands for other content."""
        campaign_id = body.campaign_id or state.new_id()
        standing = state.get(campaign_key(call.account_id, campaign_id), Campaign)
        if standing is not None:
            if _content(standing) == _content(body) and standing.deleted_at is None:
                return Decision((), encode(standing), standing.version)
            return refuse("ID_TAKEN", f"The campaign_id {campaign_id} is taken", id=campaign_id)
        campaign = Campaign(
            id=campaign_id,
            campaign_id=campaign_id,
            name=body.name,
            description=body.description,
            private=body.private,
            metadata=body.metadata,
            created_at=state.now.text,
            created_by=call.actor_id,
            updated_at=state.now.text,
            version=1,
        )
        return _written(state, call, campaign)

    return Commit(keys=(), decide=decide, idempotency=call.idempotency)


def _changed(call: Call, change: Callable[[Campaign, State], Campaign]) -> Commit:
    """Return the plan of a change of the campaign in the path."""
    key = _key_of(call)

    def decide(state: State) -> Decision | Refusal:
        """Load, change, write down where anything changes."""
        campaign = state.get(key, Campaign)
        if campaign is None:
            return not_found("Campaign")
        after = change(campaign, state)
        if after is campaign:
            return Decision((), encode(campaign), campaign.version)
        stamped = replace(after, updated_at=state.now.text, version=campaign.version + 1)
        return _written(state, call, stamped)

    return Commit(keys=(key,), decide=decide, if_match=call.if_match, idempotency=call.idempotency)


def _update(call: Call) -> Plan:
    """Change a campaign; a deleted one comes back by it."""
    body = call.body_as(CampaignUpdate)
    return _changed(
        call,
        lambda campaign, _: replace(
            campaign,
            name=body.name or campaign.name,
            description=campaign.description if body.description is UNSET else body.description,
            private=campaign.private if body.private is None else body.private,
            deleted_at=None,
            deleted_by=None,
        ),
    )


def _delete(call: Call) -> Plan:
    """Delete a campaign; its rules stay as they are."""
    return _changed(
        call,
        lambda campaign, state: (
            campaign
            if campaign.deleted_at is not None
            else replace(campaign, deleted_at=state.now.text, deleted_by=call.actor_id)
        ),
    )


def _read(call: Call) -> Plan:
    """Read a campaign; deleted ones too."""
    return Fetch(key=_key_of(call), noun="Campaign", render=lambda stored: stored.body)


def _content(campaign: CampaignBody) -> tuple[object, ...]:
    """Return what a client says of a campaign."""
    return campaign.name, campaign.description, campaign.private, campaign.metadata


OPERATIONS = (
    Operation(
        id="aid_discounts_campaigns_get",
        method="GET",
        path=_PATH,
        summary="Campaigns collection",
        tag=_TAG,
        scopes=_READ,
        query=CampaignsQuery,
        answer=tuple[Campaign, ...],
        plan=_list,
        description="Newest first; `starting_after` is the last `campaign_id`.",
    ),
    Operation(
        id="aid_discounts_campaigns_post",
        method="POST",
        path=_PATH,
        summary="Create a campaign",
        tag=_TAG,
        scopes=_WRITE,
        body=CampaignBody,
        answer=Campaign,
        plan=_create,
        refusals=("ID_TAKEN",),
        description="With an own `campaign_id`, the same content again answers the same campaign.",
    ),
    Operation(
        id="aid_discounts_campaigns_campaign_id_get",
        method="GET",
        path=_ONE,
        summary="Get campaign",
        tag=_TAG,
        scopes=_READ,
        answer=Campaign,
        plan=_read,
        refusals=("NOT FOUND",),
        versioned=True,
    ),
    Operation(
        id="aid_discounts_campaigns_campaign_id_put",
        method="PUT",
        path=_ONE,
        summary="Update campaign",
        tag=_TAG,
        scopes=_WRITE,
        body=CampaignUpdate,
        answer=Campaign,
        plan=_update,
        refusals=("NOT FOUND",),
        versioned=True,
        description="A deleted campaign comes back by it.",
    ),
    Operation(
        id="aid_discounts_campaigns_campaign_id_delete",
        method="DELETE",
        path=_ONE,
        summary="Delete campaign",
        tag=_TAG,
        scopes=_WRITE,
        answer=Campaign,
        plan=_delete,
        refusals=("NOT FOUND",),
        versioned=True,
        description="Its rules stay as they are.",
    ),
)
