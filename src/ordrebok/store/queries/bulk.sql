-- Orders in bulk; see bulk.py. Where PostgreSQL looks documents up by their keys, the kind comes out
-- of unnest() too: to a planner that sees which kind it is, the index by age looks as good as the
-- primary key, and it would read all of that index for each document.

-- name: walk_events_sqlite
select d.id, e.version, e.id, cast(e.body as blob)
from json_each(:ids) as i
cross join documents as d
    on d.account_id = :account_id and d.kind = 'order' and d.id = i.value
cross join events as e
    on e.account_id = :account_id and e.document = d.place
order by d.id, e.version;

-- name: walk_events_postgres
select e.document_id, e.version, e.id, e.body
from unnest(:ids::text[]) as i (id)
cross join lateral (
    select document_id, version, id, body
    from events
    where account_id = :account_id and kind = 'order' and document_id = i.id
    offset 0
) as e
order by e.document_id, e.version;

-- name: walk_words_sqlite
select t.order_id, t.term
from json_each(:words) as w
cross join order_terms as t
    on t.account_id = :account_id
    and t.term = json_extract(w.value, '$[0]')
    and t.created_ms = json_extract(w.value, '$[1]')
    and t.order_id = json_extract(w.value, '$[2]');

-- name: walk_words_postgres
select t.order_id, t.term
from unnest(:terms::text[], :created_ms::bigint[], :ids::text[]) as w (term, created_ms, order_id)
cross join lateral (
    select order_id, term
    from order_terms
    where account_id = :account_id and term = w.term
        and created_ms = w.created_ms and order_id = w.order_id
    offset 0
) as t;

-- name: words_count
select count(*) as count
from order_terms
where account_id = :account_id;

-- name: words_of_order_sqlite
-- No index leads to the words of an order: this reads all words of the account.
select t.term, t.created_ms, t.order_id, d.created_ms as document_created_ms,
    cast(d.body as blob) as body
from order_terms as t
left join documents as d
    on d.account_id = t.account_id and d.kind = 'order' and d.id = t.order_id
where t.account_id = :account_id and t.order_id = :order_id;

-- name: words_of_order_postgres
select t.term, t.created_ms, t.order_id, d.created_ms as document_created_ms, d.body
from order_terms as t
cross join unnest(:kinds::text[]) as k (kind)
left join lateral (
    select created_ms, body
    from documents
    where account_id = :account_id and kind = k.kind and id = t.order_id
    offset 0
) as d on true
where t.account_id = :account_id and t.order_id = :order_id;

-- name: words_with_documents_sqlite
-- Some words with the documents that they lead to, all of one moment.
select t.term, t.created_ms, t.order_id, d.created_ms as document_created_ms,
    cast(d.body as blob) as body
from order_terms as t
left join documents as d
    on d.account_id = t.account_id and d.kind = 'order' and d.id = t.order_id
where t.account_id = :account_id
    and (t.term, t.created_ms, t.order_id) > (:after_term, :after_ms, :after_id)
order by t.term, t.created_ms, t.order_id
limit :limit;

-- name: words_with_documents_postgres
select t.term, t.created_ms, t.order_id, d.created_ms as document_created_ms, d.body
from (
    select term, created_ms, order_id
    from order_terms
    where account_id = :account_id
        and (term, created_ms, order_id) > (:after_term, :after_ms, :after_id)
    order by term, created_ms, order_id
    limit :limit
) as t
cross join unnest(:kinds::text[]) as k (kind)
left join lateral (
    select created_ms, body
    from documents
    where account_id = :account_id and kind = k.kind and id = t.order_id
    offset 0
) as d on true
order by t.term, t.created_ms, t.order_id;

-- name: orders_there_sqlite
select d.id
from json_each(:ids) as i
cross join documents as d
    on d.account_id = :account_id and d.kind = 'order' and d.id = i.value;

-- name: orders_there_postgres
select d.id
from unnest(:ids::text[], :kinds::text[]) as i (id, kind)
cross join lateral (
    select id
    from documents
    where account_id = :account_id and kind = i.kind and id = i.id
    offset 0
) as d;

-- name: raise_numbers
-- `next` is the number that will be given next; it never goes back.
insert into counters as c (account_id, name, next)
values (:account_id, 'order_number', :next)
on conflict (account_id, name) do update set next = excluded.next
where c.next < excluded.next
returning next;
