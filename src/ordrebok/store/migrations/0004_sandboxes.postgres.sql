-- compatible: 3
-- The sandboxes of test accounts: by how much the clock was moved, what ids are drawn from, which
-- faults are to come, and how many requests have drawn ids.

create table sandboxes (
    account_id text collate "C" not null,
    offset_ms bigint not null default 0,
    seed text,
    faults text not null default '[]',
    tickets bigint not null default 0,
    primary key (account_id)
) with (fillfactor = 50);
