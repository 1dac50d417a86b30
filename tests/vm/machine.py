"""Boots a virtual machine, runs commands in it one by one, and collects their exit statuses."""

import ctypes
import os
import selectors
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from initramfs import Initramfs

EMULATOR = 'qemu-system-x86_64'
PROCESSORS = 4
MEMORY_MIB = 2048
NODE_LAYOUTS = (1, 2, 4)  # Numbers of NUMA nodes that share the processors evenly.
BUSYBOX = '/vm/busybox'  # In a folder of its own: no program from the host can take its place.

PASSED = 'passed'

# Programs write to the second serial line and the kernel to the first, so that a kernel message
# never lands inside a program's output or inside a marker. A marker is a line of its own that
# starts with a random word; it is written by one call, which the terminal layer keeps whole.
INIT_HEAD = '''#!{busybox} sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
{busybox} mkdir -p /proc /sys /dev /tmp /run /root /bin /sbin /usr/bin /usr/sbin
{busybox} mount -t devtmpfs dev /dev
exec </dev/null >/dev/ttyS1 2>&1
{busybox} stty -F /dev/ttyS1 raw -echo
{busybox} --install -s /bin 2>/dev/null
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
# Not mounted over: programs may have come from there. The root is in memory as well.
chmod 1777 /tmp
hostname bartizan-vm
ip link set lo up
# The kernel would move pages towards the processor that uses them and spoil checks of placement.
[ ! -w /proc/sys/kernel/numa_balancing ] || echo 0 > /proc/sys/kernel/numa_balancing
export HOME=/root TMPDIR=/tmp
marker() {{ printf '\\n{token} %s\\n' "$*"; }}
# After a death by signal the kernel's own words often say why (bad access, out of memory).
explain() {{
  dmesg -c | grep -E 'segfault|traps:|[Kk]ill|BUG|protection' | tail -n 20 | sed 's/^/kernel: /'
}}
# No process that a command leaves behind outlives it.
finish() {{
  kill -9 -1
  wait
  [ "$1" -lt 128 ] || explain
}}
marker ready
'''
INIT_COMMAND = '''mkdir /tmp/work{index}
cd /tmp/work{index}
dmesg -c > /dev/null
marker begin {index}
{command}
status=$?
finish $status
marker end {index} $status
'''
# The last close of the line waits until every byte has left it.
INIT_TAIL = '''marker done
exec > /dev/ttyS0 2>&1
poweroff -f
'''


class MachineError(Exception):
    """The machine cannot be started; the text says what is missing."""


@dataclass
class Command:
    """A program on the host with arguments, run in the guest under the variables given."""
    words: list
    env: dict = field(default_factory=dict)
    title: str = ''
    files: list = field(default_factory=list)  # What it opens: pairs as for `pack`.

    @property
    def name(self):
        if self.title:
            return self.title
        settings = [f'{name}={value}' for name, value in self.env.items()]
        return ' '.join(settings + [shlex.join(self.words)])


@dataclass
class Result:
    name: str
    outcome: str  # PASSED, or in words what went wrong.
    seconds: float = 0.0


def _found(program, package):
    path = shutil.which(program)
    if not path:
        raise MachineError(f'{program} is missing: install the package {package}')
    return path


def _guest_value(archive, name, value):
    """Packs the libraries that LD_PRELOAD names and makes their paths absolute."""
    if name != 'LD_PRELOAD':
        return value
    libraries = value.replace(':', ' ').split()
    for library in libraries:
        archive.add_file(library)
    return ':'.join(os.path.abspath(library) for library in libraries)


def _guest_command(archive, command):
    """Packs the program; returns the line of shell that runs it."""
    program = shutil.which(command.words[0])
    if not program:
        raise MachineError(f'{command.words[0]}: no such program')
    program = os.path.abspath(program)
    archive.add_file(program)
    for host, guest in command.files:
        archive.add_file(host, guest)
    words = ['env']
    for name, value in command.env.items():
        words.append(f'{name}={_guest_value(archive, name, value)}')
    return shlex.join(words + [program] + command.words[1:])


def pack(commands, files, token, archive_path):
    """Writes the initramfs that runs `commands` and then switches the machine off.

    `files` are pairs: a path here, and one in the machine or None for the same.
    """
    archive = Initramfs()
    archive.add_file(_found('busybox', 'busybox-static'), BUSYBOX)
    for host, guest in files:
        archive.add_file(host, guest)
    script = INIT_HEAD.format(busybox=BUSYBOX, token=token)
    for index, command in enumerate(commands):
        script += INIT_COMMAND.format(index=index, command=_guest_command(archive, command))
    archive.add_text('/init', script + INIT_TAIL)
    archive.write(archive_path)


def emulator_command(kernel, archive_path, console_path, nodes):
    if not os.path.isfile(kernel):
        raise MachineError(f'{kernel}: no such kernel image')
    share = PROCESSORS // nodes
    command = [
        _found(EMULATOR, 'qemu-system-x86'), '-accel', 'tcg', '-cpu', 'max',
        # A socket for each node, as in real machines: a socket across nodes makes Linux complain.
        '-smp', f'{PROCESSORS},sockets={nodes},cores={share},threads=1', '-m', f'{MEMORY_MIB}M',
        '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
        '-kernel', kernel, '-initrd', archive_path,
        '-append', 'console=ttyS0 quiet panic=-1',
        '-serial', f'file:{console_path}', '-serial', 'stdio',
    ]
    for node in range(nodes):
        first = node * share
        command += ['-object', f'memory-backend-ram,id=ram{node},size={MEMORY_MIB // nodes}M',
                    '-numa', f'node,memdev=ram{node},cpus={first}-{first + share - 1}']
    return command


def _die_with_parent():
    """Run in the emulator's process: no emulator outlives a bench that was killed."""
    set_death_signal = 1  # PR_SET_PDEATHSIG
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def outcome_of(status):
    if status == 0:
        return PASSED
    if status > 128:
        try:
            return f'exit status {status} ({signal.Signals(status - 128).name})'
        except ValueError:
            pass
    return f'exit status {status}'


class Transcript:
    """Reads the guest's line: prints what programs write, keeps what the markers say."""

    def __init__(self, commands, token, out):
        self._commands = commands
        self._token = token.encode() + b' '
        self._out = out
        self._rest = b''
        self._blank_lines = 0
        self._started = time.monotonic()
        self.results = []
        self.running = None  # The index of the command under way.
        self.ready_after = None  # Seconds from the start of the emulator to the first command.
        self.done = False

    def feed(self, data):
        *lines, self._rest = (self._rest + data).split(b'\n')
        for line in lines:
            if line.startswith(self._token):
                self._marker(line[len(self._token):].decode().split())
            elif line.strip():
                self._print('\n' * self._blank_lines + line.decode(errors='replace'))
                self._blank_lines = 0
            else:
                self._blank_lines += 1

    def _print(self, text):
        print(text, file=self._out, flush=True)

    def _marker(self, words):
        # The line break before a marker shows as a blank line when the output ended with one.
        self._blank_lines = 0
        if words == ['ready']:
            self.ready_after = time.monotonic() - self._started
        elif words == ['done']:
            self.done = True
        elif words[0] == 'begin':
            self.running = int(words[1])
            self._started = time.monotonic()
            self._print(f'=== [{self.running + 1}/{len(self._commands)}] '
                        f'{self._commands[self.running].name}')
        else:
            self._finish(outcome_of(int(words[2])))

    def _finish(self, outcome):
        seconds = time.monotonic() - self._started
        self.results.append(Result(self._commands[self.running].name, outcome, seconds))
        self._print(f'--- {outcome if outcome == PASSED else "FAILED: " + outcome}, '
                    f'{seconds:.1f} s')
        self.running = None

    def broken_off(self, reason):
        """The machine is gone: whatever has no result has failed."""
        if self._rest.strip():
            self._print(self._rest.decode(errors='replace'))
        if self.running is not None:
            self._finish(f'{reason} while this command ran')
        elif not self.results:
            self._print(f'--- {reason} before the first command started')
        for command in self._commands[len(self.results):]:
            self.results.append(Result(command.name, f'never started: {reason}'))
            self._print(f'--- FAILED: {command.name}: never started')


def _follow(emulator, transcript, timeout):
    """Feeds the transcript until the machine is off; returns None or why it was broken off."""
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        selector.register(emulator.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                return f'timeout of {timeout:g} s'
            data = os.read(emulator.stdout.fileno(), 1 << 16)
            if not data:
                return None if transcript.done else 'the machine stopped'
            transcript.feed(data)


def run(commands, *, kernel, files=(), nodes=2, timeout=300.0, out=sys.stdout):
    """Runs the commands in one machine. Returns (results in order, seconds to boot or None)."""
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix='bartizan-vm-') as scratch:
        archive_path = os.path.join(scratch, 'initramfs.cpio')
        console_path = os.path.join(scratch, 'console.log')
        pack(commands, files, token, archive_path)
        # Its complaints come out on the standard error stream, at once.
        emulator = subprocess.Popen(
            emulator_command(kernel, archive_path, console_path, nodes),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=_die_with_parent)
        transcript = Transcript(commands, token, out)
        try:
            reason = _follow(emulator, transcript, timeout)
        finally:
            emulator.kill()
            emulator.wait()
            emulator.stdout.close()
        if reason:
            transcript.broken_off(reason)
            if os.path.exists(console_path):
                with open(console_path, errors='replace') as console:
                    for line in console.read().splitlines()[-100:]:
                        print('console:', line, file=out)
        return transcript.results, transcript.ready_after
