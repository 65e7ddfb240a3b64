-- The payout ledger.

-- name: payout_sums_sqlite
-- By units of time, of which a caller makes days or longer periods; one unit is all of time.
select created_ms / :unit_ms as unit, currency, type, sum(amount) as amount
from payout_entries
where account_id = :account_id and destination = :destination
    and created_ms >= :from_ms and created_ms <= :to_ms
    and (:any_currency = 1 or currency in (select value from json_each(:currencies)))
    and (:any_store = 1 or store_id in (select value from json_each(:stores)))
group by 1, 2, 3
order by 1, 2, 3;

-- name: payout_sums_postgres
select created_ms / :unit_ms::bigint as unit, currency, type, sum(amount)::numeric as amount
from payout_entries
where account_id = :account_id and destination = :destination
    and created_ms >= :from_ms::bigint and created_ms <= :to_ms::bigint
    and (:any_currency::integer = 1
        or currency in (select json_array_elements_text(:currencies::text::json)))
    and (:any_store::integer = 1
        or store_id in (select json_array_elements_text(:stores::text::json)))
group by 1, 2, 3
order by 1, 2, 3;

-- name: payout_entries_sqlite
-- Newest first, after the last row of the page before.
select destination, created_ms, order_id, type, operation_id, line_id, currency, amount,
    store_id, rule_type, rule_id
from payout_entries
where account_id = :account_id and destination = :destination
    and created_ms >= :from_ms and created_ms <= :to_ms
    and (created_ms, order_id, type, operation_id, line_id)
        < (:after_ms, :after_order, :after_type, :after_operation, :after_line)
    and (:any_currency = 1 or currency in (select value from json_each(:currencies)))
    and (:any_store = 1 or store_id in (select value from json_each(:stores)))
    and (:any_type = 1 or type in (select value from json_each(:types)))
    and (:any_order = 1 or order_id in (select value from json_each(:orders)))
order by created_ms desc, order_id desc, type desc, operation_id desc, line_id desc
limit :limit;

-- name: payout_entries_postgres
select destination, created_ms, order_id, type, operation_id, line_id, currency, amount,
    store_id, rule_type, rule_id
from payout_entries
where account_id = :account_id and destination = :destination
    and created_ms >= :from_ms::bigint and created_ms <= :to_ms::bigint
    and (created_ms, order_id, type, operation_id, line_id)
        < (:after_ms::bigint, :after_order, :after_type, :after_operation, :after_line::bigint)
    and (:any_currency::integer = 1
        or currency in (select json_array_elements_text(:currencies::text::json)))
    and (:any_store::integer = 1
        or store_id in (select json_array_elements_text(:stores::text::json)))
    and (:any_type::integer = 1
        or type in (select json_array_elements_text(:types::text::json)))
    and (:any_order::integer = 1
        or order_id in (select json_array_elements_text(:orders::text::json)))
order by created_ms desc, order_id desc, type desc, operation_id desc, line_id desc
limit :limit::integer;

-- name: walk_entries_sqlite
select e.destination, e.created_ms, e.order_id, e.type, e.operation_id, e.line_id, e.currency,
    e.amount, e.store_id, e.rule_type, e.rule_id
from json_each(:entries) as w
cross join payout_entries as e
    on e.account_id = :account_id
    and e.destination = json_extract(w.value, '$[0]')
    and e.created_ms = json_extract(w.value, '$[1]')
    and e.order_id = json_extract(w.value, '$[2]')
    and e.type = json_extract(w.value, '$[3]')
    and e.operation_id = json_extract(w.value, '$[4]')
    and e.line_id = json_extract(w.value, '$[5]');

-- name: walk_entries_postgres
select e.destination, e.created_ms, e.order_id, e.type, e.operation_id, e.line_id, e.currency,
    e.amount, e.store_id, e.rule_type, e.rule_id
from unnest(:destinations::text[], :moments::bigint[], :orders::text[], :types::text[],
        :operations::text[], :lines::bigint[])
    as w (destination, created_ms, order_id, type, operation_id, line_id)
cross join lateral (
    select *
    from payout_entries
    where account_id = :account_id and destination = w.destination
        and created_ms = w.created_ms and order_id = w.order_id and type = w.type
        and operation_id = w.operation_id and line_id = w.line_id
    offset 0
) as e;

-- name: entries_count
select count(*) as count
from payout_entries
where account_id = :account_id;

-- name: entries_with_documents_sqlite
-- Some entries with the orders that they are of, all of one moment.
select e.destination, e.created_ms, e.order_id, e.type, e.operation_id, e.line_id, e.currency,
    e.amount, e.store_id, e.rule_type, e.rule_id,
    cast(d.body as blob) as body
from payout_entries as e
left join documents as d
    on d.account_id = e.account_id and d.kind = 'order' and d.id = e.order_id
where e.account_id = :account_id
    and (e.destination, e.created_ms, e.order_id, e.type, e.operation_id, e.line_id)
        > (:after_destination, :after_ms, :after_order, :after_type, :after_operation, :after_line)
order by e.destination, e.created_ms, e.order_id, e.type, e.operation_id, e.line_id
limit :limit;

-- name: entries_with_documents_postgres
select e.destination, e.created_ms, e.order_id, e.type, e.operation_id, e.line_id, e.currency,
    e.amount, e.store_id, e.rule_type, e.rule_id,
    d.body
from (
    select *
    from payout_entries
    where account_id = :account_id
        and (destination, created_ms, order_id, type, operation_id, line_id)
            > (:after_destination, :after_ms::bigint, :after_order, :after_type,
                :after_operation, :after_line::bigint)
    order by destination, created_ms, order_id, type, operation_id, line_id
    limit :limit::integer
) as e
cross join unnest(array['order']) as k (kind)
left join lateral (
    select body
    from documents
    where account_id = :account_id and kind = k.kind and id = e.order_id
    offset 0
) as d on true
order by e.destination, e.created_ms, e.order_id, e.type, e.operation_id, e.line_id;
