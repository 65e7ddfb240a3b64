-- What the PostgreSQL writer writes. Arrays are sorted by key, so that two processes take their
-- row locks in one order.

-- name: next_numbers
-- `next` is the number that will be given next. Runs in a transaction of its own, on a session
-- that does not wait for the disk: the row is locked for microseconds, and the later durable
-- commit of whoever uses a number flushes this one too.
insert into counters as c (account_id, name, next)
values (:account_id, 'order_number', :first::bigint + :count::bigint)
on conflict (account_id, name) do update set next = c.next + :count::bigint
returning next - :count::bigint as first;

-- name: lock_documents
-- Taken before anything is read: what is read next is what will be there at the write. Row by
-- row, in the order in which the keys are given.
select d.version
from unnest(:accounts::text[], :kinds::text[], :ids::text[]) as k (account_id, kind, id)
cross join lateral (
    select version
    from documents
    where account_id = k.account_id and kind = k.kind and id = k.id
    for update
) as d;

-- name: write_one
-- One change of one document, for a writer without company. No row comes back when the version
-- has moved on; then nothing was written. Where drafts are kept, this is not the statement.
with updated as (
    update documents
    set version = :version, status = :status, payment_status = :payment_status,
        currency = :currency, updated_ms = :updated_ms, body = :body
    where account_id = :account_id and kind = :kind and id = :id and version = :expected
    returning account_id, kind, id, version
),
moved as (
    insert into feeds as f (account_id, next, drafts_kept)
    select account_id, 2, false from updated where kind = any(:logged::text[])
    on conflict (account_id) do update set next = f.next + 1
    returning next - 1 as position, drafts_kept
)
insert into events (account_id, kind, document_id, version, id, body, position)
select account_id, kind, id, version, :event_id, :event, (select position from moved) from updated
returning 1 / (case when (select drafts_kept from moved) then 0 else 1 end);

-- name: write_changes
-- What most batches write: changed documents, their events and what they replace, in a statement
-- that the server is through with sooner than with `write_all`. The log of an account is moved on
-- when everything else that has to wait for others is done: its row is held from there to the
-- commit.
with updated as (
    update documents as d
    set version = c.version, status = c.status, payment_status = c.payment_status,
        currency = c.currency, updated_ms = c.updated_ms, body = c.body
    from unnest(:u_version::integer[], :u_status::text[], :u_payment_status::text[],
            :u_currency::text[], :u_updated_ms::bigint[], :u_body::json[],
            :u_account_id::text[], :u_kind::text[], :u_id::text[], :u_expected::integer[])
        as c (version, status, payment_status, currency, updated_ms, body, account_id, kind,
            id, expected)
    where d.account_id = c.account_id and d.kind = c.kind and d.id = c.id
        and d.version = c.expected
    returning 1
),
moved as (
    insert into feeds as f (account_id, next, drafts_kept)
    select account_id, 1 + count, false
    from unnest(:f_account_id::text[], :f_count::bigint[]) as l (account_id, count)
    where (select count(*) from updated) = cardinality(:u_id::text[])
    on conflict (account_id) do update set next = f.next + excluded.next - 1
    returning account_id, next, drafts_kept
),
event as (
    insert into events (account_id, kind, document_id, version, id, body, position)
    select e.account_id, e.kind, e.document_id, e.version, e.id, e.body, m.next - e.ahead
    from unnest(:e_account_id::text[], :e_kind::text[], :e_document_id::text[],
        :e_version::integer[], :e_id::text[], :e_body::json[], :e_ahead::bigint[])
        as e (account_id, kind, document_id, version, id, body, ahead)
    left join moved as m on m.account_id = e.account_id
    on conflict do nothing
    returning 1
),
kept as (
    insert into history (account_id, kind, document_id, version, body, replaced_ms)
    select * from unnest(:h_account_id::text[], :h_kind::text[], :h_document_id::text[],
        :h_version::integer[], :h_body::json[], :h_replaced_ms::bigint[])
)
select 1 / (case when
    (select count(*) from updated) = cardinality(:u_id::text[])
    and (select count(*) from event) = cardinality(:e_id::text[])
    and (
        select count(*)
        from moved as m
        join unnest(:f_account_id::text[], :f_kept::boolean[]) as l (account_id, kept)
            on l.account_id = m.account_id and l.kept = m.drafts_kept
    ) = cardinality(:f_account_id::text[])
then 1 else 0 end);

-- name: write_all
-- Everything a batch writes, in one statement and so in one transaction. Each part counts the
-- rows it touched. Where a count differs from what was expected, another process was faster: the
-- division by zero ends the statement, and with it everything it wrote. (SQL has no other way
-- to fail on a condition without a function of its own.)
with updated as (
    update documents as d
    set version = c.version, status = c.status, payment_status = c.payment_status,
        currency = c.currency, updated_ms = c.updated_ms, body = c.body
    from unnest(:u_version::integer[], :u_status::text[], :u_payment_status::text[],
            :u_currency::text[], :u_updated_ms::bigint[], :u_body::json[],
            :u_account_id::text[], :u_kind::text[], :u_id::text[], :u_expected::integer[])
        as c (version, status, payment_status, currency, updated_ms, body, account_id, kind,
            id, expected)
    where d.account_id = c.account_id and d.kind = c.kind and d.id = c.id
        and d.version = c.expected
    returning 1
),
inserted as (
    insert into documents (account_id, kind, id, version, status, payment_status, currency,
        created_ms, updated_ms, origin, body)
    select * from unnest(:n_account_id::text[], :n_kind::text[], :n_id::text[],
        :n_version::integer[], :n_status::text[], :n_payment_status::text[],
        :n_currency::text[], :n_created_ms::bigint[], :n_updated_ms::bigint[],
        :n_origin::text[], :n_body::json[])
    on conflict do nothing
    returning 1
),
recorded as (
    insert into idempotency (account_id, client_id, key, fingerprint, answer, version, created_ms,
        subject)
    select * from unnest(:i_account_id::text[], :i_client_id::text[], :i_key::text[],
        :i_fingerprint::text[], :i_answer::bytea[], :i_version::integer[],
        :i_created_ms::bigint[], :i_subject::text[])
    on conflict do nothing
    returning 1
),
unchanged as (
    select 1
    from unnest(:r_account_id::text[], :r_kind::text[], :r_id::text[], :r_version::integer[])
        as r (account_id, kind, id, version)
    join documents as d
        on d.account_id = r.account_id and d.kind = r.kind and d.id = r.id
        and d.version = r.version
    for share of d
),
moved as (
    insert into feeds as f (account_id, next, drafts_kept)
    select account_id, 1 + count, false
    from unnest(:f_account_id::text[], :f_count::bigint[]) as l (account_id, count)
    where (select count(*) from updated) = cardinality(:u_id::text[])
        and (select count(*) from inserted) = cardinality(:n_id::text[])
        and (select count(*) from recorded) = cardinality(:i_key::text[])
        and (select count(*) from unchanged) = cardinality(:r_id::text[])
    on conflict (account_id) do update set next = f.next + excluded.next - 1
    returning account_id, next, drafts_kept
),
event as (
    insert into events (account_id, kind, document_id, version, id, body, position)
    select e.account_id, e.kind, e.document_id, e.version, e.id, e.body, m.next - e.ahead
    from unnest(:e_account_id::text[], :e_kind::text[], :e_document_id::text[],
        :e_version::integer[], :e_id::text[], :e_body::json[], :e_ahead::bigint[])
        as e (account_id, kind, document_id, version, id, body, ahead)
    left join moved as m on m.account_id = e.account_id
    on conflict do nothing
    returning 1
),
kept as (
    insert into history (account_id, kind, document_id, version, body, replaced_ms)
    select * from unnest(:h_account_id::text[], :h_kind::text[], :h_document_id::text[],
        :h_version::integer[], :h_body::json[], :h_replaced_ms::bigint[])
),
due as (
    insert into expiries (account_id, due_ms, kind, document_id)
    select * from unnest(:d_account_id::text[], :d_due_ms::bigint[], :d_kind::text[],
        :d_document_id::text[])
    on conflict do nothing
),
term_added as (
    insert into order_terms (account_id, term, created_ms, order_id)
    select * from unnest(:t_account_id::text[], :t_term::text[], :t_created_ms::bigint[],
        :t_order_id::text[])
    on conflict do nothing
),
entered as (
    insert into payout_entries (account_id, destination, created_ms, order_id, type,
        operation_id, line_id, currency, amount, store_id, rule_type, rule_id)
    select * from unnest(:p_account_id::text[], :p_destination::text[], :p_created_ms::bigint[],
        :p_order_id::text[], :p_type::text[], :p_operation_id::text[], :p_line_id::bigint[],
        :p_currency::text[], :p_amount::bigint[], :p_store_id::text[], :p_rule_type::text[],
        :p_rule_id::text[])
),
term_removed as (
    delete from order_terms as t
    using unnest(:x_account_id::text[], :x_term::text[], :x_created_ms::bigint[],
        :x_order_id::text[]) as x (account_id, term, created_ms, order_id)
    where t.account_id = x.account_id and t.term = x.term
        and t.created_ms = x.created_ms and t.order_id = x.order_id
)
select 1 / (case when
    (select count(*) from updated) = cardinality(:u_id::text[])
    and (select count(*) from inserted) = cardinality(:n_id::text[])
    and (select count(*) from event) = cardinality(:e_id::text[])
    and (select count(*) from recorded) = cardinality(:i_key::text[])
    and (select count(*) from unchanged) = cardinality(:r_id::text[])
    and (
        select count(*)
        from moved as m
        join unnest(:f_account_id::text[], :f_kept::boolean[]) as l (account_id, kept)
            on l.account_id = m.account_id and l.kept = m.drafts_kept
    ) = cardinality(:f_account_id::text[])
then 1 else 0 end);

-- name: advance_feed_postgres
-- `next` is the position that the account's next change gets.
insert into feeds as f (account_id, next, drafts_kept)
values (:account_id, 1 + :count::bigint, false)
on conflict (account_id) do update set next = f.next + :count::bigint
returning next - :count::bigint as first;
