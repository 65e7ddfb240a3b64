-- compatible: 2
-- The payout ledger: what each item of an operation gave to each destination. Rows are written with
-- their operation and never again. A server that does not know of it would leave entries out.

create table payout_entries (
    account_id text collate "C" not null,
    destination text collate "C" not null,
    created_ms bigint not null,
    order_id text collate "C" not null,
    type text collate "C" not null,
    operation_id text collate "C" not null,
    line_id bigint not null,
    currency text collate "C" not null,
    amount bigint not null,
    store_id text collate "C",
    rule_type text collate "C",
    rule_id text collate "C",
    primary key (account_id, destination, created_ms, order_id, type, operation_id, line_id)
);
