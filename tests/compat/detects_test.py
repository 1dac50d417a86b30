"""Proves that the command fails where it must: run as `python3 -B -m unittest compat.detects_test` in tests/.

Any library can be preloaded for this; a copy of the C library's libm stands in for ours.
"""

import glob
import hashlib
import os
import shutil
import tempfile
import unittest

from . import command, configurations, table, words
from .png import Picture
from .program import Program

SLOW = "import time; time.sleep(0.6)"


class DetectsTest(unittest.TestCase):
    """Runs small programs of one kind of fault each and looks at the result."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bartizan-compat-test-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        library = glob.glob("/lib/*/libm.so.6")[0]
        self.configuration = configurations.chosen(["hardened"], library, "", "")[0]
        configurations.prepare(self.configuration, self.folder)

    def result(self, work, limit=60, needs=(("python3", "python3"),), loaded=("python3",), without=()):
        """How a program with this work does."""
        program = Program("fault", work, "", tuple(needs), tuple(loaded), without=tuple(without), limit=limit)
        return command.run_once(program, self.configuration, os.path.join(self.folder, "run"), {}, "quick")

    def assert_fails(self, result, words_of_failure):
        """The result is a failure that says these words."""
        self.assertFalse(result.passed)
        self.assertIn(words_of_failure, result.failure)

    def test_right_work_passes_and_leaves_nothing(self):
        result = self.result(lambda run: run.guarded("python3", "-c", SLOW))
        self.assertEqual(result.failure, "")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "run")))

    def test_wrong_content(self):
        result = self.result(lambda run: run.equal("sum", run.guarded("python3", "-c", "print(5)").text, "4\n"))
        self.assert_fails(result, "sum: got '5\\n', wanted '4\\n'")
        self.assertTrue(os.path.isdir(result.folder))

    def test_exit_status_and_signal(self):
        self.assert_fails(self.result(lambda run: run.guarded("python3", "-c", "exit(3)")), "exit status 3")
        self.assert_fails(self.result(lambda run: run.guarded("python3", "-c", "import os; os.abort()")), "SIGABRT")

    def test_fatal_report_of_a_child_that_nobody_misses(self):
        script = "import os, time; os.system('echo bartizan: fatal: x >&2; exit 0'); time.sleep(0.6)"
        result = self.result(lambda run: run.guarded("python3", "-c", script))
        self.assert_fails(result, "bartizan: fatal: x")

    def test_fatal_report_in_the_report_file(self):
        def work(run):
            run.guarded("python3", "-c", SLOW)
            run.write("logs/fatal.1.report", "bartizan: fatal: y\n")
        self.assert_fails(self.result(work), "bartizan: fatal: y")

    def test_library_not_loaded(self):
        result = self.result(lambda run: run.guarded("env", "-u", "LD_PRELOAD", "python3", "-c", SLOW))
        self.assert_fails(result, "never seen in python3")

    def test_child_without_the_library(self):
        script = "import subprocess, time; subprocess.run(['sleep', '1'], env={})"
        self.assert_fails(self.result(lambda run: run.guarded("python3", "-c", script)), "without the library: sleep")
        allowed = self.result(lambda run: run.guarded("python3", "-c", script), without=["sleep"])
        self.assertEqual(allowed.failure, "")

    def test_more_time_where_the_profile_needs_it(self):
        def sleep(seconds):
            return self.result(lambda run: run.guarded("sleep", seconds, limit=0.1), limit=0.1, loaded=())
        self.assert_fails(sleep("900"), "did not end within 0 s")
        self.configuration.more_time = 1000
        self.assertEqual(sleep("0.5").failure, "")

    def test_the_profiles_that_need_more_time(self):
        library = os.path.join(self.folder, "libbartizan.so")
        shutil.copyfile(self.configuration.library, library)
        chosen = configurations.chosen(["hardened", "fast", "strict", "debug"], library, "", "")
        self.assertEqual([configuration.more_time > 1 for configuration in chosen], [False, False, False, True])

    def test_a_summary_without_errors_is_no_complaint(self):
        said = []

        def work(run):
            run.plain("echo", "bartizan: summary: process 1 (a): 0 heap errors; 1 block")
            run.plain("echo", "bartizan: summary: process 2 (b): 10 heap errors; 1 block")
            said.extend(run.complaints())
        self.assertEqual(self.result(work, loaded=()).failure, "")
        self.assertEqual(len(said), 1)
        self.assertIn("process 2", said[0])

    def test_time_limit_ends_the_whole_group(self):
        result = self.result(lambda run: run.guarded("sh", "-c", "sleep 900 & sleep 900"), limit=1, loaded=())
        self.assert_fails(result, "did not end within")
        self.assertNotIn("left processes", result.failure)

    def test_process_left_behind(self):
        script = "import os, time\nif os.fork() == 0:\n  os.setsid(); time.sleep(900)"
        result = self.result(lambda run: run.guarded("python3", "-c", script), loaded=())
        self.assert_fails(result, "left processes behind: python3")

    def test_server_that_ends_badly(self):
        def work(run):
            with run.server("python3", "-c", "import signal, time; signal.signal(15, lambda *_: exit(9)); "
                            "open('up', 'w'); time.sleep(60)", ready=lambda: os.path.exists(run.path("up"))):
                pass
        self.assert_fails(self.result(work), "exit status 9")

    def test_missing_program(self):
        result = self.result(lambda run: None, needs=[("no-such-program", "no-such-package")])
        self.assert_fails(result, "apt-get install no-such-package")
        self.assertEqual(result.missing, ["no-such-package"])

    def test_check_that_breaks(self):
        self.assert_fails(self.result(lambda run: 1 // 0), "the check itself broke")

    def test_library_that_is_not_there(self):
        with self.assertRaisesRegex(configurations.CannotStart, "bazel build"):
            configurations.chosen(["hardened"], None, "", self.folder)

    def test_options_that_are_not_understood(self):
        said = configurations.Configuration("x", "/bin/false", "", preloaded="/no/such/library.so")
        self.assertIn("cannot be preloaded", configurations.messages(said, {}))

    def test_layer_that_is_not_on(self):
        column = configurations.Configuration("canaries", "", "", layers={"canaries"})
        column.start_line = "bartizan 1: profile fast, layers: canaries; off: quarantine (options from BARTIZAN_OPTIONS)"
        configurations.check_layers(column)
        for on in ("none", "canaries quarantine", "quarantine"):
            column.start_line = f"bartizan 1: profile fast, layers: {on}; off: zero_on_free"
            with self.assertRaisesRegex(configurations.CannotStart, "other layers are on"):
                configurations.check_layers(column)

    def test_names_of_many_columns(self):
        self.assertEqual(table.parted("freelist_encryption"), "freelist_\nencryption")
        self.assertEqual(table.parted("zero_on_free"), "zero_\non_free")
        self.assertEqual([table.line_of(["canaries"], row, 2) for row in (0, 1)], ["", "canaries"])
        self.assertEqual([table.line_of(["zero_", "on_free"], row, 2) for row in (0, 1)], ["zero_", "on_free"])

    def test_damaged_picture(self):
        with self.assertRaises(ValueError):
            Picture(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)

    def test_known_answer(self):
        # What perl, node, java and Python's own dictionary agreed on when the workload was written.
        digest = hashlib.sha256(words.answer(200_000, 42, 7)).hexdigest()
        self.assertEqual(digest, "e6bb5fe20455c190237f64c81f76e5ffe615c84e0e064fac14a43bbc7e96e100")


if __name__ == "__main__":
    unittest.main()
