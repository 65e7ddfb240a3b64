-- Documents and their events, as both engines read them.

-- name: document_sqlite
select version, cast(body as blob), origin, place
from documents
where account_id = :account_id and kind = :kind and id = :id;

-- name: document_postgres
select version, body, origin
from documents
where account_id = :account_id and kind = :kind and id = :id;

-- name: events_sqlite
select cast(body as blob)
from events
where account_id = :account_id and document = :place
order by version;

-- name: document_and_events
select version, body, origin, (
    select array_agg(e.body order by e.version)
    from events as e
    where e.account_id = d.account_id and e.kind = d.kind and e.document_id = d.id
) as events
from documents as d
where account_id = :account_id and kind = :kind and id = :id;

-- name: documents_at
-- The documents of many keys, numbered by the place of the key. `offset 0` keeps the planner from
-- turning the search around: on tables it believes empty it would read all documents and look
-- each up among the keys.
select k.place, d.version, d.body, d.origin, case when k.with_events then (
    select array_agg(e.body order by e.version)
    from events as e
    where e.account_id = k.account_id and e.kind = k.kind and e.document_id = k.id
) end as events
from unnest(:accounts::text[], :kinds::text[], :ids::text[], :with_events::boolean[])
    with ordinality as k (account_id, kind, id, with_events, place)
cross join lateral (
    select version, body, origin
    from documents
    where account_id = k.account_id and kind = k.kind and id = k.id
    offset 0
) as d;

-- name: record_sqlite
select fingerprint, answer, version
from idempotency
where account_id = :account_id and client_id = :client_id and key = :key;

-- name: records_at
select k.place, i.fingerprint, i.answer, i.version
from unnest(:accounts::text[], :clients::text[], :keys::text[])
    with ordinality as k (account_id, client_id, key, place)
cross join lateral (
    select fingerprint, answer, version
    from idempotency
    where account_id = k.account_id and client_id = k.client_id and key = k.key
    offset 0
) as i;

-- name: sweep_idempotency_sqlite
-- `created_ms > 0` lets the index by age serve; see the migration.
delete from idempotency
where account_id = :account_id and (client_id, key) in (
    select client_id, key
    from idempotency
    where account_id = :account_id and created_ms > 0 and created_ms < :before_ms
    order by created_ms
    limit :limit
)
returning account_id;

-- name: sweep_idempotency_postgres
-- Rows that another process is sweeping are left to it.
with old as materialized (
    select client_id, key
    from idempotency
    where account_id = :account_id and created_ms > 0 and created_ms < :before_ms
    order by created_ms
    limit :limit
    for update skip locked
)
delete from idempotency as i
using old
where i.account_id = :account_id and i.client_id = old.client_id and i.key = old.key
returning i.account_id;

-- name: upcoming_number
-- The number that would be given next; a dry run shows it and leaves it.
select next
from counters
where account_id = :account_id and name = 'order_number';
