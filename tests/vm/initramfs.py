"""Packs programs, the libraries they need and an /init script into an initramfs."""

import os
import re
import shutil
import stat
import subprocess

# Opened by the C library itself at run time (thread cancellation, backtraces), so ldd is silent.
OPENED_AT_RUN_TIME = '/lib/x86_64-linux-gnu/libgcc_s.so.1'


class InitramfsError(Exception):
    """A file that the guest needs cannot be packed; the text says which and why."""


def shared_libraries(path):
    """Paths of the shared libraries (the loader included) that the file at `path` needs."""
    # What the caller preloads must not show up as a library of every program.
    clean = {name: value for name, value in os.environ.items() if not name.startswith('LD_')}
    clean['LC_ALL'] = 'C'
    listing = subprocess.run(['ldd', path], env=clean, capture_output=True, text=True, check=False)
    missing = re.findall(r'^\s*(\S+) => not found', listing.stdout, re.MULTILINE)
    if missing:
        raise InitramfsError(f'{path} needs {", ".join(missing)}, not found on this system')
    # "libc.so.6 => /lib/.../libc.so.6 (0x...)" or "/lib64/ld-linux-x86-64.so.2 (0x...)".
    found = re.findall(r'^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)', listing.stdout, re.MULTILINE)
    return [os.path.normpath(library) for library in found]


def _is_elf(path):
    with open(path, 'rb') as file:
        return file.read(4) == b'\x7fELF'


class Initramfs:
    """A tree of files for the guest, written as one cpio archive (format newc)."""

    def __init__(self):
        self._folders = set()
        self._files = {}  # Guest path -> host path.
        self._texts = {}  # Guest path -> content of an executable script.
        self._links = {}  # Guest path -> target.

    def _claim(self, guest):
        """Makes the folders above `guest`; says whether that name is still free."""
        parent = os.path.dirname(guest)
        while parent != '/':
            self._folders.add(parent)
            parent = os.path.dirname(parent)
        return guest not in self._files and guest not in self._texts and guest not in self._links

    def add_text(self, guest, text):
        if self._claim(guest):
            self._texts[guest] = text

    def _add_at(self, host, guest):
        """The file goes where its real path is, so $ORIGIN works; other names become links."""
        real = os.path.realpath(host)
        if self._claim(real):
            self._files[real] = real
        if guest != real and self._claim(guest):
            self._links[guest] = real

    def add_file(self, host, guest=None):
        """Adds a host file with the libraries it needs, or a folder of such files."""
        if not os.path.exists(host):
            raise InitramfsError(f'{host}: no such file')
        guest = os.path.normpath(guest or os.path.abspath(host))
        if not guest.startswith('/'):
            raise InitramfsError(f'{guest}: a path in the guest must be absolute')
        if os.path.isdir(host):
            for name in sorted(os.listdir(host)):
                self.add_file(os.path.join(host, name), os.path.join(guest, name))
            return
        self._add_at(host, guest)
        if not _is_elf(host):
            return
        libraries = shared_libraries(host)
        for library in libraries:
            self._add_at(library, library)
        if libraries and os.path.exists(OPENED_AT_RUN_TIME):
            self._add_at(OPENED_AT_RUN_TIME, OPENED_AT_RUN_TIME)

    def write(self, archive_path):
        with open(archive_path, 'wb') as archive:
            writer = _NewcWriter(archive)
            for folder in sorted(self._folders):
                writer.entry(folder, stat.S_IFDIR | 0o755)
            for guest, text in self._texts.items():
                writer.entry(guest, stat.S_IFREG | 0o755, text.encode())
            for guest, target in self._links.items():
                writer.entry(guest, stat.S_IFLNK | 0o777, target.encode())
            for guest, host in self._files.items():
                writer.file(guest, host)
            writer.end()


class _NewcWriter:
    """Writes the cpio format that the kernel unpacks (its Documentation: buffer-format.rst)."""

    def __init__(self, archive):
        self._archive = archive
        self._serial = 0

    def _pad(self):
        self._archive.write(b'\0' * (-self._archive.tell() % 4))

    def _header(self, name, mode, size):
        self._serial += 1
        encoded = name.lstrip('/').encode() + b'\0'
        # inode, mode, uid, gid, links, mtime, size, device (2), special device (2), name, check.
        fields = (self._serial, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(encoded), 0)
        self._archive.write(b'070701' + b''.join(b'%08x' % field for field in fields) + encoded)
        self._pad()

    def entry(self, name, mode, content=b''):
        self._header(name, mode, len(content))
        self._archive.write(content)
        self._pad()

    def file(self, name, host):
        with open(host, 'rb') as source:
            status = os.fstat(source.fileno())
            self._header(name, stat.S_IFREG | stat.S_IMODE(status.st_mode) | 0o444, status.st_size)
            shutil.copyfileobj(source, self._archive)
            self._pad()

    def end(self):
        self.entry('TRAILER!!!', 0)
