-- Earlier versions, times to live, and what an erasure takes away.

-- name: order_at_sqlite
-- An order at two versions; a body is null where that version was not kept. No row: no order.
select d.version as newest, e.version,
    cast(case when e.version = d.version then d.body else h.body end as blob) as body
from documents as d
left join events as e
    on e.account_id = d.account_id and e.document = d.place
        and e.version in (:version, :other)
left join history as h
    on h.account_id = d.account_id and h.document = d.place and h.version = e.version
where d.account_id = :account_id and d.kind = 'order' and d.id = :id;

-- name: order_at_postgres
select d.version as newest, v.version,
    case when v.version = d.version then d.body else (
        select h.body
        from history as h
        where h.account_id = d.account_id and h.kind = d.kind and h.document_id = d.id
            and h.version = v.version
    ) end as body
from documents as d
cross join unnest(array[:version::bigint, :other::bigint]) as v (version)
where d.account_id = :account_id and d.kind = 'order' and d.id = :id;

-- name: due_expiries_sqlite
-- The oldest of the moments that have come, and when the time of each document really is over; null
-- where the document has none.
select x.due_ms, x.kind, x.document_id, d.created_ms,
    d.updated_ms + 1000 * json_extract(
        d.body, case d.kind when 'order' then '$.time_to_live' else '$.order.time_to_live' end
    ) as over_ms
from expiries as x
left join documents as d
    on d.account_id = x.account_id and d.kind = x.kind and d.id = x.document_id
where x.account_id = :account_id and x.due_ms <= :now_ms
    and (x.due_ms, x.kind, x.document_id) > (:after_ms, :after_kind, :after_id)
order by x.due_ms, x.kind, x.document_id
limit :limit;

-- name: due_expiries_postgres
select x.due_ms, x.kind, x.document_id, d.created_ms,
    d.updated_ms + 1000 * (
        case d.kind when 'order' then d.body else d.body -> 'order' end ->> 'time_to_live'
    )::bigint as over_ms
from (
    select account_id, due_ms, kind, document_id
    from expiries
    where account_id = :account_id and due_ms <= :now_ms
        and (due_ms, kind, document_id) > (:after_ms, :after_kind, :after_id)
    order by due_ms, kind, document_id
    limit :limit
) as x
left join documents as d
    on d.account_id = x.account_id and d.kind = x.kind and d.id = x.document_id
order by x.due_ms, x.kind, x.document_id;

-- name: drop_expiry
delete from expiries
where account_id = :account_id and due_ms = :due_ms and kind = :kind and document_id = :id;

-- name: look_again
insert into expiries (account_id, due_ms, kind, document_id)
values (:account_id, :due_ms, :kind, :id)
on conflict do nothing;

-- name: drafts_updating_sqlite
-- Drafts that were made to update one of these orders, and did not.
select id, json_extract(body, '$.options.order_id') as order_id
from documents
where account_id = :account_id and kind = 'draft' and created_ms >= :since_ms
    and status in ('open', 'deleted')
    and json_extract(body, '$.options.order_id') in (select value from json_each(:order_ids));

-- name: drafts_updating_postgres
select id, body #>> '{options,order_id}' as order_id
from documents
where account_id = :account_id and kind = 'draft' and created_ms >= :since_ms
    and status in ('open', 'deleted')
    and body #>> '{options,order_id}' in (select json_array_elements_text(:order_ids::text::json));

-- name: bare_event_sqlite
update events
set body = cast(:body as text)
where account_id = :account_id and version = :version and document = (
    select place from documents where account_id = :account_id and kind = :kind and id = :id
);

-- name: bare_event_postgres
update events
set body = :body
where account_id = :account_id and kind = :kind and document_id = :id and version = :version;

-- name: hold_followers_sqlite
-- In a SQLite file nobody else writes meanwhile.
select hook_id from followers where account_id = :account_id limit 0;

-- name: hold_followers_postgres
-- Whoever notes what became of deliveries holds the subscription's row while it does: what it wrote
-- is seen by the statements after this one, or it sees what they erased.
select hook_id
from followers
where account_id = :account_id
order by account_id, hook_id
for update;

-- name: forget_history_sqlite
delete from history
where account_id = :account_id and document = (
    select place from documents where account_id = :account_id and kind = :kind and id = :id
);

-- name: forget_history_postgres
delete from history
where account_id = :account_id and kind = :kind and document_id = :id;

-- name: forget_deliveries
delete from deliveries
where account_id = :account_id and document_id = :id and document_kind = :kind;

-- name: forget_answers_sqlite
-- The records stay, so that a repeated request is not carried out again; `null` stands for an answer
-- that is gone. `subject <> ''` lets the index by subject serve; see the migration.
update idempotency
set answer = cast('null' as blob), version = null
where account_id = :account_id and subject = :id and subject <> '';

-- name: forget_answers_postgres
update idempotency
set answer = 'null', version = null
where account_id = :account_id and subject = :id and subject <> '';

-- name: forget_first_answer_sqlite
-- Of the answers about a document only the one to its making, which may show what nobody sees again.
update idempotency
set answer = cast('null' as blob), version = null
where account_id = :account_id and subject = :id and subject <> '' and version = 1;

-- name: forget_first_answer_postgres
update idempotency
set answer = 'null', version = null
where account_id = :account_id and subject = :id and subject <> '' and version = 1;

-- name: naming_sqlite
-- A stretch of documents, by their ids, and where in each a text stands: in itself, in its events,
-- in earlier versions.
select d.id, d.created_ms, instr(d.body, :needle) > 0 as itself,
    exists (
        select 1
        from events as e
        where e.account_id = d.account_id and e.document = d.place and instr(e.body, :needle) > 0
    ) as events,
    exists (
        select 1
        from history as h
        where h.account_id = d.account_id and h.document = d.place and instr(h.body, :needle) > 0
    ) as earlier
from documents as d
where d.account_id = :account_id and d.kind = :kind and d.id > :after
order by d.id
limit :limit;

-- name: naming_postgres
select d.id, d.created_ms, position(:needle::text in d.body::text) > 0 as itself,
    exists (
        select 1
        from events as e
        where e.account_id = d.account_id and e.kind = d.kind and e.document_id = d.id
            and position(:needle::text in e.body::text) > 0
    ) as events,
    exists (
        select 1
        from history as h
        where h.account_id = d.account_id and h.kind = d.kind and h.document_id = d.id
            and position(:needle::text in h.body::text) > 0
    ) as earlier
from documents as d
where d.account_id = :account_id and d.kind = :kind and d.id > :after
order by d.id
limit :limit;

-- name: naming_changed_sqlite
-- The same of documents that changed between two positions of the account's log, by position.
select c.position, d.id, d.created_ms, instr(d.body, :needle) > 0 as itself,
    exists (
        select 1
        from events as e
        where e.account_id = d.account_id and e.document = d.place and instr(e.body, :needle) > 0
    ) as events,
    exists (
        select 1
        from history as h
        where h.account_id = d.account_id and h.document = d.place and instr(h.body, :needle) > 0
    ) as earlier
from events as c
cross join documents as d on d.place = c.document
where c.account_id = :account_id and c.position > :after and c.position <= :upto
    and d.kind = :kind
order by c.position
limit :limit;

-- name: naming_changed_postgres
select c.position, d.id, d.created_ms, position(:needle::text in d.body::text) > 0 as itself,
    exists (
        select 1
        from events as e
        where e.account_id = d.account_id and e.kind = d.kind and e.document_id = d.id
            and position(:needle::text in e.body::text) > 0
    ) as events,
    exists (
        select 1
        from history as h
        where h.account_id = d.account_id and h.kind = d.kind and h.document_id = d.id
            and position(:needle::text in h.body::text) > 0
    ) as earlier
from (
    select position, document_id
    from events
    where account_id = :account_id and position > :after and position <= :upto and kind = :kind
    order by position
    limit :limit
) as c
cross join lateral (
    select account_id, kind, id, created_ms, body
    from documents
    where account_id = :account_id and kind = :kind and id = c.document_id
    offset 0
) as d
order by c.position;

-- name: earlier_versions_sqlite
select cast(h.body as blob) as body
from documents as d
cross join history as h on h.account_id = d.account_id and h.document = d.place
where d.account_id = :account_id and d.kind = :kind and d.id = :id
order by h.version;

-- name: earlier_versions_postgres
select body
from history
where account_id = :account_id and kind = :kind and document_id = :id
order by version;

-- name: due_count
select count(*) as count
from expiries
where account_id = :account_id and due_ms <= :now_ms;

-- name: answers_naming_sqlite
-- A stretch of kept answers; those without the text are left out, but not their keys.
select client_id, key, case when instr(answer, :needle) > 0 then answer end as answer
from idempotency
where account_id = :account_id and (client_id, key) > (:after_client, :after_key)
order by client_id, key
limit :limit;

-- name: answers_naming_postgres
select client_id, key,
    case when position(:needle::bytea in answer) > 0 then answer end as answer
from idempotency
where account_id = :account_id and (client_id, key) > (:after_client, :after_key)
order by client_id, key
limit :limit;

-- name: deliveries_naming_sqlite
-- A stretch of stored deliveries; those without the text are left out, but not their keys.
select hook_id, id, document_kind, document_id,
    case when instr(body, :needle) > 0 then body end as body
from deliveries
where account_id = :account_id and (hook_id, id) > (:after_hook, :after_id)
order by hook_id, id
limit :limit;

-- name: deliveries_naming_postgres
select hook_id, id, document_kind, document_id,
    case when position(:needle::text in body) > 0 then body end as body
from deliveries
where account_id = :account_id and (hook_id, id) > (:after_hook, :after_id)
order by hook_id, id
limit :limit;

-- name: forget_answer_sqlite
update idempotency
set answer = cast('null' as blob), version = null
where account_id = :account_id and client_id = :client_id and key = :key;

-- name: forget_answer_postgres
update idempotency
set answer = 'null', version = null
where account_id = :account_id and client_id = :client_id and key = :key;

-- name: forget_record
delete from idempotency
where account_id = :account_id and client_id = :client_id and key = :key;

-- name: erasures_sqlite
select created_ms, id, cast(body as blob) as body
from documents
where account_id = :account_id and kind = 'erasure'
    and (created_ms, id) < (:before_ms, :before_id)
order by created_ms desc, id desc
limit :limit;

-- name: erasures_postgres
select created_ms, id, body
from documents
where account_id = :account_id and kind = 'erasure'
    and (created_ms, id) < (:before_ms, :before_id)
order by created_ms desc, id desc
limit :limit;

-- name: events_naming_sqlite
-- Those events of one document in which a text stands, a stretch of them.
select e.version, cast(e.body as blob) as body
from documents as d
cross join events as e on e.account_id = d.account_id and e.document = d.place
where d.account_id = :account_id and d.kind = :kind and d.id = :id
    and e.version > :after and instr(e.body, :needle) > 0
order by e.version
limit :limit;

-- name: events_naming_postgres
select version, body
from events
where account_id = :account_id and kind = :kind and document_id = :id
    and version > :after and position(:needle::text in body::text) > 0
order by version
limit :limit;

-- name: delete_events_sqlite
-- The events of a document that is deleted next, if it still has the version; its place may be
-- given to another document after it.
delete from events
where account_id = :account_id and document = (
    select place
    from documents
    where account_id = :account_id and kind = :kind and id = :id and version = :version
);

-- name: delete_events_postgres
delete from events
where account_id = :account_id and kind = :kind and document_id = :id and exists (
    select 1
    from documents
    where account_id = :account_id and kind = :kind and id = :id and version = :version
);

-- name: delete_document
delete from documents
where account_id = :account_id and kind = :kind and id = :id and version = :version;

-- name: told_next
-- The next subscription of which deliveries are kept; null after the last one.
select min(hook_id) as hook_id
from deliveries
where account_id = :account_id and hook_id > :after;

-- name: sweep_told
-- The oldest deliveries of a subscription, those before an id that nothing more happens to. One that
-- waits goes too where the subscription follows no more.
delete from deliveries
where account_id = :account_id and hook_id = :hook_id and id <= (
    select id
    from (
        select id
        from deliveries
        where account_id = :account_id and hook_id = :hook_id and id < :before
            and (due_ms is null or not exists (
                select 1 from followers where account_id = :account_id and hook_id = :hook_id
            ))
        order by id
        limit :limit
    ) as first
    order by id desc
    limit 1
)
    and (due_ms is null or not exists (
        select 1 from followers where account_id = :account_id and hook_id = :hook_id
    ))
returning id;
