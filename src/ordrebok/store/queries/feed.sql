-- The log of changes: events of drafts and orders, by position.

-- name: drafts_kept
select drafts_kept
from feeds
where account_id = :account_id;

-- name: feed_next
-- The position that the account's next change gets; nothing where there was none yet.
select next
from feeds
where account_id = :account_id;

-- name: changes_after_sqlite
-- Of a long event, which holds a long request, only what a change shows of it.
select e.position, d.kind, d.id as document_id, e.version, e.id as event_id,
    cast(case when length(e.body) <= 16384 then e.body else json_object(
        'created_at', e.body ->> 'created_at',
        'created_by', e.body ->> 'created_by',
        'event_type', coalesce(e.body ->> 'event_type', 'api-event'),
        'request', json_object('path', coalesce(e.body ->> '$.request.path', ''))
    ) end as blob) as event
from events as e
cross join documents as d on d.place = e.document
where e.account_id = :account_id and e.position > :after
order by e.position
limit :limit;

-- name: changes_after_postgres
select position, kind, document_id, version, id as event_id,
    case when pg_column_size(body) <= 4096 then body else json_build_object(
        'created_at', body ->> 'created_at',
        'created_by', body ->> 'created_by',
        'event_type', coalesce(body ->> 'event_type', 'api-event'),
        'request', json_build_object('path', coalesce(body #>> '{request,path}', ''))
    ) end as event
from events
where account_id = :account_id and position > :after
order by position
limit :limit;

-- name: version_of_sqlite
-- A document as it was at a version: as it is now, or as it was replaced.
select cast(coalesce(h.body, d.body) as blob) as body, e.version, cast(e.body as blob) as event
from documents as d
cross join events as e
    on e.account_id = d.account_id and e.document = d.place and e.version = :version
left join history as h
    on h.account_id = d.account_id and h.document = d.place and h.version = :version
where d.account_id = :account_id and d.kind = :kind and d.id = :id
    and (h.version is not null or d.version = :version);

-- name: version_of_postgres
select coalesce(h.body, d.body) as body, e.version, e.body as event
from documents as d
cross join lateral (
    select version, body
    from events
    where account_id = d.account_id and kind = d.kind and document_id = d.id
        and version = :version
    offset 0
) as e
left join lateral (
    select version, body
    from history
    where account_id = d.account_id and kind = d.kind and document_id = d.id
        and version = :version
    offset 0
) as h on true
where d.account_id = :account_id and d.kind = :kind and d.id = :id
    and (h.version is not null or d.version = :version);

-- name: versions_of_sqlite
-- The versions of a document, newest first, and which of them are kept.
select e.version, cast(e.body as blob) as event,
    (e.version = d.version or h.version is not null) as kept
from documents as d
cross join events as e on e.account_id = d.account_id and e.document = d.place
left join history as h
    on h.account_id = d.account_id and h.document = d.place and h.version = e.version
where d.account_id = :account_id and d.kind = :kind and d.id = :id
    and e.version < :before
order by e.version desc
limit :limit;

-- name: versions_of_postgres
select e.version, e.body as event, (
    e.version = d.version or exists (
        select 1
        from history as h
        where h.account_id = d.account_id and h.kind = d.kind and h.document_id = d.id
            and h.version = e.version
    )
) as kept
from documents as d
cross join lateral (
    select version, body
    from events
    where account_id = d.account_id and kind = d.kind and document_id = d.id
        and version < :before
    order by version desc
    limit :limit
) as e
where d.account_id = :account_id and d.kind = :kind and d.id = :id
order by e.version desc;

-- name: keep_drafts
-- Says whether replaced versions of the account's drafts are kept from here on.
insert into feeds as f (account_id, next, drafts_kept)
values (:account_id, 1, :kept)
on conflict (account_id) do update set drafts_kept = excluded.drafts_kept
returning next;

-- name: expiries_due
-- Documents whose time may be over, the longest overdue first.
select due_ms, kind, document_id
from expiries
where account_id = :account_id and due_ms <= :now_ms
order by due_ms, kind, document_id
limit :limit;

-- name: history_of_nobody_sqlite
-- Whether there are replaced versions of drafts in an account whose drafts nobody follows.
select 1 as one
from history as h
cross join documents as d on d.place = h.document
where h.account_id = :account_id and d.kind = 'draft'
    and not exists (
        select 1 from feeds where account_id = :account_id and drafts_kept = :kept
    )
limit 1;

-- name: history_of_nobody_postgres
select 1 as one
from history
where account_id = :account_id and kind = 'draft'
    and not exists (
        select 1 from feeds where account_id = :account_id and drafts_kept = :kept
    )
limit 1;

-- name: history_let_go_sqlite
-- Replaced versions of drafts, when nobody follows the account's drafts any longer: so many.
delete from history
where account_id = :account_id and (document, version) in (
    select h.document, h.version
    from history as h
    cross join documents as d on d.place = h.document
    where h.account_id = :account_id and d.kind = 'draft'
    limit :limit
)
returning version;

-- name: history_let_go_postgres
delete from history
where ctid = any (array(
    select ctid
    from history
    where account_id = :account_id and kind = 'draft'
    limit :limit
))
returning version;
