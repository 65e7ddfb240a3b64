-- compatible: 1
-- Every primary key, unique key and index begins with account_id, so that the same tables can be
-- spread by account over a distributed engine. Text keys compare byte by byte (collation "C"):
-- pages and word prefixes depend on it, and it is the fastest there is.

create table accounts (
    account_id text collate "C" not null,
    name text not null,
    created_at text collate "C" not null,
    primary key (account_id)
);

create table clients (
    account_id text collate "C" not null,
    id text collate "C" not null,
    client_id text collate "C" not null,
    name text not null,
    description text,
    callbacks text not null,
    secret_hash text not null,
    created_at text collate "C" not null,
    created_by text,
    updated_at text collate "C" not null,
    deleted_at text collate "C",
    deleted_by text,
    primary key (account_id, id),
    unique (account_id, client_id)
);

create table grants (
    account_id text collate "C" not null,
    id text collate "C" not null,
    client_ref text collate "C" not null,
    audience text not null,
    scopes text not null,
    type text not null,
    created_at text collate "C" not null,
    created_by text,
    updated_at text collate "C" not null,
    deleted_at text collate "C",
    deleted_by text,
    primary key (account_id, id)
);

create index grants_by_client on grants (account_id, client_ref);

create table signing_keys (
    kid text collate "C" not null,
    private_jwk text not null,
    created_at text collate "C" not null,
    retired_at text collate "C",
    primary key (kid)
);

-- A document is written often and grows. Pages with room let the new version stay on its page,
-- and no index has a column that changes with a write: such updates touch no index (HOT).
create table documents (
    account_id text collate "C" not null,
    kind text collate "C" not null,
    id text collate "C" not null,
    version integer not null,
    status text collate "C" not null,
    payment_status text collate "C" not null,
    currency text collate "C" not null,
    created_ms bigint not null,
    updated_ms bigint not null,
    origin text collate "C",
    body json not null,
    primary key (account_id, kind, id)
) with (fillfactor = 70);

-- The indexes that lists walk along are partial, so that they cannot serve a search by key. To a
-- planner that knows nothing yet of the table, such an index looks as good as the primary key,
-- and a plan made then would read every document of the account.
create index drafts_by_age on documents (account_id, created_ms, id) where kind = 'draft';
create index orders_by_age on documents (account_id, created_ms, id) where kind = 'order';

create table events (
    account_id text collate "C" not null,
    kind text collate "C" not null,
    document_id text collate "C" not null,
    version integer not null,
    id text collate "C" not null,
    body json not null,
    primary key (account_id, kind, document_id, version)
);

create table order_terms (
    account_id text collate "C" not null,
    term text collate "C" not null,
    created_ms bigint not null,
    order_id text collate "C" not null,
    primary key (account_id, term, created_ms, order_id)
);

create table idempotency (
    account_id text collate "C" not null,
    client_id text collate "C" not null,
    key text collate "C" not null,
    fingerprint text collate "C" not null,
    answer bytea not null,
    version integer,
    created_ms bigint not null,
    primary key (account_id, client_id, key)
);

create index idempotency_by_age on idempotency (account_id, created_ms) where created_ms > 0;

create table counters (
    account_id text collate "C" not null,
    name text collate "C" not null,
    next bigint not null,
    primary key (account_id, name)
) with (fillfactor = 50);

-- lz4 packs several times faster than the server's own method; not every server was built with it.
do $$
begin
    execute 'alter table documents alter column body set compression lz4';
    execute 'alter table events alter column body set compression lz4';
    execute 'alter table idempotency alter column answer set compression lz4';
exception
    when feature_not_supported or syntax_error or invalid_parameter_value then
        raise notice 'this server has no lz4; it packs documents by its own method';
end
$$;
