#!/usr/bin/env python3
"""bartizan exporter, scraped by hand and by a real Prometheus; rules and dashboard use what it exports."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import BARTIZAN, CommandTest, built, environment  # noqa: E402
from prometheus_text import samples  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
PROGRAM = built("tests/cli/allocating_program")
MONITORING = os.path.realpath(built("docs/monitoring"))
SECONDS = 40


def get(port, path="/metrics", method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read().decode()
    finally:
        connection.close()


class ExporterTest(CommandTest):
    @contextlib.contextmanager
    def process(self, *arguments):
        with subprocess.Popen([PROGRAM, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment(LD_PRELOAD=LIBRARY)) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            yield process
            process.stdin.close()

    @contextlib.contextmanager
    def exporter(self, *words):
        """One that listens; its port. It ends in order when it is told to."""
        with subprocess.Popen([BARTIZAN, "exporter", "--listen=127.0.0.1:0", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment(), text=True) as exporter:
            line = exporter.stdout.readline()
            match = re.fullmatch(r"bartizan: exporter: http://127\.0\.0\.1:(\d+)/metrics\n", line)
            self.assertIsNotNone(match, line)
            try:
                yield int(match[1])
            finally:
                exporter.send_signal(signal.SIGTERM)
                _, errors = exporter.communicate(timeout=SECONDS)
            self.assertEqual((exporter.returncode, errors), (0, ""))


class Scrape(ExporterTest):
    def test_metrics_of_all_processes(self):
        with self.process(1000, 100) as one, self.process(3, 1 << 20) as other, self.exporter() as port:
            status, kind, text = get(port)
        self.assertEqual((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        found = samples(text)
        for process, name, least in ((one, "bartizan_live_blocks", 1000), (other, "bartizan_large_live_bytes", 3 << 20)):
            value = found[name, f'{{process="{process.pid}",program="allocating_prog"}}']
            self.assertGreaterEqual(value, least)

    def test_new_processes_appear_and_ended_ones_go(self):
        with self.exporter() as port:
            with self.process(10, 10) as process:
                self.assertIn(f'process="{process.pid}"', get(port)[2])
            process.wait()
            self.assertNotIn(f'process="{process.pid}"', get(port)[2])

    def test_other_requests(self):
        with self.exporter("--noresident") as port:
            self.assertEqual(get(port, "/")[0], 200)
            self.assertIn('href="/metrics"', get(port, "/")[2])
            self.assertEqual(get(port, "/nothing")[0], 404)
            self.assertEqual(get(port, "/metrics?x=1")[0], 200)
            self.assertEqual(get(port, "/metrics", "HEAD")[2], "")
            self.assertEqual(get(port, "/metrics", "DELETE")[0], 501)
            self.assertNotIn("bartizan_resident_bytes", get(port)[2])

    def test_wrong_use(self):
        for word in ("9642", "host", "127.0.0.1:70000", "::1:9642", "[127.0.0.1:1"):
            result = self.command("exporter", "--listen=" + word)
            self.assertEqual((result.returncode, result.stdout), (2, ""), word)
            self.assertIn("expected an address such as 127.0.0.1:9642", result.stderr)
        with self.exporter() as port:
            self.expect(["exporter", f"--listen=127.0.0.1:{port}"], 2,
                        stderr=f"bartizan: exporter: cannot listen on 127.0.0.1:{port}: Address already in use\n")


class Files(ExporterTest):
    def test_rules_and_dashboard_ask_for_what_is_exported(self):
        with self.process(10, 10), self.exporter() as port:
            exported = set(re.findall(r"(?m)^# TYPE (\S+)", get(port)[2]))
        for name in ("bartizan.rules.yml", "grafana-dashboard.json"):
            with open(os.path.join(MONITORING, name), encoding="utf-8") as file:
                text = file.read()
            asked = set(re.findall(r"\bbartizan_[a-z_]+", text))
            self.assertGreater(len(asked), 3)
            self.assertEqual(asked - exported, set(), name)

    def test_dashboard(self):
        with open(os.path.join(MONITORING, "grafana-dashboard.json"), encoding="utf-8") as file:
            dashboard = json.load(file)
        panels = dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        for panel in panels:
            self.assertTrue(panel["title"] and panel["targets"])


@unittest.skipUnless(shutil.which("prometheus") and shutil.which("promtool"), "needs Debian's package prometheus")
class RealPrometheus(ExporterTest):
    def promtool(self, *words, **options):
        result = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False, cwd=MONITORING, **options)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_rules(self):
        self.promtool("check", "rules", "bartizan.rules.yml")
        self.promtool("check", "config", "prometheus.yml")
        self.promtool("test", "rules", "bartizan.rules_test.yml")

    def test_metrics_are_well_formed(self):
        with self.process(10, 10), self.exporter() as port:
            self.promtool("check", "metrics", input=get(port)[2])

    def ask(self, port, query):
        status, _, text = get(port, "/api/v1/query?query=" + urllib.parse.quote(query))
        self.assertEqual(status, 200, text)
        return json.loads(text)["data"]["result"]

    @contextlib.contextmanager
    def prometheus(self, exporter):
        """A server that scrapes it each tenth of a second, with our rules; its port."""
        with open(os.path.join(MONITORING, "prometheus.yml"), encoding="utf-8") as file:
            text = file.read()
        text = text.replace("127.0.0.1:9642", f"127.0.0.1:{exporter}").replace("15s", "100ms")
        shutil.copy(os.path.join(MONITORING, "bartizan.rules.yml"), self.folder)
        # Nobody tells which port it takes: one that was free a moment ago.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with subprocess.Popen(["prometheus", "--config.file=" + self.write("prometheus.yml", text),
                               "--storage.tsdb.path=" + self.path("data"), f"--web.listen-address=127.0.0.1:{port}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
            try:
                for line in server.stderr:
                    if "Server is ready" in line:
                        break
                yield port
            finally:
                server.terminate()
                server.communicate(timeout=SECONDS)

    def test_a_real_server_scrapes_it(self):
        with self.process(1000, 100) as process, self.exporter() as exporter, self.prometheus(exporter) as port:
            query = f'bartizan_live_blocks{{process="{process.pid}"}}'
            end = time.monotonic() + SECONDS
            while not (result := self.ask(port, query)):
                self.assertLess(time.monotonic(), end, self.ask(port, "up"))
            self.assertGreaterEqual(int(result[0]["value"][1]), 1000)
            self.assertEqual(result[0]["metric"]["program"], "allocating_prog")
            self.assertEqual([one["value"][1] for one in self.ask(port, 'up{job="bartizan"}')], ["1"])
            rules = json.loads(get(port, "/api/v1/rules")[2])["data"]["groups"][0]["rules"]
            self.assertNotIn("err", {rule["health"] for rule in rules})


if __name__ == "__main__":
    unittest.main()
