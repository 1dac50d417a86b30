#!/usr/bin/env python3
"""bartizan profile: of programs that end in every way, of running processes; the two files that it writes."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from bartizan_command import BARTIZAN, CommandTest, built, environment  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
PROGRAM = built("tests/cli/profiled_program")
VALUES = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]


def varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return number, at


def message(data):
    """{number of a field: its values} of a message of protocol buffers."""
    fields, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            assert key & 7 == 2, key
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length
        fields.setdefault(key >> 3, []).append(value)
    return fields


def packed(values):
    numbers = []
    for data in values:
        at = 0
        while at < len(data):
            number, at = varint(data, at)
            numbers.append(number)
    return numbers


class Pprof:
    """A profile.pb.gz as profile.proto describes it."""

    def __init__(self, path):
        with gzip.open(path) as file:
            profile = message(file.read())
        strings = [text.decode() for text in profile[6]]
        assert strings[0] == ""
        functions = {one[1][0]: strings[one[2][0]] for one in map(message, profile.get(5, []))}
        self.types = [strings[one[1][0]] for one in map(message, profile[1])]
        self.mappings = {one[1][0]: one for one in map(message, profile[3])}
        self.files = [strings[one[5][0]] for one in self.mappings.values() if 5 in one]
        self.locations = {one[1][0]: one for one in map(message, profile[4])}
        self.period = profile.get(12, [0])[0]
        self.stacks = {}
        for sample in map(message, profile[2]):
            names = []
            for number in packed(sample[1]):
                location = self.locations[number]
                lines = location.get(4, [])
                names += [functions[message(line)[1][0]] for line in lines] or [hex(location[3][0])]
            values = packed(sample[2])
            assert len(values) == len(self.types)
            self.stacks[tuple(names)] = dict(zip(self.types, values))

    def of(self, function):
        """The values of the one stack that this function allocated in."""
        found = [values for names, values in self.stacks.items() if names and names[0] == function]
        assert len(found) == 1, (function, self.stacks)
        return [found[0][name] for name in VALUES]


class ProfiledTest(CommandTest):
    def profile(self, *arguments, status=0, program=PROGRAM, **options):
        base = self.path("heap")
        result = self.command("profile", "--rate=1", f"--output={base}", "--", program, *arguments, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(f"bartizan: profile: wrote {base}.pb.gz and {base}.html\n", result.stderr)
        return Pprof(base + ".pb.gz")

    def expect_all(self, profile):
        self.assertEqual(profile.types, VALUES)
        # Every block is a sample, so the numbers are exact.
        self.assertEqual(profile.of("Kept"), [200, 200000, 200, 200000])
        self.assertEqual(profile.of("Gone"), [300, 900000, 0, 0])


class Profile(ProfiledTest):
    def test_a_program_that_ends(self):
        profile = self.profile(status=3)
        self.expect_all(profile)
        self.assertEqual(profile.period, 1)
        names = next(names for names in profile.stacks if names[0] == "Kept")
        self.assertEqual(names[1], "main")
        self.assertEqual(names[-1], "_start")
        self.assertIn(os.path.realpath(PROGRAM), profile.files)

    def test_every_address_lies_in_its_mapping(self):
        profile = self.profile(status=3)
        for location in profile.locations.values():
            mapping = profile.mappings[location[2][0]]
            self.assertLessEqual(mapping[2][0], location[3][0])
            self.assertLess(location[3][0], mapping[3][0])

    def test_a_program_that_leaves_without_exit_handlers(self):
        self.expect_all(self.profile("_exit", status=4))

    def test_a_program_that_crashes(self):
        self.expect_all(self.profile("abort", status=128 + signal.SIGABRT))

    def interrupted(self, number, whom):
        base = self.path("heap")
        with subprocess.Popen([BARTIZAN, "profile", "--rate=1", f"--output={base}", "--", PROGRAM, "wait"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
                              start_new_session=True) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            whom(process.pid, number)
            self.assertEqual(process.wait(), 128 + number)
        self.expect_all(Pprof(base + ".pb.gz"))

    def test_an_interrupt_from_the_terminal(self):
        self.interrupted(signal.SIGINT, os.killpg)

    def test_a_request_to_end(self):
        self.interrupted(signal.SIGTERM, os.kill)

    def test_a_running_process(self):
        base = self.path("heap")
        variables = environment(LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS="sampling=1")
        with subprocess.Popen([PROGRAM, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            result = self.command("profile", str(process.pid), f"--output={base}")
            self.assertEqual((result.returncode, result.stderr),
                             (0, f"bartizan: profile: wrote {base}.pb.gz and {base}.html\n"))
            process.stdin.close()
            self.assertEqual(process.wait(), 3)
        self.expect_all(Pprof(base + ".pb.gz"))

    def refused(self, process, status, message_of):
        result = self.command("profile", str(process))
        self.assertEqual(result.returncode, status)
        self.assertEqual(result.stderr, f"bartizan: profile: {message_of}\n")

    def test_a_process_without_sampling(self):
        variables = environment(LD_PRELOAD=LIBRARY, BARTIZAN_OPTIONS="sampling=off")
        with subprocess.Popen([PROGRAM, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            self.refused(process.pid, 1, f"process {process.pid} (profiled_progra) runs without sampling: nothing is known of "
                         "its stacks; start it with sampling=on, or by \"bartizan profile -- PROGRAM\"")
            process.stdin.close()

    def test_a_process_that_is_not_protected(self):
        with subprocess.Popen([PROGRAM, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=environment()) as process:
            self.assertEqual(process.stdout.read(1), b"+")
            self.refused(process.pid, 1, f"process {process.pid} (profiled_progra): not protected")
            process.stdin.close()

    def test_without_names(self):
        profile = self.profile(status=3, variables={"PATH": self.tools("python3")})
        self.assertEqual(sorted(values["inuse_space"] for values in profile.stacks.values())[-1], 200000)
        self.assertFalse([names for names in profile.stacks if "Kept" in names])

    def tools(self, *names):
        os.mkdir(self.path("bin"))
        for name in names:
            os.symlink(shutil.which(name), self.path("bin/" + name))
        return self.path("bin")

    def test_a_program_that_cannot_run(self):
        result = self.command("profile", "--", "/no/such/program")
        self.assertEqual(result.returncode, 127)
        self.assertIn("bartizan: run: /no/such/program: program not found", result.stderr)

    def test_wrong_use(self):
        for words in ([], ["--"], ["x"], ["0"], ["1", "--", "true"], ["--rate=0", "--", "true"], ["--rate=x", "--", "true"],
                      ["--rate=1", "1"]):
            result = self.command("profile", *words)
            self.assertEqual((result.returncode, result.stdout), (2, ""), words)
            self.assertTrue(result.stderr, words)


class FlameGraph(ProfiledTest):
    def page(self, program=PROGRAM):
        self.profile(status=3, program=program)
        with open(self.path("heap.html"), encoding="utf-8") as file:
            return file.read()

    def test_needs_nothing_else(self):
        text = self.page()
        self.assertNotRegex(text, r"(?i)\b(src|href|url|import)\b\s*[=(]")
        self.assertNotIn("http", text)

    def test_holds_the_calls_outermost_first(self):
        data = json.loads(re.search(r'id="data">(.*?)</script>', self.page())[1])
        node, names = data["root"], []
        # What the C++ library keeps for itself is in it, too.
        self.assertGreaterEqual(node["v"][VALUES.index("inuse_space")], 200000)
        while node["c"]:
            node = max(node["c"], key=lambda child: child["v"][3])
            names.append(node["n"])
        self.assertEqual(names[0], "_start")
        self.assertEqual(names[-2:], ["main", "Kept"])
        self.assertEqual(node["v"], [200, 200000, 200, 200000])

    def test_names_of_programs_are_only_text(self):
        name = self.path("<script>alert(1)</script>&'\"".replace("/", "|"))
        shutil.copy(PROGRAM, name)
        text = self.page(program=name)
        self.assertEqual(text.count("<script"), 2)
        self.assertNotIn("alert(1)</", text)


if __name__ == "__main__":
    unittest.main()
