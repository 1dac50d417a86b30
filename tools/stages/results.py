"""What a command's output says about tests."""

import dataclasses
import re

BAZEL_LINE = re.compile(
    r'^(//\S+)\s+(?:\(cached\) )?(PASSED|FLAKY|FAILED TO BUILD|FAILED|TIMEOUT|NO STATUS|INCOMPLETE|REMOTE FAILURE|'
    r'BLAZE HALTED BEFORE TESTING)\b')
BAZEL_BROKEN = re.compile(r"^WARNING: errors encountered while analyzing target '(//[^']+)': it will not be built$")
COUNTS_LINE = re.compile(r'^(\d+) passed, (\d+) failed$')


@dataclasses.dataclass
class Result:
    """Passed tests, and the names of failed ones with the reason."""

    passed: int = 0
    failures: list = dataclasses.field(default_factory=list)
    more_failed: int = 0  # Failed tests whose names are in the log only.

    @property
    def failed(self):
        return len(self.failures) + self.more_failed

    def add(self, other):
        self.passed += other.passed
        self.failures += other.failures
        self.more_failed += other.more_failed


def from_status(name, status, output):
    """One test: the command's exit status."""
    if status == 0:
        return Result(passed=1)
    said = output.strip().splitlines()[-1:] or ['it printed nothing']
    return Result(failures=[f'{name}: exit status {status}: {said[0].strip():.200}'])


def from_bazel(name, status, output):
    """One test for each target in the summary of `bazel test`, and one more if the build has failed otherwise."""
    result = Result()
    seen = set()
    for line in output.splitlines():
        broken = BAZEL_BROKEN.match(line)
        if broken and broken.group(1) not in seen:
            seen.add(broken.group(1))
            result.failures.append(f'{broken.group(1)}: its BUILD file or one it depends on is wrong')
        match = BAZEL_LINE.match(line)
        if not match or match.group(1) in seen:
            continue
        seen.add(match.group(1))
        if match.group(2) == 'PASSED':
            result.passed += 1
        else:
            result.failures.append(f'{match.group(1)}: {match.group(2).lower()}')
    if not seen:
        result.failures.append(f'{name}: no test was run (bazel ended with status {status})')
    elif status and not result.failures:
        result.failures.append(f'{name}: bazel ended with status {status}: see the log for what could not be built')
    return result


def from_counts(name, status, output):
    """As many tests as the last line says."""
    lines = output.strip().splitlines()
    match = COUNTS_LINE.match(lines[-1]) if lines else None
    if not match:
        return Result(failures=[f'{name}: the last line is not "N passed, N failed" (exit status {status})'])
    passed, failed = map(int, match.groups())
    if passed + failed == 0:
        return Result(failures=[f'{name}: no test was run'])
    if failed == 0 and status:
        return Result(passed, [f'{name}: exit status {status} although nothing failed'])
    if failed == 0:
        return Result(passed)
    return Result(passed, [f'{name}: {failed} failed'], failed - 1)
