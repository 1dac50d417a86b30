"""Databases: what was written must come back, and the sums must be right."""

import os
import re
import signal

from ..program import find, program

POSTGRES = "/usr/lib/postgresql/*/bin/postgres"
PGBENCH = "/usr/lib/postgresql/*/bin/pgbench"

SQLITE_SCRIPT = """
PRAGMA page_size=4096; PRAGMA cache_size=-8000;
CREATE TABLE item(id INTEGER PRIMARY KEY, family INTEGER, name TEXT, weight INTEGER, body BLOB);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
  INSERT INTO item SELECT i, i % 101, printf('item-%07d-%s', i, substr('abcdefghijklmnopqrstuvwxyz', 1, i % 26)),
                          i * 7 % 1000003, zeroblob(i % 300) FROM n;
COMMIT;
CREATE INDEX item_name ON item(name DESC);
CREATE INDEX item_family ON item(family, weight);
CREATE TABLE family AS SELECT family AS id, count(*) AS members, sum(weight) AS weight FROM item GROUP BY family;
SELECT count(*), sum(id), sum(weight), sum(length(body)), sum(length(name)) FROM item;
SELECT sum(members), sum(weight), max(id) FROM family;
SELECT count(*) FROM item a JOIN item b ON b.id = a.weight % {rows} + 1 WHERE b.id % 2 = 0 AND a.family < 50;
UPDATE item SET name = name || '-changed' WHERE id % 3 = 0;
DELETE FROM item WHERE id % 10 = 0;
SELECT count(*), sum(id), sum(length(name)) FROM item;
SELECT length(group_concat(name, ',')) FROM (SELECT name FROM item ORDER BY name);
SELECT json_array_length(json_group_array(json_object('i', id, 'n', name))) FROM item WHERE family = 5;
VACUUM;
PRAGMA integrity_check;
"""


def sqlite_answer(rows):
    """What the script must print, computed without any database."""
    def name(i):
        return len(f"item-{i:07d}-") + i % 26
    ids = range(1, rows + 1)
    weight = [i * 7 % 1000003 for i in ids]
    joined = sum(1 for i in ids if i % 101 < 50 and (weight[i - 1] % rows + 1) % 2 == 0)
    kept = [i for i in ids if i % 10]
    changed = [name(i) + (8 if i % 3 == 0 else 0) for i in kept]
    return "\n".join([
        f"{rows}|{sum(ids)}|{sum(weight)}|{sum(i % 300 for i in ids)}|{sum(map(name, ids))}",
        f"{rows}|{sum(weight)}|100",
        f"{joined}",
        f"{len(kept)}|{sum(kept)}|{sum(changed)}",
        f"{sum(changed) + len(kept) - 1}",
        f"{sum(1 for i in kept if i % 101 == 5)}",
        "ok", ""])


@program("sqlite3", does="a database built, queried, changed and checked", needs=[("sqlite3", "sqlite3")],
         loaded=["sqlite3"])
def sqlite3(run):
    rows = run.size(100_000, 400_000, 2_000_000)
    done = run.guarded("sqlite3", "-batch", run.path("items.db"), stdin=SQLITE_SCRIPT.format(rows=rows).encode())
    wanted = run.reference("answer", lambda: sqlite_answer(rows))
    run.equal("the sums", done.text.split(), wanted.split())
    again = run.guarded("sqlite3", run.path("items.db"), ".dump").out
    run.check(again.count(b"INSERT INTO item ") == rows - rows // 10, "the dump misses rows")
    run.did = f"{rows:,} rows built, joined, changed, dumped; sums and integrity_check"


class Postgres:
    """A PostgreSQL cluster of this run, on a socket only."""

    def __init__(self, run):
        self.run = run
        self.binaries = os.path.dirname(find(POSTGRES))
        self.user = run.unprivileged_user("postgres")
        self.home = run.make_folder("pg")
        run.give(self.home, self.user)
        self.data = os.path.join(self.home, "data")

    def command(self, name, *arguments, connect=True, **options):
        """Runs one of PostgreSQL's programs under the library."""
        place = ["-h", self.home, "-U", "tester"] if connect else []
        return self.run.guarded(os.path.join(self.binaries, name), *place, *arguments, user=self.user, cwd=self.home,
                                **options)

    def rows(self, query, database="bank"):
        """A query's answer: a list of rows, each a list of texts."""
        printed = self.command("psql", "-d", database, "-XAtqc", query).text
        return [line.split("|") for line in printed.splitlines()]

    def ready(self):
        """Whether a connection gets an answer."""
        return self.run.plain(os.path.join(self.binaries, "psql"), "-h", self.home, "-U", "tester", "-d", "postgres",
                              "-XAtqc", "select 1", expect=None, user=self.user, cwd=self.home).status == 0

    def server(self):
        """The server, for a with block."""
        options = ["-D", self.data, "-k", self.home, "-c", "listen_addresses=", "-c", "fsync=off",
                   "-c", "max_parallel_workers_per_gather=2", "-c", "min_parallel_table_scan_size=0",
                   "-c", "parallel_setup_cost=0", "-c", "autovacuum_naptime=2s"]
        return self.run.server(os.path.join(self.binaries, "postgres"), *options, ready=self.ready, stop=signal.SIGINT,
                               user=self.user, cwd=self.home)


@program("postgresql", does="initdb, pgbench, sums, dump and restore",
         needs=[(POSTGRES, "postgresql"), (PGBENCH, "postgresql-contrib"),
                ("/usr/lib/postgresql/*/bin/psql", "postgresql-client")],
         loaded=[POSTGRES, PGBENCH], version=(POSTGRES, "--version"))
def postgresql(run):
    cluster = Postgres(run)
    transactions = run.size(400, 2_000, 10_000)
    clients = 8
    cluster.command("initdb", "-D", cluster.data, "-U", "tester", "-A", "trust", "-N", "--no-locale", "-E", "UTF8",
                    connect=False)
    with cluster.server():
        cluster.command("createdb", "bank")
        cluster.command("pgbench", "-i", "-q", "-s", "2", "bank")
        printed = cluster.command("pgbench", "-c", clients, "-j", "2", "-t", transactions, "-M", "prepared",
                                  "bank").text
        processed = re.search(r"transactions actually processed: (\d+)/(\d+)", printed)
        run.check(processed and processed.group(1) == processed.group(2), "pgbench lost transactions")
        check_bank(run, cluster, clients * transactions)
        dumped = cluster.command("pg_dump", "-Fp", "--no-owner", "bank").out
        cluster.command("createdb", "copy")
        cluster.command("psql", "-d", "copy", "-Xq", "-v", "ON_ERROR_STOP=1", stdin=dumped)
        fingerprint = "SELECT md5(string_agg(a::text, ',' ORDER BY aid)) FROM pgbench_accounts a"
        run.equal("the restored copy", cluster.rows(fingerprint, "copy"), cluster.rows(fingerprint))
    run.did = f"initdb, {clients * transactions:,} pgbench transactions, sums, parallel queries, dump and restore"


def check_bank(run, cluster, transactions):
    """Every transaction moved the same amount in four tables."""
    sums = {cluster.rows(f"SELECT sum({column}) FROM {table}")[0][0] for column, table in (
        ("abalance", "pgbench_accounts"), ("tbalance", "pgbench_tellers"), ("bbalance", "pgbench_branches"),
        ("delta", "pgbench_history"))}
    run.check(len(sums) == 1, f"the tables' sums differ: {sums}")
    run.equal("rows of history", cluster.rows("SELECT count(*) FROM pgbench_history"), [[str(transactions)]])
    numbers = 200_000
    answer = cluster.rows(f"SELECT count(*), sum(n), sum(length(repeat('x', (n % 50)::int))), "
                          f"count(DISTINCT n % 1000) FROM generate_series(1, {numbers}) n")
    wanted = [numbers, numbers * (numbers + 1) // 2, sum(n % 50 for n in range(1, numbers + 1)), 1000]
    run.equal("sums of a series", answer, [[str(number) for number in wanted]])
    hashed = cluster.rows("SELECT count(*) FROM pgbench_accounts a JOIN pgbench_accounts b ON a.aid = b.aid + 1 "
                          "WHERE regexp_replace(a.filler, ' +$', '') = ''")
    run.equal("joined rows", hashed, [["199999"]])
