"""Runs the stages of the test command and adds up their results."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

import process
import results
import table

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

# The whole run, in seconds: a slow machine gets to the end, one that hangs does not keep a CI job.
TOTAL_SECONDS = 75 * 60

SHOWN_FAILURES = 20


class Screen:
    """Lines on standard output; on a terminal also one that changes while a stage runs."""

    def __init__(self):
        self.terminal = sys.stdout.isatty()

    def line(self, text):
        print(('\r\033[K' if self.terminal else '') + text, flush=True)

    def passing(self, text):
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            print('\r\033[K' + text.replace('\t', ' ')[:width], end='', flush=True)


def run_stage(stage, log, deadline, screen, root=ROOT):
    """The result of one stage."""
    result = results.Result()
    limit = min(time.monotonic() + stage.minutes * 60, deadline)
    for command in stage.commands:
        def show(text, name=command.name):
            screen.passing(f'  {stage.name}: {name}: {text}')

        if os.sep in command.words[0] and not os.path.exists(os.path.join(root, command.words[0])):
            result.failures.append(f'{command.name}: {command.words[0]} does not exist')
            continue
        words = (os.path.join(root, command.words[0]),) + command.words[1:] if os.sep in command.words[0] else command.words
        try:
            status, output = process.run(words, root, log, max(0, limit - time.monotonic()), show)
        except process.TimeIsUp:
            result.failures.append(f'{command.name}: took longer than the stage may ({stage.minutes:g} minutes), or '
                                   f'than was left of {TOTAL_SECONDS // 60}')
            continue
        result.add(command.read(command.name, status, output))
    return result


def report(number, count, stage, result, seconds, log, screen):
    """Prints the line of a stage, and its failures."""
    screen.line(f'[{number}/{count}] {stage.name}: {result.passed} passed, {result.failed} failed ({seconds:.0f} s)')
    for failure in result.failures[:SHOWN_FAILURES]:
        screen.line(f'      failed: {failure}')
    if len(result.failures) > SHOWN_FAILURES:
        screen.line(f'      failed: {len(result.failures) - SHOWN_FAILURES} more')
    if result.failed:
        screen.line(f'      log: {log}')


def run_all(chosen, folder, screen, total):
    """Runs the stages and adds their results to the sum."""
    deadline = time.monotonic() + TOTAL_SECONDS
    for number, stage in enumerate(chosen, 1):
        log = os.path.join(folder, stage.name + '.log')
        if not screen.terminal:
            screen.line(f'[{number}/{len(chosen)}] {stage.name}: {stage.about}')
        began = time.monotonic()
        result = run_stage(stage, log, deadline, screen)
        report(number, len(chosen), stage, result, time.monotonic() - began, log, screen)
        total.add(result)


def main():
    parser = argparse.ArgumentParser(prog='tools/test', allow_abbrev=False)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('stages', nargs='*', metavar='STAGE')
    options = parser.parse_args()
    everything = table.stages(ROOT, options.quick)
    if options.list:
        for stage in everything:
            print(f'{stage.name}{" (also with --quick)" if stage.quick else ""}: {stage.about}')
            for command in stage.commands:
                print(f'    {" ".join(command.words)}')
        return 0
    unknown = set(options.stages) - {stage.name for stage in everything}
    if unknown:
        parser.error(f'no such stage: {", ".join(sorted(unknown))}; see --list')
    folder = tempfile.mkdtemp(prefix='bartizan-test-')
    built = os.path.join(folder, 'built')
    chosen = [stage for stage in table.stages(ROOT, options.quick, built)
              if (stage.name in options.stages if options.stages else stage.quick or not options.quick)]
    # As for Ctrl-C: the command under way is ended and the sum printed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    total = results.Result()
    screen = Screen()
    status = None
    try:
        run_all(chosen, folder, screen, total)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        total.failures.append('interrupted')
        screen.line(f'interrupted; logs: {folder}')
        status = 130
    shutil.rmtree(built, ignore_errors=True)
    if not total.failed:
        shutil.rmtree(folder, ignore_errors=True)
    print(f'{total.passed} passed, {total.failed} failed', flush=True)
    return (1 if total.failed else 0) if status is None else status


if __name__ == '__main__':
    sys.exit(main())
