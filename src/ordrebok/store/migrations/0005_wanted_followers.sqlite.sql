-- compatible: 3
-- Which server wants a follower that another holds, and until when: so servers share them out anew.

alter table followers add column wanted_by text;

alter table followers add column wanted_until_ms integer not null default 0;
