"""The servers of the suite: what is measured is how much a load generator gets out of them."""

import os
import pwd
import shlex
import socket

from bench.programs import TIMEOUT_SECONDS, Program
from bench.workshop import find
from compare.measure import Work

_POSTGRES = "/usr/lib/postgresql/*/bin/postgres"
_NEEDS_POSTGRES = ((_POSTGRES, "postgresql"), ("/usr/lib/postgresql/*/bin/pgbench", "postgresql-contrib"),
                   ("/usr/lib/postgresql/*/bin/psql", "postgresql-client"))

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn; {user}
events {{ worker_connections 256; }}
http {{
  access_log off; keepalive_requests 100000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  gzip on; gzip_types text/plain; gzip_min_length 100; gzip_comp_level 1;
  server {{ listen 127.0.0.1:{port}; root {folder}/site; }}
}}
"""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _redis(shop):
    place = shop.path("redis.socket")
    return Work("redis", (find("redis-server"), "--port", "0", "--unixsocket", place, "--save", "", "--dir",
                          shop.folder),
                load=f"{find('redis-benchmark')} -s {shlex.quote(place)} -q -c 20 -P 4 -d 100 -r 10000 "
                     f"-n {shop.size(20_000, 60_000)} -t set,get,incr,lpush,lpop,sadd,hset,zadd,mset",
                timeout=TIMEOUT_SECONDS)


def _nginx(shop):
    folder = shop.make_folder("nginx")
    os.makedirs(os.path.join(folder, "site"), exist_ok=True)
    shop.write("nginx/site/page.txt", "".join(f"line {number} of a page\n" for number in range(200)))
    port = _free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = shop.write("nginx/nginx.conf", _NGINX.format(folder=folder, user=user, port=port))
    return Work("nginx", (find("nginx"), "-e", "stderr", "-p", folder, "-c", configuration),
                metric=r"Requests/sec:\s+([0-9.]+)", higher_is_better=True,
                load=f"{find('wrk')} -t1 -c32 -d1s -H 'Accept-Encoding: gzip' "
                     f"http://127.0.0.1:{port}/page.txt", timeout=TIMEOUT_SECONDS)


def _postgres(shop):
    binaries = os.path.dirname(find(_POSTGRES))
    home = shop.make_folder("postgres")
    data = os.path.join(home, "data")
    user, become = None, ()
    if os.geteuid() == 0:  # It refuses to run as root.
        user = _unprivileged("postgres", "nobody")
        os.chown(home, user.pw_uid, user.pw_gid)
        os.chmod(shop.folder, 0o711)
        become = (find("setpriv"), f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    shop.call(os.path.join(binaries, "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-N", "--no-locale", "-E",
              "UTF8", user=user)
    server = (os.path.join(binaries, "postgres"), "-D", data, "-k", home, "-c", "listen_addresses=", "-c", "fsync=off",
              "-c", "autovacuum=off", "-c", "shared_buffers=64MB")
    place = f"-h {shlex.quote(home)} -U tester"
    # The first server that runs is filled; it is ready when it is.
    fill = (f"{binaries}/psql {place} -d bank -XAtqc 'select count(*) from pgbench_accounts' || "
            f"{{ {binaries}/createdb {place} bank && {binaries}/pgbench {place} -i -q -s 4 bank; }}")
    return Work("pgbench", (*become, *server), metric=r"tps = ([0-9.]+)", higher_is_better=True,
                load=f"{binaries}/pgbench {place} -n -S -c 4 -j 1 -t {shop.size(2_000, 6_000)} bank",
                ready=f"{binaries}/pg_isready {place} -d postgres -q && {{ {fill}; }}", timeout=TIMEOUT_SECONDS)


def _unprivileged(*names):
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in names if name in known)


SERVERS = (
    Program("redis", (("redis-server", "redis-server"), ("redis-benchmark", "redis-tools")), _redis, is_server=True),
    Program("nginx", (("nginx", "nginx-light"), ("wrk", "wrk")), _nginx, is_server=True),
    Program("pgbench", _NEEDS_POSTGRES, _postgres, is_server=True),
)
