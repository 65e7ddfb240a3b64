-- compatible: 1
-- Every primary key, unique key and index begins with account_id; see the PostgreSQL twin of this
-- file. Tables of small rows are stored in their primary key (without rowid); documents and
-- answers are larger than such a tree keeps on its pages.

create table accounts (
    account_id text not null,
    name text not null,
    created_at text not null,
    primary key (account_id)
) strict, without rowid;

create table clients (
    account_id text not null,
    id text not null,
    client_id text not null,
    name text not null,
    description text,
    callbacks text not null,
    secret_hash text not null,
    created_at text not null,
    created_by text,
    updated_at text not null,
    deleted_at text,
    deleted_by text,
    primary key (account_id, id),
    unique (account_id, client_id)
) strict, without rowid;

create table grants (
    account_id text not null,
    id text not null,
    client_ref text not null,
    audience text not null,
    scopes text not null,
    type text not null,
    created_at text not null,
    created_by text,
    updated_at text not null,
    deleted_at text,
    deleted_by text,
    primary key (account_id, id)
) strict, without rowid;

create index grants_by_client on grants (account_id, client_ref);

create table signing_keys (
    kid text not null,
    private_jwk text not null,
    created_at text not null,
    retired_at text,
    primary key (kid)
) strict, without rowid;

create table documents (
    place integer,
    account_id text not null,
    kind text not null,
    id text not null,
    version integer not null,
    status text not null,
    payment_status text not null,
    currency text not null,
    created_ms integer not null,
    updated_ms integer not null,
    origin text,
    body text not null,
    primary key (place),
    unique (account_id, kind, id)
) strict;

create index drafts_by_age on documents (account_id, created_ms, id) where kind = 'draft';
create index orders_by_age on documents (account_id, created_ms, id) where kind = 'order';

-- Events stand by the place of their document, not by its id: those of documents that were made
-- one after the other lie side by side, and a group of changes writes a third of the pages.
create table events (
    account_id text not null,
    document integer not null,
    version integer not null,
    id text not null,
    body text not null,
    primary key (account_id, document, version)
) strict, without rowid;

create table order_terms (
    account_id text not null,
    term text not null,
    created_ms integer not null,
    order_id text not null,
    primary key (account_id, term, created_ms, order_id)
) strict, without rowid;

create table idempotency (
    account_id text not null,
    client_id text not null,
    key text not null,
    fingerprint text not null,
    answer blob not null,
    version integer,
    created_ms integer not null,
    primary key (account_id, client_id, key)
) strict;

create index idempotency_by_age on idempotency (account_id, created_ms) where created_ms > 0;

create table counters (
    account_id text not null,
    name text not null,
    next integer not null,
    primary key (account_id, name)
) strict, without rowid;
