-- The book of accounts: accounts, API clients, grants and signing keys. What is deleted stays as
-- a row, for the record, and is found by no statement here. Both engines run the same text; a
-- parameter whose type PostgreSQL cannot infer from its place is cast.

-- name: accounts_all
select account_id, name, created_at
from accounts
order by account_id;

-- name: account_get
select account_id, name, created_at
from accounts
where account_id = :account_id;

-- name: account_add
insert into accounts (account_id, name, created_at)
values (:account_id, :title, :created_at)
on conflict do nothing
returning account_id;

-- name: clients_of_account
select *
from clients
where account_id = :account_id and deleted_at is null
order by created_at, id;

-- name: client_get
select *
from clients
where account_id = :account_id and id = :id and deleted_at is null;

-- name: client_named
select *
from clients
where account_id = :account_id and client_id = :client_id and deleted_at is null;

-- name: client_add
insert into clients
    (account_id, id, client_id, name, description, callbacks, secret_hash,
     created_at, created_by, updated_at)
select
    account_id, :id, :client_id, :title, :description, :callbacks, :secret_hash,
    :created_at, :created_by, :updated_at
from accounts
where account_id = :account_id
on conflict do nothing
returning id;

-- name: client_change
update clients
set name = coalesce(cast(:title as text), name),
    description = case
        when cast(:describe as integer) = 1 then cast(:description as text)
        else description
    end,
    updated_at = :at
where account_id = :account_id and id = :id and deleted_at is null
returning *;

-- name: client_set_secret
update clients
set secret_hash = :secret_hash, updated_at = :at
where account_id = :account_id and id = :id and deleted_at is null
returning *;

-- name: client_delete
update clients
set deleted_at = :at, deleted_by = :by, updated_at = :at
where account_id = :account_id and id = :id and deleted_at is null
returning *;

-- name: grants_of_account
select grants.*
from grants
join clients on clients.account_id = grants.account_id and clients.id = grants.client_ref
where grants.account_id = :account_id
    and grants.deleted_at is null
    and clients.deleted_at is null
order by grants.created_at, grants.id;

-- name: grants_of_client
-- One row with an empty id when the client is there and has no grants.
select grants.*
from clients
left join grants
    on grants.account_id = clients.account_id
    and grants.client_ref = clients.id
    and grants.deleted_at is null
where clients.account_id = :account_id and clients.id = :id and clients.deleted_at is null
order by grants.created_at, grants.id;

-- name: grant_add
insert into grants
    (account_id, id, client_ref, audience, scopes, type, created_at, created_by, updated_at)
select
    account_id, :id, id, :audience, :scopes, :type, :created_at, :created_by, :updated_at
from clients
where account_id = :account_id and id = :client_ref and deleted_at is null
returning id;

-- name: grant_change
update grants
set scopes = :scopes, updated_at = :at
where account_id = :account_id
    and id = :id
    and deleted_at is null
    and exists (
        select 1
        from clients
        where clients.account_id = grants.account_id
            and clients.id = grants.client_ref
            and clients.deleted_at is null
    )
returning *;

-- name: grant_delete
update grants
set deleted_at = :at, deleted_by = :by, updated_at = :at
where account_id = :account_id and id = :id and deleted_at is null
returning *;

-- Signing keys are the server's own and belong to no account.

-- name: signing_keys_all
select kid, private_jwk, created_at, retired_at
from signing_keys
order by created_at desc, kid;

-- name: signing_key_add
insert into signing_keys (kid, private_jwk, created_at)
values (:kid, :private_jwk, :created_at);

-- name: signing_keys_retire
update signing_keys
set retired_at = :at
where kid <> :but and retired_at is null;

-- name: signing_keys_drop
delete from signing_keys
where retired_at < :before;
