#!/usr/bin/env python3
"""What docs/ci.md shows: its files are those of docs/examples/ci, and they do what it says, with the real cmake and ctest."""

import os
import re
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import yaml  # noqa: E402

from bartizan_command import BARTIZAN, CommandTest, built, environment  # noqa: E402
import sarif  # noqa: E402

LIBRARY = os.path.realpath(built("libbartizan.so"))
EXAMPLE = built("docs/examples/ci")
MISTAKE = "first_ = item->next;"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Recipe(CommandTest):
    def setUp(self):
        super().setUp()
        self.project = shutil.copytree(EXAMPLE, self.path("project"))
        os.mkdir(self.path("bin"))
        os.symlink(os.path.realpath(BARTIZAN), self.path("bin/bartizan"))
        self.variables = environment(PATH=f"{self.path('bin')}:{os.environ['PATH']}", CXX="clang++-19", CXXFLAGS="-O1 -g",
                                     CMAKE_LIBRARY_PATH=os.path.dirname(LIBRARY), CMAKE_GENERATOR="Ninja")

    def run_script(self, script):
        """Exit code and output of a step."""
        done = subprocess.run(["bash", "-e", "-c", script], cwd=self.project, env=self.variables, check=False, timeout=250,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def expect_findings(self):
        run = sarif.checked(read(os.path.join(self.project, "heap-errors.sarif")))
        self.assertEqual([result["ruleId"] for result in run["results"]], ["use_after_free"])
        result = run["results"][0]
        lines = read(os.path.join(self.project, "queue_test.cc")).splitlines()
        uri, line = sarif.place_of(result["locations"][0])
        self.assertEqual((uri, lines[line - 1].strip()), ("queue_test.cc", MISTAKE))
        where = [sarif.place_of(location) for location in result["relatedLocations"]]
        self.assertEqual([uri for uri, _ in where], ["queue_test.cc", "queue_test.cc"])
        self.assertIn("new Item", lines[where[0][1] - 1])
        self.assertIn("delete item", lines[where[1][1] - 1])

    def test_github(self):
        workflow = yaml.safe_load(read(os.path.join(self.project, "github.yml")))
        self.assertEqual(workflow["permissions"]["security-events"], "write")
        steps = {step.get("name", step.get("uses")): step for step in workflow["jobs"]["bartizan"]["steps"]}
        code, output = self.run_script(steps["Build"]["run"])
        self.assertEqual(code, 0, output)
        code, output = self.run_script(steps["Test"]["run"])
        self.assertNotEqual(code, 0, output)
        self.assertRegex(output, r"Queue\.BeginsEmpty \.+ +Passed")
        self.assertRegex(output, r"Queue\.GivesWhatItTook \.+\*\*\*Failed")
        self.assertEqual(len(os.listdir(os.path.join(self.project, "build/reports"))), 1, "of the process that failed")
        step = steps["Reports as SARIF"]
        self.assertEqual(step["if"], "always()")
        code, output = self.run_script(step["run"])
        self.assertEqual((code, output), (0, ""))
        upload = steps["Show them at the lines they are about"]
        self.assertEqual((upload["with"]["sarif_file"], upload["if"]), ("heap-errors.sarif", "always()"))
        self.expect_findings()

    def test_gitlab(self):
        job = yaml.safe_load(read(os.path.join(self.project, "gitlab.yml")))["heap-errors"]
        code, output = self.run_script("\n".join(job["script"]))
        self.assertNotEqual(code, 0, output)
        code, output = self.run_script("\n".join(job["after_script"]))
        self.assertEqual((code, output), (0, ""))
        self.expect_findings()
        for path in job["artifacts"]["paths"]:
            self.assertTrue(os.path.exists(os.path.join(self.project, path)), path)
        suite = xml.etree.ElementTree.parse(os.path.join(self.project, job["artifacts"]["reports"]["junit"])).getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("2", "1"))

    def test_without_the_mistake_nothing_is_found(self):
        path = os.path.join(self.project, "queue_test.cc")
        self.write("project/queue_test.cc", read(path).replace("    delete item;\n    first_ = item->next;\n",
                                                         "    first_ = item->next;\n    delete item;\n"))
        job = yaml.safe_load(read(os.path.join(self.project, "gitlab.yml")))["heap-errors"]
        code, output = self.run_script("\n".join(job["script"] + job["after_script"]))
        self.assertEqual(code, 0, output)
        self.assertEqual(sarif.checked(read(os.path.join(self.project, "heap-errors.sarif")))["results"], [])


class Document(CommandTest):
    def test_shows_the_files_of_the_example(self):
        text = read(built("docs/ci.md"))
        shown = re.findall(r"\[(\w+\.\w+)\]\(examples/ci/\1\):\n\n```\w+\n(.*?)```\n", text, re.DOTALL)
        self.assertEqual({name for name, _ in shown}, {"Bartizan.cmake", "CMakeLists.txt", "github.yml", "gitlab.yml"})
        for name, contents in shown:
            self.assertEqual(contents, read(os.path.join(EXAMPLE, name)), name)


if __name__ == "__main__":
    unittest.main()
