-- The sandboxes of test accounts.

-- name: sandboxes_all
-- Those in which something is set.
select account_id, offset_ms, seed, faults
from sandboxes
where offset_ms <> 0 or seed is not null or faults <> '[]';

-- name: sandbox_set_offset
insert into sandboxes (account_id, offset_ms)
values (:account_id, :offset_ms)
on conflict (account_id) do update set offset_ms = excluded.offset_ms
returning offset_ms;

-- name: sandbox_add_offset
insert into sandboxes (account_id, offset_ms)
values (:account_id, :more_ms)
on conflict (account_id) do update
set offset_ms = sandboxes.offset_ms + excluded.offset_ms
where sandboxes.offset_ms + excluded.offset_ms <= :most_ms
returning offset_ms;

-- name: sandbox_set_seed
insert into sandboxes (account_id, seed)
values (:account_id, :seed)
on conflict (account_id) do update set seed = excluded.seed
returning seed;

-- name: sandbox_set_faults
insert into sandboxes (account_id, faults)
values (:account_id, :faults)
on conflict (account_id) do update set faults = excluded.faults
returning faults;

-- name: sandbox_swap_faults
update sandboxes
set faults = :after
where account_id = :account_id and faults = :before
returning account_id;

-- name: sandbox_next_ticket
update sandboxes
set tickets = tickets + 1
where account_id = :account_id and seed is not null
returning seed, tickets;

-- name: sandbox_upcoming_ticket
select seed, tickets + 1 as tickets
from sandboxes
where account_id = :account_id and seed is not null;

-- name: sandbox_first_ticket
update sandboxes
set tickets = 0
where account_id = :account_id
returning account_id;

-- What an account has written, the first rows in the order of their key: up to the last of so many.
-- Two conditions on one index, which every planner walks along.

-- name: empty_idempotency
delete from idempotency
where account_id = :account_id and (client_id, key) <= (
    select client_id, key
    from (
        select client_id, key
        from idempotency
        where account_id = :account_id
        order by client_id, key
        limit :limit
    ) as first
    order by client_id desc, key desc
    limit 1
)
returning account_id;

-- name: empty_order_terms
delete from order_terms
where account_id = :account_id and (term, created_ms, order_id) <= (
    select term, created_ms, order_id
    from (
        select term, created_ms, order_id
        from order_terms
        where account_id = :account_id
        order by term, created_ms, order_id
        limit :limit
    ) as first
    order by term desc, created_ms desc, order_id desc
    limit 1
)
returning account_id;

-- name: empty_payout_entries
delete from payout_entries
where account_id = :account_id
    and (destination, created_ms, order_id, type, operation_id, line_id) <= (
    select destination, created_ms, order_id, type, operation_id, line_id
    from (
        select destination, created_ms, order_id, type, operation_id, line_id
        from payout_entries
        where account_id = :account_id
        order by destination, created_ms, order_id, type, operation_id, line_id
        limit :limit
    ) as first
    order by destination desc, created_ms desc, order_id desc, type desc, operation_id desc,
        line_id desc
    limit 1
)
returning account_id;

-- name: empty_expiries
delete from expiries
where account_id = :account_id and (due_ms, kind, document_id) <= (
    select due_ms, kind, document_id
    from (
        select due_ms, kind, document_id
        from expiries
        where account_id = :account_id
        order by due_ms, kind, document_id
        limit :limit
    ) as first
    order by due_ms desc, kind desc, document_id desc
    limit 1
)
returning account_id;

-- name: empty_deliveries
delete from deliveries
where account_id = :account_id and (hook_id, id) <= (
    select hook_id, id
    from (
        select hook_id, id
        from deliveries
        where account_id = :account_id
        order by hook_id, id
        limit :limit
    ) as first
    order by hook_id desc, id desc
    limit 1
)
returning account_id;

-- name: empty_followers
delete from followers
where account_id = :account_id and hook_id <= (
    select hook_id
    from (
        select hook_id
        from followers
        where account_id = :account_id
        order by hook_id
        limit :limit
    ) as first
    order by hook_id desc
    limit 1
)
returning account_id;

-- name: empty_counters
delete from counters
where account_id = :account_id and name <= (
    select name
    from (
        select name
        from counters
        where account_id = :account_id
        order by name
        limit :limit
    ) as first
    order by name desc
    limit 1
)
returning account_id;

-- name: empty_history_sqlite
delete from history
where account_id = :account_id and (document, version) <= (
    select document, version
    from (
        select document, version
        from history
        where account_id = :account_id
        order by document, version
        limit :limit
    ) as first
    order by document desc, version desc
    limit 1
)
returning account_id;

-- name: empty_history_postgres
delete from history
where account_id = :account_id and (kind, document_id, version) <= (
    select kind, document_id, version
    from (
        select kind, document_id, version
        from history
        where account_id = :account_id
        order by kind, document_id, version
        limit :limit
    ) as first
    order by kind desc, document_id desc, version desc
    limit 1
)
returning account_id;

-- name: empty_events_sqlite
delete from events
where account_id = :account_id and (document, version) <= (
    select document, version
    from (
        select document, version
        from events
        where account_id = :account_id
        order by document, version
        limit :limit
    ) as first
    order by document desc, version desc
    limit 1
)
returning account_id;

-- name: empty_events_postgres
delete from events
where account_id = :account_id and (kind, document_id, version) <= (
    select kind, document_id, version
    from (
        select kind, document_id, version
        from events
        where account_id = :account_id
        order by kind, document_id, version
        limit :limit
    ) as first
    order by kind desc, document_id desc, version desc
    limit 1
)
returning account_id;

-- name: some_documents
-- How many documents there are, if not more than so many.
select count(*) as count
from (select id from documents where account_id = :account_id limit :limit) as first;

-- The first documents of an account with their events and replaced versions, in three statements of
-- one transaction. In a SQLite file another document may stand where a deleted one stood: it must
-- find no events there.

-- name: empty_events_of_documents_sqlite
delete from events
where account_id = :account_id and document in (
    select place
    from documents
    where account_id = :account_id
    order by kind, id
    limit :limit
);

-- name: empty_events_of_documents_postgres
delete from events
where account_id = :account_id and (kind, document_id) <= (
    select kind, id
    from (
        select kind, id
        from documents
        where account_id = :account_id
        order by kind, id
        limit :limit
    ) as first
    order by kind desc, id desc
    limit 1
);

-- name: empty_history_of_documents_sqlite
delete from history
where account_id = :account_id and document in (
    select place
    from documents
    where account_id = :account_id
    order by kind, id
    limit :limit
);

-- name: empty_history_of_documents_postgres
delete from history
where account_id = :account_id and (kind, document_id) <= (
    select kind, id
    from (
        select kind, id
        from documents
        where account_id = :account_id
        order by kind, id
        limit :limit
    ) as first
    order by kind desc, id desc
    limit 1
);

-- name: empty_documents
delete from documents
where account_id = :account_id and (kind, id) <= (
    select kind, id
    from (
        select kind, id
        from documents
        where account_id = :account_id
        order by kind, id
        limit :limit
    ) as first
    order by kind desc, id desc
    limit 1
);

-- name: empty_feeds
-- One row, so that a limit has nothing to cut.
delete from feeds
where account_id = :account_id and :limit > 0
returning account_id;
