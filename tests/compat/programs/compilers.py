"""Compilers and build tools: the objects must be the same, bit for bit, as without the library."""

import glob
import os
import shutil

from ..program import program
from ..run import digest, read

SAMPLE_ANSWER_LINES = 12


def compile_sample(run, folder, start, compiler, *flags):
    """Compiles the sample in a folder of its own; the value is the object's digest."""
    place = run.make_folder(folder)
    with open(run.input("sample.cc"), encoding="utf-8") as file:
        run.write(f"{folder}/sample.cc", file.read())
    # Debug information would name the folder.
    start(compiler, "-std=c++20", f"-ffile-prefix-map={place}=.", *flags, "-c", "sample.cc", "-o", "sample.o", cwd=place)
    return digest(read(os.path.join(place, "sample.o")))


def own_sources(run, most):
    """The largest sources of this project, from a copy that nobody edits meanwhile."""
    for folder in ("src", "hardening", "include"):
        if os.path.isdir(os.path.join(run.repository, folder)):
            shutil.copytree(os.path.join(run.repository, folder), run.path("project", folder))
    files = glob.glob(run.path("project", "src", "**", "*.cc"), recursive=True)
    return sorted(files, key=lambda path: (-os.path.getsize(path), path))[:most]


def compare_own_sources(run, compiler, most):
    """Compiles this project's sources with and without the library; the value counts those that compiled."""
    compiled = 0
    for number, source in enumerate(own_sources(run, most)):
        command = [compiler, "-std=c++20", "-O2", "-I.", "-Iinclude", "-c", source, "-o"]
        objects = run.path(f"plain{number}.o"), run.path(f"guarded{number}.o")
        status = run.plain(*command, objects[0], expect=None, cwd=run.path("project")).status
        run.guarded(*command, objects[1], expect=status, cwd=run.path("project"))
        if status == 0:
            compiled += 1
            run.equal(f"the object of {os.path.basename(source)}", digest(read(objects[1])), digest(read(objects[0])))
    return compiled


def run_sample(run, path):
    """Runs the compiled sample under the library; it checks itself and prints a line for every part."""
    printed = run.guarded(path).text
    run.equal("lines of the compiled sample", printed.count(" ok\n"), SAMPLE_ANSWER_LINES)


@program("gcc", does="C++ compiled; objects compared, linked and run", needs=[("g++", "g++")], loaded=["cc1plus"])
def gcc(run):
    for flags in run.size([("-O1",)], [("-O2",), ("-O0", "-g")]):
        wanted = run.reference(flags, lambda: compile_sample(run, "plain", run.plain, "g++", *flags))
        run.equal(f"the object with {flags}", compile_sample(run, "guarded", run.guarded, "g++", *flags), wanted)
    place = run.path("guarded")
    source = run.size(["sample.o"], ["-std=c++20", "-O2", "-flto=2", "sample.cc"])
    run.guarded("g++", *source, "-o", "sample", "-pthread", cwd=place)
    run_sample(run, os.path.join(place, "sample"))
    own = compare_own_sources(run, "g++", run.size(1, 3, 20))
    run.did = f"a template-heavy file and {own} of this project: objects equal; linked, run"


@program("clang", does="C++ compiled and linked with lld; results compared, run",
         needs=[("clang++-19", "clang-19"), ("ld.lld-19", "lld-19"), ("g++", "g++")],
         loaded=["clang++-19"])
def clang(run):
    for flags in run.size([("-O2",)], [("-O2",), ("-O0", "-g")]):
        wanted = run.reference(flags, lambda: compile_sample(run, "plain", run.plain, "clang++-19", *flags))
        run.equal(f"the object with {flags}", compile_sample(run, "guarded", run.guarded, "clang++-19", *flags), wanted)
    link = ["clang++-19", "-fuse-ld=lld-19", "-Wl,--threads=2", "sample.o", "-pthread", "-o"]
    place = run.path("guarded")
    run.plain(*link, "plain", cwd=place)
    run.guarded(*link, "guarded", cwd=place)
    run.equal("the linked program", digest(read(os.path.join(place, "guarded"))),
              digest(read(os.path.join(place, "plain"))))
    run_sample(run, os.path.join(place, "guarded"))
    own = compare_own_sources(run, "clang++-19", run.size(1, 3, 20))
    run.did = f"a template-heavy file and {own} of this project: objects equal; linked with lld, run"


@program("cmake", does="a tree configured, built with make, tested and run",
         needs=[("cmake", "cmake"), ("make", "make"), ("gcc", "gcc")], loaded=["cmake", "make", "cc1"])
def cmake(run):
    parts = run.size(20, 80, 300)
    place = run.make_folder("tree")
    names = []
    for number in range(parts):
        run.write(f"tree/part{number}.c", f"int part{number}(int x) {{\n  return x * {number} + {number * number % 97};\n}}\n")
        names.append(f"part{number}")
    calls = " + ".join(f"{name}(3)" for name in names)
    declared = "".join(f"int {name}(int);\n" for name in names)
    run.write("tree/main.c", f'#include <stdio.h>\n{declared}int main(void) {{ printf("%d\\n", {calls}); return 0; }}\n')
    run.write("tree/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(tree C)\nenable_testing()\n"
              f"add_library(parts STATIC {' '.join(name + '.c' for name in names)})\nadd_executable(whole main.c)\n"
              "target_link_libraries(whole parts)\nadd_test(NAME runs COMMAND whole)\n")
    run.guarded("cmake", "-S", place, "-B", f"{place}/out", "-G", "Unix Makefiles")
    run.guarded("cmake", "--build", f"{place}/out", "-j", "2")
    tested = run.guarded("ctest", cwd=f"{place}/out").text
    run.check("100% tests passed" in tested, "ctest does not report success")
    wanted = sum(3 * number + number * number % 97 for number in range(parts))
    run.equal("the program's sum", run.guarded(f"{place}/out/whole").text.strip(), str(wanted))
    run.did = f"{parts + 1} C files configured, built by make -j2, tested with ctest; sum of the result"
