#!/usr/bin/env python3
"""bartizan compare from end to end: real programs, small ones, under the real libraries. No time is asserted."""

import json
import os
import re
import signal
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import BARTIZAN, CommandTest, built, environment  # noqa: E402

TOOL = built("tools/compare/bartizan-compare")
LIBRARY = os.path.realpath(built("libbartizan.so"))
# Does different things under different allocators, as a test may want.
UNDER_FAST = 'case "$BARTIZAN_OPTIONS" in profile=fast) '


class CompareTest(CommandTest):
    def compare(self, *words, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return self.command("compare", *words, variables={"TMPDIR": self.folder}, **options)

    def leftovers(self):
        return [name for name in os.listdir(self.folder) if name.startswith("bartizan-compare-")]


class Measured(CompareTest):
    def test_two_allocators(self):
        done = self.compare("--allocators=hardened", "--rounds=2", "--", "sh", "-c", "echo done")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^glibc +[\d.]+ [mµ]?s +1 +base ")
        self.assertRegex(done.stdout, r"(?m)^hardened .* too few rounds ")
        self.assertRegex(done.stdout, r"(?m)^hardened +[\d.]+ MiB ")
        self.assertIn("2, which is not enough for a claim", done.stdout)
        self.assertEqual(self.leftovers(), [])

    def test_layers_page_and_json(self):
        page, data = self.path("page.html"), self.path("data.json")
        done = self.compare("--layers", "--profile=strict", "--rounds=1", f"--report={page}", f"--json={data}", "true")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(data, encoding="utf-8") as file:
            found = json.load(file)
        layers = [option["name"] for option in json.loads(self.command("options", "--json").stdout)
                  if option["layer"] and option["defaults"]["strict"]]
        self.assertGreater(len(layers), 5)
        self.assertEqual([layer["layer"] for layer in found["layers"]], layers)
        self.assertTrue(all(layer["taken_away"] and layer["alone"] for layer in found["layers"]))
        self.assertEqual({each["library"] for each in found["allocators"][1:]}, {LIBRARY})
        for name in layers:
            self.assertRegex(done.stdout, rf"(?m)^{name} +[+-]")
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.count("<svg"), 3)
        self.assertIn("double free", text)

    def test_json_instead_of_the_table(self):
        done = self.compare("--allocators=fast-static,fast+reuse_check", "--rounds=1", "--json", "true")
        self.assertEqual(done.returncode, 0)
        found = json.loads(done.stdout)
        self.assertEqual([each["name"] for each in found["allocators"]], ["glibc", "fast-static", "fast+reuse_check"])
        for each in found["allocators"]:
            self.assertIsNone(each["failure"])
            self.assertGreater(each["memory"]["peak"], 0)
            self.assertEqual(len(each["runs"]), 1)

    def test_options_are_in_force(self):
        program = ('echo "options:1"; test -z "$BARTIZAN_OPTIONS" || '
                   'test "$BARTIZAN_OPTIONS" = profile=hardened:canaries=off')
        done = self.compare(f"--allocators=mine={LIBRARY},hardened-canaries", "--rounds=1", "--metric=options:(.*)",
                            "--json", "--", "sh", "-c", program)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([each["medians"]["metric"] for each in json.loads(done.stdout)["allocators"]], [1.0] * 3)

    def test_standard_input_is_read_from_its_beginning_each_time(self):
        with open(self.write("input", "7\n"), encoding="utf-8") as file:
            done = self.compare("--allocators=fast", "--rounds=2", r"--metric=^\d+$", "--json", "--", "cat", stdin=file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([run["metric"] for run in json.loads(done.stdout)["allocators"][1]["runs"]], [7.0, 7.0])

    def test_server(self):
        socket = self.path("socket")
        server = ("import os, socket\ns = socket.socket(socket.AF_UNIX)\n"
                  f"os.path.exists({socket!r}) and os.remove({socket!r})\ns.bind({socket!r})\ns.listen()\n"
                  "while True: s.accept()[0].sendall(b'rate 5')")
        load = (f"{sys.executable} -c \"import socket; s = socket.socket(socket.AF_UNIX); s.connect('{socket}'); "
                'print(s.recv(99).decode())"')
        done = self.compare("--allocators=hardened", "--rounds=1", f"--load={load}", "--metric=rate (.*)",
                            "--higher-is-better", "--json", "--", sys.executable, "-c", server)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual((found["measure"], found["higher_is_better"]), ("metric", True))
        self.assertEqual([each["medians"]["metric"] for each in found["allocators"]], [5.0, 5.0])


class Failures(CompareTest):
    def test_under_one_allocator(self):
        program = ["sh", "-c", UNDER_FAST + "echo it broke >&2; exit 3;; esac"]
        done = self.compare("--allocators=fast,strict", "--rounds=1", "--", *program)
        self.assertEqual(done.returncode, 1)
        message = re.fullmatch("bartizan: compare: sh failed under fast: exit status 3; its output ends with "
                               r"'it broke': (\S+)\n", done.stderr)
        self.assertTrue(message, done.stderr)
        with open(message[1], encoding="utf-8") as file:
            self.assertEqual(file.read(), "it broke\n")
        self.assertEqual(os.listdir(os.path.dirname(message[1])), [os.path.basename(message[1])])
        self.assertRegex(done.stdout, r"(?m)^strict ")
        self.assertNotRegex(done.stdout, r"(?m)^fast ")

    def test_under_the_base(self):
        done = self.compare("--allocators=fast", "--rounds=1", "--", "false")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("false failed under glibc: exit status 1; it printed nothing\n", done.stderr)
        self.assertIn("without glibc, the base, there is nothing to compare with\n", done.stderr)

    def test_limit(self):
        done = self.compare("--allocators=fast", "--rounds=1", "--timeout=5", "--", "sh", "-c",
                            UNDER_FAST + "exec sleep 1000;; esac")
        self.assertEqual(done.returncode, 1)
        self.assertIn("sh failed under fast: did not end within 5 s; it printed nothing\n", done.stderr)

    def test_a_program_that_does_not_load_the_library(self):
        # The loader as a program that loads nothing.
        loader = "/lib64/ld-linux-x86-64.so.2"
        done = self.compare("--allocators=fast", "--rounds=1", "--", loader, "--help")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is it statically linked, or set-user-id?", done.stderr)

    def test_an_interrupt_shows_what_was_measured(self):
        # Interrupts once the second round has begun: two watched runs, and three for the warm-up and each round.
        count = self.write("count", "")
        program = f'echo run >> {count}; if [ "$(wc -l < {count})" -ge 9 ]; then kill -INT $PPID; exec sleep 1000; fi'
        done = self.compare("--allocators=fast", "--rounds=50", "--json=" + self.path("data.json"), "--",
                            "sh", "-c", program)
        self.assertEqual(done.returncode, 130, done.stderr)
        self.assertIn("Interrupted after 1 of 50 rounds.", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^fast ")
        with open(self.path("data.json"), encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual((found["interrupted"], found["rounds"]["counted"]), (True, 1))
        self.assertEqual(self.leftovers(), [])

    def test_an_interrupt_before_anything_was_measured(self):
        done = self.compare("--allocators=fast", "--", "sh", "-c", "kill -INT $PPID; exec sleep 1000")
        self.assertEqual((done.returncode, done.stdout), (130, ""))
        self.assertEqual(done.stderr, "bartizan: compare: interrupted before anything was measured\n")

    def test_refusals_reach_the_exit_code(self):
        for words, code in ((["no-such-program"], 127), (["/etc/passwd"], 126), (["--library=/no.so", "true"], 125),
                            (["--rounds=x", "true"], 2), (["--allocators=x", "true"], 2)):
            self.assertEqual(self.compare(*words).returncode, code, words)


class Installed(CompareTest):
    """The command by itself, with or without what belongs to it."""

    def install(self, *files):
        for source, place in ((BARTIZAN, "bin/bartizan"), *files):
            path = self.path(place)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(source, path)
        return self.path("bin/bartizan")

    def test_beside_the_command_or_in_libexec(self):
        for place in ("bin/bartizan-compare", "libexec/bartizan-compare"):
            command = self.install((TOOL, place), (LIBRARY, "lib/libbartizan.so"))
            done = self.compare("--allocators=hardened", "--rounds=1", "--json", "true", command=command)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["allocators"][1]["library"], self.path("lib/libbartizan.so"))
            os.remove(self.path(place))

    def test_missing_tool(self):
        command = self.install()
        self.expect(["compare", "true"], 125, command=command, stderr=(
            f"bartizan: compare: bartizan-compare is not where it should be: {self.path('bin')}/bartizan-compare, "
            f"{self.path('bin')}/../libexec/bartizan-compare; build it "
            "(bazel build //tools/compare:bartizan-compare)\n"))

    def test_missing_library(self):
        command = self.install((TOOL, "bin/bartizan-compare"))
        self.assertIn("libbartizan.so is not where it should be", self.compare("true", command=command).stderr)
        self.assertEqual(self.compare("--help", command=command).returncode, 0)

    def test_missing_python(self):
        done = subprocess.run([BARTIZAN, "compare", "true"], env=environment(PATH=self.folder), capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (
            125, "bartizan: compare: needs python3, which is not in PATH; install Debian's package python3\n"))

    def test_what_surrounds_python_is_no_concern(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "json.py"), "w", encoding="utf-8") as file:
                file.write("raise SystemExit('the wrong json')")
            done = self.command("compare", "--help", variables={"PYTHONPATH": folder, "PYTHONHOME": "/nowhere"},
                                cwd=folder)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main()
