"""Version control: hashes of a history must be what they are everywhere."""

from ..program import program

IDENTITY = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "C",
            "GIT_COMMITTER_EMAIL": "c@example.org", "GIT_CONFIG_NOSYSTEM": "1"}


def stream(commits):
    """A history in the form that git fast-import reads: growing and changing files in folders."""
    number = 5
    lines = []
    for commit in range(commits):
        lines.append(f"commit refs/heads/main\nmark :{commit + 1}\ncommitter C <c@example.org> {1700000000 + commit} "
                     f"+0000\ndata 10\nchange {commit % 1000:03d}")
        for _ in range(4):
            number = number * 16807 % 2147483647
            body = "".join(f"line {number % (row + 7)} of {row}\n" for row in range(20 + number % 200))
            lines.append(f"M 100644 inline dir{number % 13}/file{number % 101}.txt\ndata {len(body)}\n{body}")
    return "\n".join(lines) + "\n"


class Repository:
    """A repository in a folder of the run; `start` is run.guarded or run.plain."""

    def __init__(self, run, start, name):
        self.run = run
        self.start = start
        self.name = name
        self.folder = run.make_folder(name)

    def git(self, *arguments, stdin=b"", date=None):
        """What a git command prints."""
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
        return self.start("git", *arguments, cwd=self.folder, stdin=stdin, extra={**IDENTITY, **dates}).text.strip()

    def build(self, imported, made):
        """Imports and makes commits of known content and date; the value is the hash of the last."""
        self.git("init", "-q", "-b", "main")
        self.git("fast-import", "--quiet", stdin=stream(imported).encode())
        self.git("reset", "-q", "--hard")
        for number in range(made):
            self.run.write(f"{self.name}/log.txt", "".join(f"entry {entry}\n" for entry in range(number + 1)))
            self.git("add", "-A")
            self.git("commit", "-q", "-m", f"entry {number}", date=f"{1800000000 + number} +0000")
        return self.git("rev-parse", "HEAD")


@program("git", does="commits, clone, repack with threads, fsck", needs=[("git", "git")], loaded=["git"])
def git(run):
    imported = run.size(400, 2_000, 10_000)
    made = run.size(15, 60, 300)
    wanted = run.reference("head", lambda: Repository(run, run.plain, "plain").build(imported, made))
    origin = Repository(run, run.guarded, "origin")
    run.equal("the history's hash", origin.build(imported, made), wanted)
    origin.git("-c", "pack.threads=2", "repack", "-adfq", "--depth=30", "--window=20")
    copy = Repository(run, run.guarded, "copy")
    copy.git("clone", "-q", "--no-local", origin.folder, ".")
    for repository in (origin, copy):
        repository.git("fsck", "--full", "--strict", "--no-dangling")
        run.equal("the hash after repacking", repository.git("rev-parse", "HEAD"), wanted)
    run.equal("commits", copy.git("rev-list", "--count", "HEAD"), str(imported + made))
    copy.git("gc", "-q", "--prune=now")
    blamed = copy.git("blame", "-s", "log.txt").splitlines()
    run.equal("blamed lines", [line.split(") ")[-1] for line in blamed], [f"entry {entry}" for entry in range(made)])
    run.did = f"{imported:,} commits imported, {made} made, repacked by 2 threads, cloned, fsck; same hash as without"
