-- compatible: 3
-- The log of changes: every event of a draft or an order stands at a position, counted by account
-- without a gap, in the order of commits. A server that does not know of it would leave gaps.

-- What an account's log has come to. The row is written with every change of a draft or order.
create table feeds (
    account_id text not null,
    next integer not null,
    drafts_kept integer not null,
    primary key (account_id)
) strict, without rowid;

alter table events add column position integer;

-- What was there before gets positions by its time; the events of a document keep their order.
update events
set position = n.position
from (
    select account_id, document, version,
        row_number() over (partition by account_id order by moment, document, version) as position
    from (
        select e.account_id, e.document, e.version,
            max(json_extract(e.body, '$.created_at'))
                over (partition by e.document order by e.version) as moment
        from events as e
        join documents as d on d.place = e.document
        where d.kind in ('draft', 'order')
    )
) as n
where events.account_id = n.account_id and events.document = n.document
    and events.version = n.version;

create index events_by_position on events (account_id, position) where position is not null;

insert into feeds (account_id, next, drafts_kept)
select account_id, max(position) + 1, 0
from events
where position is not null
group by account_id;

-- Replaced versions: of orders, and of drafts while somebody follows them.
create table history (
    account_id text not null,
    document integer not null,
    version integer not null,
    body text not null,
    replaced_ms integer not null,
    primary key (account_id, document, version)
) strict;

-- Who follows an account's log, and how far each has come. A server holds a follower for a while.
create table followers (
    account_id text not null,
    hook_id text not null,
    position integer not null,
    active integer not null,
    failures integer not null,
    failing_since_ms integer,
    next_ms integer not null,
    holder text,
    held_until_ms integer not null,
    primary key (account_id, hook_id)
) strict, without rowid;

-- What was sent or waits to be. Ids grow with time.
create table deliveries (
    account_id text not null,
    hook_id text not null,
    id text not null,
    event_delivery text not null,
    position integer,
    event text not null,
    document_kind text not null,
    document_id text not null,
    document_version integer not null,
    state text not null,
    attempts integer not null,
    created_ms integer not null,
    first_ms integer,
    attempted_ms integer,
    due_ms integer,
    status integer,
    duration_ms integer,
    url text not null,
    request_headers text not null,
    body text not null,
    response_headers text not null,
    response_body text not null,
    fault text,
    primary key (account_id, hook_id, id)
) strict;

create index deliveries_due on deliveries (account_id, hook_id, due_ms) where due_ms is not null;
create index deliveries_by_document on deliveries (account_id, document_id);

-- When to look whether the time of a document is over. It may turn out to be later.
create table expiries (
    account_id text not null,
    due_ms integer not null,
    kind text not null,
    document_id text not null,
    primary key (account_id, due_ms, kind, document_id)
) strict, without rowid;

insert into expiries (account_id, due_ms, kind, document_id)
select account_id,
    updated_ms + 1000 * coalesce(json_extract(body, '$.time_to_live'), 86400), kind, id
from documents
where kind in ('draft', 'order');

-- The document that an answer tells of: answers about an erased one go with it.
alter table idempotency add column subject text not null default '';
create index idempotency_by_subject on idempotency (account_id, subject) where subject <> '';
