-- What the SQLite writer writes. The transaction holds the file's only write lock, so a version
-- that was read in it is still the version when it is written.

-- name: insert_document_sqlite
insert into documents (account_id, kind, id, version, status, payment_status, currency,
    created_ms, updated_ms, origin, body)
values (:account_id, :kind, :id, :version, :status, :payment_status, :currency,
    :created_ms, :updated_ms, :origin, cast(:body as text));

-- name: change_document_sqlite
update documents
set version = :version, status = :status, payment_status = :payment_status,
    currency = :currency, updated_ms = :updated_ms, body = cast(:body as text)
where place = :place and account_id = :account_id and version = :expected;

-- name: insert_event_sqlite
insert into events (account_id, document, version, id, body, position)
values (:account_id, :document, :version, :id, cast(:body as text), :position);

-- name: advance_feed_sqlite
-- `next` is the position that the account's next change gets.
insert into feeds (account_id, next, drafts_kept)
values (:account_id, 1 + :count, 0)
on conflict (account_id) do update set next = next + :count
returning next - :count, drafts_kept;

-- name: insert_history_sqlite
insert into history (account_id, document, version, body, replaced_ms)
values (:account_id, :document, :version, cast(:body as text), :replaced_ms);

-- name: insert_expiry_sqlite
insert into expiries (account_id, due_ms, kind, document_id)
values (:account_id, :due_ms, :kind, :document_id)
on conflict do nothing;

-- name: insert_record_sqlite
insert into idempotency (account_id, client_id, key, fingerprint, answer, version, created_ms,
    subject)
values (:account_id, :client_id, :key, :fingerprint, :answer, :version, :created_ms, :subject);

-- name: insert_term_sqlite
insert into order_terms (account_id, term, created_ms, order_id)
values (:account_id, :term, :created_ms, :order_id)
on conflict do nothing;

-- name: delete_term_sqlite
delete from order_terms
where account_id = :account_id and term = :term
    and created_ms = :created_ms and order_id = :order_id;

-- name: next_number_sqlite
-- `next` is the number that will be given next.
insert into counters (account_id, name, next)
values (:account_id, 'order_number', :first + 1)
on conflict (account_id, name) do update set next = next + 1
returning next - 1;

-- name: insert_entry_sqlite
insert into payout_entries (account_id, destination, created_ms, order_id, type, operation_id,
    line_id, currency, amount, store_id, rule_type, rule_id)
values (:account_id, :destination, :created_ms, :order_id, :type, :operation_id, :line_id,
    :currency, :amount, :store_id, :rule_type, :rule_id);
