-- compatible: 2
-- The payout ledger: what each item of an operation gave to each destination. Rows are written with
-- their operation and never again. A server that does not know of it would leave entries out.

create table payout_entries (
    account_id text not null,
    destination text not null,
    created_ms integer not null,
    order_id text not null,
    type text not null,
    operation_id text not null,
    line_id integer not null,
    currency text not null,
    amount integer not null,
    store_id text,
    rule_type text,
    rule_id text,
    primary key (account_id, destination, created_ms, order_id, type, operation_id, line_id)
) strict, without rowid;
