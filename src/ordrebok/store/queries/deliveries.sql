-- Those who follow the log of an account, and what was sent to them.

-- name: follow
-- From the account's present position on. Runs after `keep_drafts`, which holds the log's row: no
-- change falls between the two.
insert into followers (account_id, hook_id, position, active, failures, failing_since_ms, next_ms,
    holder, held_until_ms)
select :account_id, :hook_id, next - 1, :active, 0, null, 0, null, 0
from feeds
where account_id = :account_id
on conflict (account_id, hook_id) do nothing
returning position;

-- name: follow_on
-- A follower stands still, or goes on from where it was. Who holds it holds it still: it may be in
-- the middle of sending.
update followers
set active = :active, failures = 0, failing_since_ms = null, next_ms = 0
where account_id = :account_id and hook_id = :hook_id
returning position;

-- name: follow_from_now
-- What has happened meanwhile is left out. Runs after `keep_drafts`. It must be taken anew, so that
-- nobody notes an earlier place.
update followers
set position = (select next - 1 from feeds where account_id = :account_id), holder = null,
    held_until_ms = 0
where account_id = :account_id and hook_id = :hook_id
returning position;

-- name: follow_no_more
delete from followers
where account_id = :account_id and hook_id = :hook_id
returning position;

-- name: followers_free
-- How many followers nobody holds, or no longer.
select count(*) as count
from followers
where account_id is not null and active = :active and held_until_ms < :now_ms;

-- name: followers_renew
-- Holds the followers that are held here for longer.
update followers
set held_until_ms = :until_ms
where account_id is not null and holder = :holder and active = :active
returning account_id, hook_id, position, failures, failing_since_ms, next_ms, wanted_by,
    wanted_until_ms;

-- name: followers_take_sqlite
-- Holds so many of the free followers for a while, but none that another server waits for.
update followers
set holder = :holder, held_until_ms = :until_ms, wanted_by = null
where (account_id, hook_id) in (
    select account_id, hook_id
    from followers
    where account_id is not null and active = :active and held_until_ms < :now_ms
        and (wanted_by is null or wanted_by = :holder or wanted_until_ms < :now_ms)
    order by account_id, hook_id
    limit :limit
)
returning account_id, hook_id, position, failures, failing_since_ms, next_ms;

-- name: followers_take_postgres
-- Rows that another process is taking are left to it.
with chosen as materialized (
    select account_id, hook_id
    from followers
    where account_id is not null and active = :active and held_until_ms < :now_ms
        and (wanted_by is null or wanted_by = :holder or wanted_until_ms < :now_ms)
    order by account_id, hook_id
    limit :limit
    for update skip locked
)
update followers as f
set holder = :holder, held_until_ms = :until_ms, wanted_by = null
from chosen
where f.account_id = chosen.account_id and f.hook_id = chosen.hook_id
returning f.account_id, f.hook_id, f.position, f.failures, f.failing_since_ms, f.next_ms;

-- name: followers_leave
-- At the end of a server its followers are free at once.
update followers
set holder = null, held_until_ms = 0
where account_id is not null and holder = :holder
returning account_id;

-- name: follower_let_go
-- Another server may have it: what was sent to it here is noted.
update followers
set holder = null, held_until_ms = 0
where account_id = :account_id and hook_id = :hook_id and holder = :holder
returning account_id;

-- name: followers_held
-- How many followers each server holds, and how many of them a certain one waits for.
select holder, count(*) as count,
    sum(case when wanted_by = :wanted_by and wanted_until_ms >= :now_ms then 1 else 0 end) as wanted
from followers
where account_id is not null and active = :active and held_until_ms >= :now_ms
    and holder is not null
group by holder;

-- name: followers_want_sqlite
-- Asks others for so many of what they hold above their share, and nobody waits for yet.
update followers
set wanted_by = :holder, wanted_until_ms = :wanted_until_ms
where (account_id, hook_id) in (
    select account_id, hook_id
    from (
        select account_id, hook_id,
            row_number() over (partition by holder order by account_id, hook_id) as number
        from followers
        where account_id is not null and active = :active and held_until_ms >= :now_ms
            and holder <> :holder and wanted_until_ms < :now_ms
    ) as held
    where number > :share
    order by account_id, hook_id
    limit :limit
)
returning account_id;

-- name: followers_want_postgres
-- Rows that another process is writing are left to it until later.
with held as materialized (
    select account_id, hook_id,
        row_number() over (partition by holder order by account_id, hook_id) as number
    from followers
    where account_id is not null and active = :active and held_until_ms >= :now_ms
        and holder <> :holder and wanted_until_ms < :now_ms
), chosen as materialized (
    select f.account_id, f.hook_id
    from followers as f
    join held on held.account_id = f.account_id and held.hook_id = f.hook_id
    where held.number > :share
    order by f.account_id, f.hook_id
    limit :limit
    for update of f skip locked
)
update followers as f
set wanted_by = :holder, wanted_until_ms = :wanted_until_ms
from chosen
where f.account_id = chosen.account_id and f.hook_id = chosen.hook_id
returning f.account_id;

-- name: followers_behind
-- Followers that are held here and have something to send: new changes, or deliveries that are due.
select f.account_id, f.hook_id
from followers as f
where f.account_id is not null and f.holder = :holder and f.active = :active
    and f.next_ms <= :now_ms
    and (
        exists (
            select 1 from feeds as l
            where l.account_id = f.account_id and l.next > f.position + 1
        )
        or exists (
            select 1 from deliveries as d
            where d.account_id = f.account_id and d.hook_id = f.hook_id and d.due_ms <= :now_ms
        )
    );

-- name: followers_lag
-- How many changes the follower furthest behind has not come to yet.
select max(l.next - 1 - f.position) as changes
from followers as f
join feeds as l on l.account_id = f.account_id
where f.account_id is not null and f.holder = :holder and f.active = :active;

-- name: follower_moved
-- How far a follower has come, and how it fares. One that somebody else holds, or that was moved
-- meanwhile, stays; one that was only let go of has come so far all the same.
update followers
set position = :position, failures = :failures, failing_since_ms = :failing_since_ms,
    next_ms = :next_ms
where account_id = :account_id and hook_id = :hook_id and position = :before
    and (holder = :holder or holder is null)
returning position;

-- name: changes_to_send_sqlite
-- Changes after a position, with the document at the version that each made; where that is not
-- kept, with the document as it is now. `drafts` and `orders`: whether they are asked for.
select e.position, d.kind, d.id as document_id, e.version, cast(e.body as blob) as event,
    cast(coalesce(h.body, d.body) as blob) as body
from events as e
cross join documents as d on d.place = e.document
left join history as h
    on h.account_id = e.account_id and h.document = e.document and h.version = e.version
where e.account_id = :account_id and e.position > :after and e.position <= :upto
    and iif(d.kind = 'draft', :drafts, :orders)
order by e.position
limit :limit;

-- name: changes_to_send_postgres
select e.position, e.kind, e.document_id, e.version, e.body as event,
    coalesce(h.body, d.body) as body
from (
    select position, kind, document_id, version, body
    from events
    where account_id = :account_id and position > :after and position <= :upto
        and case when kind = 'draft' then :drafts::boolean else :orders::boolean end
    order by position
    limit :limit
) as e
cross join lateral (
    select body
    from documents
    where account_id = :account_id and kind = e.kind and id = e.document_id
    offset 0
) as d
left join lateral (
    select body
    from history
    where account_id = :account_id and kind = e.kind and document_id = e.document_id
        and version = e.version
    offset 0
) as h on true
order by e.position;

-- name: deliveries_put_sqlite
-- What tells of a version before an erasure is not put back: it may have been on its way meanwhile.
-- Of a subscription that is over meanwhile nothing waits.
-- `bodies` holds all bodies, one behind the other; a row says where in it, and how many bytes. A
-- body inside its row's JSON would be read anew for each column. For the same reason the rows are
-- materialized: else each mention of one would write it out anew.
with given as materialized (
    select value as v from json_each(:rows)
)
insert into deliveries (account_id, hook_id, id, event_delivery, position, event, document_kind,
    document_id, document_version, state, attempts, created_ms, first_ms, attempted_ms, due_ms,
    status, duration_ms, url, request_headers, response_headers, response_body, fault, body)
select :account_id, :hook_id, v ->> 0, v ->> 1, v ->> 2, v ->> 3, v ->> 4, v ->> 5, v ->> 6,
    iif(v ->> 12 is null or f.goes_on, v ->> 7, 'given_up'), v ->> 8, v ->> 9, v ->> 10, v ->> 11,
    iif(f.goes_on, v ->> 12, null), v ->> 13, v ->> 14, v ->> 15, v ->> 16, v ->> 17, v ->> 18,
    v ->> 19, cast(substr(:bodies, v ->> 20, v ->> 21) as text)
from given
cross join (
    select exists (
        select 1 from followers where account_id = :account_id and hook_id = :hook_id
    ) as goes_on
) as f
where not exists (
    select 1
    from documents as d
    cross join events as e
        on e.account_id = d.account_id and e.document = d.place and e.version > (v ->> 6)
    where d.account_id = :account_id and d.kind = v ->> 4 and d.id = v ->> 5
        and e.body ->> 'event_type' in ('expired', 'erased')
)
on conflict (account_id, hook_id, id) do update
set state = excluded.state, attempts = excluded.attempts, first_ms = excluded.first_ms,
    attempted_ms = excluded.attempted_ms, due_ms = excluded.due_ms, status = excluded.status,
    duration_ms = excluded.duration_ms, url = excluded.url,
    request_headers = excluded.request_headers, response_headers = excluded.response_headers,
    response_body = excluded.response_body, fault = excluded.fault;

-- name: deliveries_put_postgres
-- The rows are read into `jsonb` once; of plain `json`, each column would read its row anew. What was
-- erased is looked for once for each document, along the key of the events.
with given as materialized (
    select v from jsonb_array_elements(:rows::text::jsonb) as v
),
erased as materialized (
    select d.kind, d.id, last.version
    from (
        select v ->> 4 as kind, v ->> 5 as id, min((v ->> 6)::integer) as version
        from given
        group by v ->> 4, v ->> 5
    ) as d
    cross join lateral (
        select max(e.version) as version
        from events as e
        where e.account_id = :account_id and e.kind = d.kind and e.document_id = d.id
            and e.version > d.version and e.body ->> 'event_type' in ('expired', 'erased')
    ) as last
    where last.version is not null
)
insert into deliveries (account_id, hook_id, id, event_delivery, position, event, document_kind,
    document_id, document_version, state, attempts, created_ms, first_ms, attempted_ms, due_ms,
    status, duration_ms, url, request_headers, response_headers, response_body, fault, body)
select :account_id, :hook_id, v ->> 0, v ->> 1, (v ->> 2)::bigint, v ->> 3, v ->> 4, v ->> 5,
    (v ->> 6)::integer,
    case when v ->> 12 is null or f.goes_on then v ->> 7 else 'given_up' end,
    (v ->> 8)::integer, (v ->> 9)::bigint, (v ->> 10)::bigint, (v ->> 11)::bigint,
    case when f.goes_on then (v ->> 12)::bigint end, (v ->> 13)::integer, (v ->> 14)::integer, v ->> 15,
    v ->> 16, v ->> 17, v ->> 18, v ->> 19, convert_from(
        substring(:bodies::bytea from (v ->> 20)::integer for (v ->> 21)::integer), 'UTF8'
    )
from given
cross join (
    select exists (
        select 1 from followers where account_id = :account_id and hook_id = :hook_id
    ) as goes_on
) as f
where not exists (
    select 1
    from erased as e
    where e.kind = v ->> 4 and e.id = v ->> 5 and e.version > (v ->> 6)::integer
)
on conflict (account_id, hook_id, id) do update
set state = excluded.state, attempts = excluded.attempts, first_ms = excluded.first_ms,
    attempted_ms = excluded.attempted_ms, due_ms = excluded.due_ms, status = excluded.status,
    duration_ms = excluded.duration_ms, url = excluded.url,
    request_headers = excluded.request_headers, response_headers = excluded.response_headers,
    response_body = excluded.response_body, fault = excluded.fault;

-- name: deliveries_due
-- What waits to be sent to a follower, the oldest first; the later deliveries of a document wait
-- behind its first.
select id, event_delivery, position, event, document_kind, document_id, document_version, state,
    attempts, created_ms, first_ms, due_ms, body
from deliveries
where account_id = :account_id and hook_id = :hook_id and due_ms is not null
    and due_ms <= :now_ms
order by due_ms, id
limit :limit;

-- name: deliveries_waiting
-- Documents of which something waits to be sent, and until when: what is newer waits behind it.
select document_kind, document_id, min(id) as first_id, max(due_ms) as due_ms,
    min(due_ms) as next_ms
from deliveries
where account_id = :account_id and hook_id = :hook_id and due_ms is not null
group by document_kind, document_id;

-- name: deliveries_end
-- Nothing more is sent to a subscription that has ended.
update deliveries
set state = 'given_up', due_ms = null
where account_id = :account_id and hook_id = :hook_id and due_ms is not null
returning id;

-- name: history_passed_sqlite
-- Replaced versions of drafts that everybody has passed who follows the account: those of a passed
-- change, and the ones before it, which were replaced when their own change had been passed.
delete from history
where account_id = :account_id and (document, version) in (
    select h.document, h.version
    from events as e
    cross join documents as d on d.place = e.document
    cross join history as h
        on h.account_id = e.account_id and h.document = e.document and h.version <= e.version
    where e.account_id = :account_id and d.kind = 'draft'
        and e.position > :after and e.position <= :position
        and e.position <= (select min(position) from followers where account_id = :account_id)
)
returning version;

-- name: history_passed_postgres
-- Each version is looked up by its key: a delete with a join may walk through all that the account
-- has kept.
delete from history as h
where h.ctid = any (array(
    select kept.place
    from (
        select kind, document_id, version
        from events
        where account_id = :account_id and kind = 'draft'
            and position > :after and position <= :position
            and position <= (select min(position) from followers where account_id = :account_id)
        offset 0
    ) as e
    cross join lateral (
        select ctid as place
        from history
        where account_id = :account_id and kind = e.kind and document_id = e.document_id
            and version <= e.version
        offset 0
    ) as kept
))
returning h.version;

-- name: deliveries_of
-- The deliveries of a subscription, newest first.
select id, event_delivery, event, state, attempts, created_ms, due_ms, status
from deliveries
where account_id = :account_id and hook_id = :hook_id and id < :before
order by id desc
limit :limit;

-- name: delivery
select id, event_delivery, event, state, attempts, created_ms, attempted_ms, due_ms, status,
    duration_ms, url, request_headers, body, response_headers, response_body, fault
from deliveries
where account_id = :account_id and hook_id = :hook_id and id = :id;

-- name: delivery_again
-- Sends a delivery once more, as it was, to a subscription that has not ended.
update deliveries
set state = 'waiting', attempts = 0, first_ms = null, due_ms = 0
where account_id = :account_id and hook_id = :hook_id and id = :id and exists (
    select 1 from followers where account_id = :account_id and hook_id = :hook_id
)
returning id, event_delivery, event, state, attempts, created_ms, due_ms, status;

-- name: deliveries_again
-- Sends what was told in a span of time once more, as it was, to one that has not ended.
update deliveries
set state = 'waiting', attempts = 0, first_ms = null, due_ms = 0
where account_id = :account_id and hook_id = :hook_id and id in (
    select d.id
    from deliveries as d
    join followers as f on f.account_id = d.account_id and f.hook_id = d.hook_id
    where d.account_id = :account_id and d.hook_id = :hook_id and d.due_ms is null
        and d.id >= :from_id and d.id < :to_id and (:any_state or d.state = 'given_up')
    order by d.id
    limit :limit
)
returning id;
