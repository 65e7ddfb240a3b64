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
