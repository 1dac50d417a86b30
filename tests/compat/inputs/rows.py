"""Python's sqlite3 module: functions and aggregates written in Python, backup, blobs, threads, errors and rollbacks."""

import sqlite3
import threading

ROWS = 20_000


class Longest:
    """An aggregate: the longest text."""

    def __init__(self):
        self.text = ""

    def step(self, text):
        self.text = max(self.text, text, key=len)

    def finalize(self):
        return self.text


def fill(database):
    """A table with texts and blobs, and what Python can add to a database."""
    database.create_function("twice", 1, lambda text: text + text)
    database.create_aggregate("longest", 1, Longest)
    database.create_collation("reverse", lambda a, b: (a < b) - (a > b))
    database.execute("CREATE TABLE row(id INTEGER PRIMARY KEY, text TEXT, body BLOB)")
    with database:
        database.executemany("INSERT INTO row VALUES(?, ?, ?)",
                             ((i, "t" * (i % 97) + str(i), bytes([i % 256]) * (i % 500)) for i in range(ROWS)))


def check(database):
    """Everything that was put in, asked for in several ways."""
    assert database.execute("SELECT count(*), sum(length(body)) FROM row").fetchone() == (
        ROWS, sum(i % 500 for i in range(ROWS)))
    wanted = max(("t" * (i % 97) + str(i) for i in range(ROWS)), key=len)
    assert len(database.execute("SELECT longest(text) FROM row").fetchone()[0]) == len(wanted)
    assert database.execute("SELECT twice(text) FROM row WHERE id = 96").fetchone()[0] == ("t" * 96 + "96") * 2
    texts = [text for text, in database.execute("SELECT text FROM row ORDER BY text COLLATE reverse")]
    assert texts == sorted(texts, reverse=True)
    for i, body in database.execute("SELECT id, body FROM row WHERE id % 7 = 0"):
        assert body == bytes([i % 256]) * (i % 500)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def refuse(database):
    """A change that must fail and leave nothing behind."""
    try:
        with database:
            database.execute("UPDATE row SET text = 'gone'")
            database.execute("INSERT INTO row VALUES(1, 'again', NULL)")
    except sqlite3.IntegrityError:
        return
    raise AssertionError("a duplicate key was accepted")


def work(failures):
    """One thread with a database of its own and a copy of it."""
    try:
        database = sqlite3.connect(":memory:")
        fill(database)
        refuse(database)
        check(database)
        copy = sqlite3.connect(":memory:")
        database.backup(copy, pages=16)
        database.close()
        copy.create_function("twice", 1, lambda text: text + text)
        copy.create_aggregate("longest", 1, Longest)
        copy.create_collation("reverse", lambda a, b: (a < b) - (a > b))
        check(copy)
        assert sum(1 for _ in copy.iterdump()) >= ROWS
        copy.close()
    except BaseException as problem:
        failures.append(problem)
        raise


problems = []
threads = [threading.Thread(target=work, args=(problems,)) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("rows ok" if not problems else f"rows failed: {problems}")
