"""Bazel building this project with the library preloaded into every compiler it starts."""

import os
import shutil

from ..processes import MARK
from ..program import program
from ..run import digest, read

TARGET = "//:bartizan_fast"
RESULT = "libbartizan-fast.so"


def snapshot(run):
    """A copy of this project that nobody edits meanwhile."""
    place = run.path("project")
    left_out = shutil.ignore_patterns(".git", "bazel-*")
    shutil.copytree(run.repository, place, symlinks=True, ignore=left_out, dirs_exist_ok=True)
    return place


def build(run, project, start, extra=()):
    """Builds from nothing, always in the same place: paths may end up in the result. The value is its digest."""
    root = run.make_folder("out")
    startup = ["bazel", "--batch", f"--output_user_root={root}/user", f"--output_base={root}/base"]
    flags = ["--symlink_prefix=/", "--jobs=2", "--noshow_progress", *extra]
    start(*startup, "build", *flags, TARGET, cwd=project, limit=1500)
    results = start(*startup, "info", *flags, "bazel-bin", cwd=project).text.strip()
    value = digest(read(os.path.join(results, RESULT)))
    run.plain("chmod", "-R", "u+w", root)
    shutil.rmtree(root)
    return value


@program("bazel", does="this project built with the library in its compilers; results compared",
         needs=[("bazel", "bazel-bootstrap"), ("clang-19", "clang-19")], loaded=["clang-19"],
         without=["java", "bazel", "linux-sandbox", "process-wrapper"], limit=3600, on_request=True)
def bazel(run):
    # Bazel starts its actions with an environment that it makes itself.
    passed_on = [f"--action_env={name}={value}" for name, value in sorted(
        {**run.configuration.environment(run.logs), MARK: run.mark}.items())]
    project = snapshot(run)
    wanted = build(run, project, run.plain)
    run.equal("the library that was built", build(run, project, run.watched, passed_on), wanted)
    run.did = f"{TARGET} built by compilers under the library; the result is the same, bit for bit"
