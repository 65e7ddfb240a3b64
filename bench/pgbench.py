"""The yardstick: what PostgreSQL itself does with the bare transaction, measured by pgbench.

The tables are the order book's in small: documents of the same size in a column of the same type,
and a row in a table of events for every change. One transaction reads a row, updates it under the
guard of its version, and inserts an event. Statements are prepared. Every client works on rows of
its own, so that no one ever waits for a row.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tempfile
from pathlib import Path

import asyncpg

from bench.figures import Latency
from tests.support.postgres import Cluster

ROWS_PER_CLIENT = 1_000
EVENT_BYTES = 300

_TABLES = """
create table documents (
    account_id text collate "C" not null, kind text collate "C" not null,
    id text collate "C" not null, version integer not null, status text collate "C" not null,
    created_ms bigint not null, updated_ms bigint not null, body json not null,
    primary key (account_id, kind, id)
) with (fillfactor = 70);
create table events (
    account_id text collate "C" not null, kind text collate "C" not null,
    document_id text collate "C" not null, version integer not null,
    id text collate "C" not null, body json not null,
    primary key (account_id, kind, document_id, version)
);
"""
_LZ4 = """
alter table documents alter column body set compression lz4;
alter table events alter column body set compression lz4;
"""
_FILL = """
insert into documents
select 'T12345678', 'draft', 'd' || n, 1, 'open', n, n, $1::text::json
from generate_series(0, $2::integer - 1) as n
"""
READ = r"""
\set row :client_id * :rows + random(0, :rows - 1)
select version, body from documents
where account_id = 'T12345678' and kind = 'draft' and id = 'd' || :row;
"""
WRITE = r"""
\set row :client_id * :rows + random(0, :rows - 1)
begin;
select version, body from documents
where account_id = 'T12345678' and kind = 'draft' and id = 'd' || :row \gset
update documents set version = version + 1, updated_ms = updated_ms + 1, body = :body::text::json
where account_id = 'T12345678' and kind = 'draft' and id = 'd' || :row and version = :version;
insert into events
values ('T12345678', 'draft', 'd' || :row, :version + 1, 'e' || :version, :event::text::json);
end;
"""


class Yardstick:
    """A database with the two tables, and pgbench on it."""

    def __init__(self, cluster: Cluster, url: str, document: str) -> None:
        """Use a document of the size that the measured server writes."""
        self._program = cluster.binary("pgbench")
        self._url = url
        self._body = document
        self._event = json.dumps({"event": "e" * EVENT_BYTES})

    def prepare(self, most_clients: int) -> None:
        """Make the tables and fill them, outside any measured time."""
        asyncio.run(self._prepare(most_clients))

    async def _prepare(self, most_clients: int) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(_TABLES)
            try:
                await connection.execute(_LZ4)
            except asyncpg.PostgresError:
                print("This PostgreSQL has no lz4; pgbench packs documents by its own method.")
            await connection.execute(_FILL, self._body, ROWS_PER_CLIENT * most_clients)
            await connection.execute("vacuum (analyze) documents")
            await connection.execute("checkpoint")
        finally:
            await connection.close()

    def measure(self, script: str, clients: int, seconds: int) -> tuple[float, Latency]:
        """Return transactions a second and their latency.

        Refuses: RuntimeError, with what pgbench said, when one transaction failed.
        """
        with tempfile.TemporaryDirectory(prefix="ordrebok-pgbench-") as folder:
            file = Path(folder) / "script.sql"
            file.write_text(script)
            done = subprocess.run(
                [
                    *(self._program, "--no-vacuum", "--protocol=prepared"),
                    *(f"--client={clients}", "--jobs=1", f"--time={seconds}"),
                    *("--define", f"rows={ROWS_PER_CLIENT}", "--define", f"body={self._body}"),
                    *("--define", f"event={self._event}"),
                    *("--log", f"--log-prefix={folder}/log", f"--file={file}", self._url),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
            failed = re.search(r"failed transactions: ([0-9]+)", done.stdout)
            if done.returncode != 0 or rate is None or (failed and failed[1] != "0"):
                raise RuntimeError(f"pgbench failed: {done.stderr or done.stdout}")
            lines = (line for log in Path(folder).glob("log*") for line in log.open())
            # client, transaction number, microseconds, script number, time
            latency = Latency.of([int(line.split(" ", 3)[2]) / 1e6 for line in lines])
        return float(rate[1]), latency
