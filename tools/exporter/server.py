"""The HTTP server: /metrics is one look at all processes."""

import http.server
import socket
import threading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><title>bartizan exporter</title></head>
<body><h1>bartizan exporter</h1><p><a href="/metrics">Metrics</a></p></body></html>
"""
# A client that sends nothing does not keep a thread for longer, in seconds.
_PATIENCE = 30


class CannotLook(Exception):
    """Why there is nothing to serve."""


class SharedLook:
    """Looks once for all who ask while a look is under way."""

    def __init__(self, look):
        self._look = look
        self._lock = threading.Lock()
        self._under_way = None

    class _Result:
        def __init__(self):
            self.done = threading.Event()
            self.text = b""
            self.error = None

    def __call__(self):
        with self._lock:
            result, first = self._under_way, self._under_way is None
            if first:
                result = self._under_way = self._Result()
        if first:
            try:
                result.text = self._look()
            except CannotLook as error:
                result.error = error
            finally:
                with self._lock:
                    self._under_way = None
                result.done.set()
        else:
            result.done.wait()
        if result.error:
            raise CannotLook(str(result.error))
        return result.text


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "bartizan-exporter"
    sys_version = ""
    timeout = _PATIENCE

    def _answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):  # pylint: disable=invalid-name
        path = self.path.partition("?")[0]
        if path == "/":
            return self._answer(200, "text/html; charset=utf-8", _PAGE)
        if path != "/metrics":
            return self._answer(404, "text/plain; charset=utf-8", b"not found; metrics are at /metrics\n")
        try:
            return self._answer(200, CONTENT_TYPE, self.server.look())
        except CannotLook as error:
            return self._answer(500, "text/plain; charset=utf-8", f"{error}\n".encode())

    do_HEAD = do_GET

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Each scrape on a line of its own would fill logs; errors reach the client."""


class Server(http.server.ThreadingHTTPServer):
    """Listens from the moment it is made; serve_forever() serves."""

    daemon_threads = True

    def __init__(self, host, port, look):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.look = SharedLook(look)

    def handle_error(self, request, client_address):
        """A client that went away is no news."""

    def address(self):
        host, port = self.server_address[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
