"""In-memory stores: everything that was set must come back, under load and after a restart."""

import random
import socket
import threading
import time

from ..program import CheckFailed, program

REDIS_TESTS = "set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,mset"


class Model:
    """What a store must hold: the same random changes are made here and there."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.values = {}

    def text(self):
        """A value, mostly short, sometimes of some thousand characters."""
        length = self.random.choice((1, 10, 40, 100, 600, 5000))
        return self.random.choice("abcdefghij") * self.random.randint(1, length)

    def commands(self, count):
        """Redis commands, applied here as they are drawn."""
        for _ in range(count):
            key = f"key:{self.random.randrange(5000)}"
            kind = self.random.randrange(10)
            if kind < 5:
                self.values[key] = self.text()
                yield ["SET", key, self.values[key]]
            elif kind < 8:
                piece = self.text()
                self.values[key] = self.values.get(key, "") + piece
                yield ["APPEND", key, piece]
            else:
                self.values.pop(key, None)
                yield ["DEL", key]


def protocol(commands):
    """Commands in the form that redis-cli --pipe takes."""
    parts = []
    for command in commands:
        parts.append(f"*{len(command)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in command))
    return "".join(parts).encode()


class Redis:
    """A Redis server of this run, on a socket only."""

    def __init__(self, run):
        self.run = run
        self.socket = run.path("s")

    def server(self):
        """The server, for a with block; it writes its data to disk only when told to."""
        return self.run.server("redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir",
                               self.run.folder, "--enable-debug-command", "yes", "--io-threads", "2",
                               ready=lambda: self.cli("PING", guarded=False).strip() == "PONG")

    def cli(self, *command, stdin=b"", guarded=True):
        """What redis-cli prints."""
        start = self.run.guarded if guarded else self.run.plain
        return start("redis-cli", "-s", self.socket, "--raw", *command, stdin=stdin, expect=0 if guarded else None).text

    def check_values(self, values):
        """Compares every key of the model."""
        keys = sorted(values)
        printed = self.cli(stdin="".join(f"GET {key}\n" for key in keys).encode()).split("\n")
        wrong = [key for key, value in zip(keys, printed) if values[key] != value]
        self.run.check(len(printed) == len(keys) + 1 and not wrong, f"wrong values: {wrong[:5]}")


@program("redis", does="redis-benchmark, contents, save and restart",
         needs=[("redis-server", "redis-server"), ("redis-benchmark", "redis-tools"), ("redis-cli", "redis-tools")],
         loaded=["redis-server", "redis-benchmark"])
def redis(run):
    requests = run.size(8_000, 40_000, 400_000)
    changes = run.size(20_000, 60_000, 200_000)
    store = Redis(run)
    model = Model(11)
    with store.server():
        for tests, times in ((REDIS_TESTS, requests), ("lrange_100", requests // 10)):
            printed = run.guarded("redis-benchmark", "-s", store.socket, "-q", "-n", times, "-c", "20", "-P", "8",
                                  "-d", "200", "-r", "20000", "--threads", "2", "-t", tests).text
            run.check(printed.count("requests per second") >= len(tests.split(",")), "redis-benchmark ended early")
        store.cli("FLUSHALL")
        reply = store.cli("--pipe", stdin=protocol(model.commands(changes)))
        run.check(f"errors: 0, replies: {changes}" in reply, f"redis-cli --pipe says {reply.strip()}")
        store.check_values(model.values)
        before = store.cli("DEBUG", "DIGEST")
        save(run, store)
    with store.server():
        run.equal("the data after a restart", store.cli("DEBUG", "DIGEST"), before)
        store.check_values(model.values)
    run.did = f"{requests * len(REDIS_TESTS.split(',')):,} requests, {changes:,} changes checked, fork and save, restart"


def save(run, store):
    """Saves in a forked child while the parent goes on changing a key."""
    store.cli("BGSAVE")
    for _ in range(600):
        if "rdb_bgsave_in_progress:0" in store.cli("INFO", "persistence", guarded=False):
            break
        time.sleep(0.1)
    run.check("rdb_last_bgsave_status:ok" in store.cli("INFO", "persistence"), "the background save failed")


class MemcachedClient:
    """One connection that speaks memcached's text protocol."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rwb")

    def line(self, text, data=b""):
        """Sends a command; the value is the first line of the answer."""
        self.file.write(text.encode() + b"\r\n" + data)
        self.file.flush()
        return self.file.readline().strip()

    def set(self, key, value):
        """Stores a value."""
        return self.line(f"set {key} 0 0 {len(value)}", value + b"\r\n")

    def get(self, key):
        """A value, or None."""
        head = self.line(f"get {key}")
        if head == b"END":
            return None
        value = self.file.read(int(head.split()[3]))
        self.file.readline()
        self.file.readline()
        return value

    def close(self):
        """Ends the connection."""
        self.file.close()
        self.socket.close()


def memcached_client(path, seed, operations, failures):
    """One client thread: sets, gets and deletes keys of its own and compares; reconnects now and then."""
    try:
        draw = random.Random(seed)
        values = {}
        client = MemcachedClient(path)
        for step in range(operations):
            key = f"k{seed}-{draw.randrange(400)}"
            kind = draw.randrange(10)
            if kind < 4:
                values[key] = bytes([65 + draw.randrange(26)]) * draw.choice((1, 50, 1000, 20_000, 300_000))
                expect(client.set(key, values[key]), b"STORED")
            elif kind < 9:
                expect(client.get(key), values.get(key))
            else:
                expect(client.line(f"delete {key}"), b"DELETED" if values.pop(key, None) else b"NOT_FOUND")
            if step % 500 == 499:
                client.close()
                client = MemcachedClient(path)
        client.close()
    except (CheckFailed, OSError, ValueError, IndexError) as problem:
        failures.append(f"client {seed}: {problem}")


def expect(got, wanted):
    """Fails unless an answer is right."""
    if got != wanted:
        raise CheckFailed(f"got {str(got)[:60]}, wanted {str(wanted)[:60]}")


@program("memcached", does="set, get and delete from several clients", needs=[("memcached", "memcached")],
         loaded=["memcached"])
def memcached(run):
    operations = run.size(2_000, 15_000, 60_000)
    clients = 4
    home = run.make_folder("mc")
    user = run.unprivileged_user()
    run.give(home, user)
    path = f"{home}/s"
    failures = []
    with run.server("memcached", "-s", path, "-a", "0777", "-m", "1024", "-t", "4", "-I", "2m",
                    ready=lambda: MemcachedClient(path).close() is None, user=user, cwd=home):
        threads = [threading.Thread(target=memcached_client, args=(path, seed, operations, failures))
                   for seed in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    run.check(not failures, "; ".join(failures))
    run.did = f"{clients * operations:,} operations of {clients} clients, every value compared"
