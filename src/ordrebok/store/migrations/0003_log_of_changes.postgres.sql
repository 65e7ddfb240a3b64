-- compatible: 3
-- The log of changes: every event of a draft or an order stands at a position, counted by account
-- without a gap, in the order of commits. A server that does not know of it would leave gaps.

-- What an account's log has come to. The row is written with every change of a draft or order.
create table feeds (
    account_id text collate "C" not null,
    next bigint not null,
    drafts_kept boolean not null,
    primary key (account_id)
) with (fillfactor = 50);

alter table events add column position bigint;

-- What was there before gets positions by its time; the events of a document keep their order.
update events as e
set position = n.position
from (
    select account_id, kind, document_id, version, row_number() over (
        partition by account_id order by moment, kind, document_id, version
    ) as position
    from (
        select account_id, kind, document_id, version, max(body ->> 'created_at' collate "C")
            over (partition by account_id, kind, document_id order by version) as moment
        from events
        where kind in ('draft', 'order')
    ) as m
) as n
where e.account_id = n.account_id and e.kind = n.kind and e.document_id = n.document_id
    and e.version = n.version;

create index events_by_position on events (account_id, position) where position is not null;

insert into feeds (account_id, next, drafts_kept)
select account_id, max(position) + 1, false
from events
where position is not null
group by account_id;

-- Replaced versions: of orders, and of drafts while somebody follows them.
create table history (
    account_id text collate "C" not null,
    kind text collate "C" not null,
    document_id text collate "C" not null,
    version integer not null,
    body json not null,
    replaced_ms bigint not null,
    primary key (account_id, kind, document_id, version)
);

-- Who follows an account's log, and how far each has come. A server holds a follower for a while.
create table followers (
    account_id text collate "C" not null,
    hook_id text collate "C" not null,
    position bigint not null,
    active boolean not null,
    failures integer not null,
    failing_since_ms bigint,
    next_ms bigint not null,
    holder text collate "C",
    held_until_ms bigint not null,
    primary key (account_id, hook_id)
) with (fillfactor = 50);

-- What was sent or waits to be. Ids grow with time.
create table deliveries (
    account_id text collate "C" not null,
    hook_id text collate "C" not null,
    id text collate "C" not null,
    event_delivery text collate "C" not null,
    position bigint,
    event text collate "C" not null,
    document_kind text collate "C" not null,
    document_id text collate "C" not null,
    document_version integer not null,
    state text collate "C" not null,
    attempts integer not null,
    created_ms bigint not null,
    first_ms bigint,
    attempted_ms bigint,
    due_ms bigint,
    status integer,
    duration_ms integer,
    url text not null,
    request_headers text not null,
    body text not null,
    response_headers text not null,
    response_body text not null,
    fault text,
    primary key (account_id, hook_id, id)
);

create index deliveries_due on deliveries (account_id, hook_id, due_ms) where due_ms is not null;
create index deliveries_by_document on deliveries (account_id, document_id);

-- When to look whether the time of a document is over. It may turn out to be later.
create table expiries (
    account_id text collate "C" not null,
    due_ms bigint not null,
    kind text collate "C" not null,
    document_id text collate "C" not null,
    primary key (account_id, due_ms, kind, document_id)
);

insert into expiries (account_id, due_ms, kind, document_id)
select account_id,
    updated_ms + 1000 * coalesce((body ->> 'time_to_live')::bigint, 86400), kind, id
from documents
where kind in ('draft', 'order');

-- The document that an answer tells of: answers about an erased one go with it.
alter table idempotency add column subject text collate "C" not null default '';
create index idempotency_by_subject on idempotency (account_id, subject) where subject <> '';

do $$
begin
    execute 'alter table history alter column body set compression lz4';
    execute 'alter table deliveries alter column body set compression lz4';
exception
    when feature_not_supported or syntax_error or invalid_parameter_value then
        raise notice 'this server has no lz4; it packs documents by its own method';
end
$$;
