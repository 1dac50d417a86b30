"""The programs of the suite that run once and end: what each needs, and how its input is made."""

import dataclasses

from bench import generate
from bench.workshop import find
from compare.measure import Work

TIMEOUT_SECONDS = 120.0


@dataclasses.dataclass(frozen=True)
class Program:
    """`prepare(workshop)` makes the input and says what to run."""

    name: str
    needs: tuple  # pairs of (binary or absolute pattern, Debian package)
    prepare: object
    small_blocks: bool = False  # One of those of which the goals speak: one thread, many small blocks.
    control: bool = False  # Hardly allocates: shows what differs for other reasons.
    is_server: bool = False

    def missing(self):
        """The packages that are not there."""
        return [package for binary, package in self.needs if not find(binary)]


def _work(name, *argv, **rest):
    return Work(name, (find(argv[0]), *map(str, argv[1:])), timeout=TIMEOUT_SECONDS, **rest)


def _python(shop):
    return _work("python", "python3", "-s", "-B", shop.input("documents.py"), shop.size(8, 24),
                 environment={"PYTHONMALLOC": "malloc"})


def _perl(shop):
    return _work("perl", "perl", shop.input("words.pl"), _text(shop), shop.size(1, 2))


def _lua(shop):
    return _work("lua", "lua5.4", shop.input("trees.lua"), shop.size(20, 50))


def _jq(shop):
    rows = shop.write_once("rows.json", lambda: generate.rows(shop.size(10_000, 24_000)))
    return _work("jq", "jq", "-f", shop.input("rows.jq"), rows)


def _sqlite(shop):
    script = shop.input_text("database.sql").replace("ROWS", str(shop.size(40_000, 80_000)))
    return _work("sqlite", "sqlite3", "-batch", ":memory:", f".read {shop.write('database.sql', script)}")


def _z3(shop):
    return _work("z3", "z3", shop.write_once("formulas.smt2", lambda: generate.formulas(shop.size(200, 600))))


def _clang(shop):
    return _work("clang", "clang-19", "-std=c++17", shop.size("-fsyntax-only", "-O1"), "-c", shop.input("words.cc"),
                 "-o", shop.path("clang.o"))


def _gcc(shop):
    return _work("gcc", "g++", "-std=c++17", shop.size("-fsyntax-only", "-O1"), "-c", shop.input("words.cc"), "-o",
                 shop.path("gcc.o"))


def _gawk(shop):
    return _work("gawk", "gawk", "-f", shop.input("words.awk"), _text(shop))


def _git(shop):
    folder = shop.make_folder("repository")
    shop.call("git", "init", "-q", folder)
    shop.call("git", "-C", folder, "fast-import", "--quiet", stdin=generate.history(shop.size(150, 300)))
    return _work("git", "git", "-C", folder, "-c", "pack.threads=1", "repack", "-a", "-d", "-f", "-q")


def _ghostscript(shop):
    return _work("ghostscript", "gs", "-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", "-sOutputFile=/dev/null",
                 f"-dPAGES={shop.size(30, 90)}", shop.input("pages.ps"))


def _cppcheck(shop):
    return _work("cppcheck", "cppcheck", "--quiet", "--std=c++17", "--enable=all", *(
        shop.write(f"checked{number}.cc", shop.input_text("words.cc")) for number in range(shop.size(50, 130))))


def _xz(shop):
    text = shop.write_once("long.txt", lambda: generate.text(shop.size(7_000, 12_000)))
    return _work("xz", "xz", "-T1", "-5", "-c", text)


def _text(shop):
    return shop.write_once("text.txt", lambda: generate.text(shop.size(7_000, 20_000)))


PROGRAMS = (
    Program("python", (("python3", "python3"),), _python, small_blocks=True),
    Program("perl", (("perl", "perl"),), _perl, small_blocks=True),
    Program("lua", (("lua5.4", "lua5.4"),), _lua, small_blocks=True),
    Program("jq", (("jq", "jq"),), _jq, small_blocks=True),
    Program("sqlite", (("sqlite3", "sqlite3"),), _sqlite, small_blocks=True),
    Program("z3", (("z3", "z3"),), _z3, small_blocks=True),
    Program("clang", (("clang-19", "clang-19"),), _clang, small_blocks=True),
    Program("gcc", (("g++", "g++"),), _gcc, small_blocks=True),
    Program("gawk", (("gawk", "gawk"),), _gawk),
    Program("git", (("git", "git"),), _git),
    Program("ghostscript", (("gs", "ghostscript"),), _ghostscript),
    Program("cppcheck", (("cppcheck", "cppcheck"),), _cppcheck),
    Program("xz", (("xz", "xz-utils"),), _xz, control=True),
)
