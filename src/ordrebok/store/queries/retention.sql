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
