"""A web server under load and a client against it; every page that is compared has a known content."""

import concurrent.futures
import gzip
import http.client
import os
import re
import signal
import socket
import ssl
import time

from ..program import program
from ..run import digest, read

CONFIGURATION = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log stderr warn; {user}
events {{ worker_connections 512; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=pages:1m;
  gzip on; gzip_types text/plain; gzip_min_length 100; keepalive_requests 500;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl http2;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    root {folder}/site;
    location /proxied/ {{ proxy_pass http://unix:{folder}/back:/; proxy_buffers 4 4k; proxy_buffer_size 4k; }}
    location /cached/ {{ proxy_pass http://unix:{folder}/back:/; proxy_cache pages; proxy_cache_valid 200 1s; }}
    location /numbered/ {{ rewrite ^/numbered/([0-9]+)$ /$1.txt last; }}
  }}
  server {{ listen unix:{folder}/back; root {folder}/site; }}
}}
"""


class Site:
    """nginx with pages of known content: static, compressed, proxied, cached, rewritten, over TLS."""

    def __init__(self, run, pages):
        self.run = run
        self.port = run.free_port()
        self.tls_port = run.free_port()
        run.make_folder("site")
        self.pages = {}
        for number in range(pages):
            body = "".join(f"page {number} line {line * number}\n" for line in range(1 + number * number % 4001))
            self.pages[number] = body.encode()
            run.write(f"site/{number}.txt", body)
        run.plain("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", run.path("key.pem"), "-out", run.path("cert.pem"))
        user = "user root;" if os.geteuid() == 0 else ""
        run.write("nginx.conf", CONFIGURATION.format(folder=run.folder, user=user, port=self.port,
                                                     tls_port=self.tls_port))

    def server(self):
        """The server, for a with block."""
        return self.run.server("nginx", "-e", "stderr", "-p", self.run.folder, "-c", self.run.path("nginx.conf"),
                               ready=lambda: socket.create_connection(("127.0.0.1", self.port)).close() is None,
                               stop=signal.SIGQUIT)

    def visit(self, visitor, requests):
        """One visitor: asks for every page in every way; the value lists what came back wrong."""
        wrong = []
        secure = ssl.create_default_context(cafile=self.run.path("cert.pem"))
        connections = [http.client.HTTPConnection("127.0.0.1", self.port, timeout=30),
                       http.client.HTTPSConnection("127.0.0.1", self.tls_port, timeout=30, context=secure)]
        ways = ("/{}.txt", "/proxied/{}.txt", "/cached/{}.txt", "/numbered/{}")
        for step in range(requests):
            number = (step * 7 + visitor * 13) % len(self.pages)
            path = ways[step % len(ways)].format(number)
            try:
                body = ask(connections[step // 8 % 2], path, compressed=step % 3 == 0)
            except (OSError, http.client.HTTPException) as problem:
                wrong.append(f"{path}: {problem!r}")
                continue
            if body != self.pages[number]:
                wrong.append(f"{path}: {len(body)} bytes differ from the page's {len(self.pages[number])}")
        for connection in connections:
            connection.close()
        return wrong


def ask(connection, path, compressed):
    """One request; the value is the page."""
    for attempt in (1, 2):
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if compressed else {})
            answer = connection.getresponse()
            break
        except (ConnectionError, http.client.BadStatusLine):
            # A server may close an idle connection at any time, and does while it is told to reload.
            connection.close()
            if attempt == 2:
                raise
    body = answer.read()
    if answer.status != 200:
        raise http.client.HTTPException(f"status {answer.status}")
    return gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body


@program("nginx", does="two workers under load, every page compared",
         needs=[("nginx", "nginx-light"), ("ab", "apache2-utils"), ("openssl", "openssl")],
         loaded=["nginx"], version=("nginx", "-v"))
def nginx(run):
    requests = run.size(10_000, 60_000, 300_000)
    visits = run.size(400, 2_000, 10_000)
    visitors = 4
    site = Site(run, pages=60)
    with site.server() as server:
        loaded = run.guarded("ab", "-q", "-k", "-n", requests, "-c", "50", f"http://127.0.0.1:{site.port}/17.txt").text
        run.check(re.search(rf"Complete requests:\s+{requests}\b", loaded), "ab did not complete its requests")
        run.check(re.search(r"Failed requests:\s+0\b", loaded), "ab reports failed requests")
        run.check("Non-2xx" not in loaded, "ab got errors")
        with concurrent.futures.ThreadPoolExecutor(visitors) as pool:
            waiting = [pool.submit(site.visit, visitor, visits) for visitor in range(visitors)]
            time.sleep(0.5)
            server.send_signal(signal.SIGHUP)
            wrong = [line for done in waiting for line in done.result()]
        run.check(not wrong, f"{len(wrong)} wrong answers: {wrong[:3]}")
    run.did = f"{requests:,} requests by ab, {visits * visitors:,} pages compared (gzip, TLS, proxy, cache), reload"


@program("curl", does="parallel downloads over HTTP/2 and TLS, every file compared",
         needs=[("curl", "curl"), ("nginx", "nginx-light"), ("openssl", "openssl")], loaded=["curl"])
def curl(run):
    rounds = run.size(4, 20, 80)
    site = Site(run, pages=200)
    with site.server():
        for number in range(rounds):
            run.make_folder(f"got{number}")
            done = run.guarded("curl", "-sS", "--no-progress-meter", "--fail", "--compressed", "--http2",
                               "--cacert", run.path("cert.pem"), "--parallel", "--parallel-max", "20", "-o", run.path(f"got{number}", "#1"),
                               f"https://127.0.0.1:{site.tls_port}/[0-{len(site.pages) - 1}].txt")
            run.equal("what curl says", done.err, "")
            wrong = [page for page, body in site.pages.items()
                     if digest(read(run.path(f"got{number}", str(page)))) != digest(body)]
            run.check(not wrong, f"wrong files: {wrong[:5]}")
    run.did = f"{rounds * len(site.pages):,} files over HTTP/2, TLS and gzip, each compared"
