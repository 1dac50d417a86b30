"""Gets a kernel image from Debian's archive without installing the package that carries it."""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile

# The package that depends on the newest stable cloud kernel (6.1 in Debian 12).
META_PACKAGE = 'linux-image-cloud-amd64'


class KernelError(Exception):
    """The kernel could not be had; the text says why and what to do."""


def cache_folder():
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return os.path.join(base, 'bartizan', 'vm')


def cached_kernel():
    """The path of the most recently unpacked kernel, or None."""
    try:
        folders = [entry.path for entry in os.scandir(cache_folder()) if entry.is_dir()]
    except FileNotFoundError:
        return None
    images = [os.path.join(folder, 'vmlinuz') for folder in folders]
    images = [image for image in images if os.path.isfile(image)]
    return max(images, key=os.path.getmtime, default=None)


def _output_of(command, folder=None):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise KernelError(f'{command[0]} is missing: only Debian and its kin can fetch a kernel '
                          'here; give one with --kernel') from error
    if done.returncode != 0:
        raise KernelError(f'{" ".join(command)} failed:\n{done.stderr.strip()}')
    return done.stdout


def _package_of_kernel():
    """The real package behind the meta package, such as linux-image-6.1.0-56-cloud-amd64."""
    depends = _output_of(['apt-cache', 'depends', META_PACKAGE])
    found = re.search(r'Depends:\s+(linux-image-[0-9]\S*-cloud-amd64)\b', depends)
    if not found:
        raise KernelError(f'{META_PACKAGE} names no kernel package: run `apt-get update`, '
                          'or give a kernel with --kernel')
    return found.group(1)


def _unpack_boot(package_file, folder):
    """Keeps the image and its configuration; the modules (most of the package) are not needed."""
    command = ['dpkg-deb', '--fsys-tarfile', package_file]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacker:
        with tarfile.open(fileobj=unpacker.stdout, mode='r|') as archive:
            for member in archive:
                found = re.fullmatch(r'(?:\./)?boot/(vmlinuz|config)-.*', member.name)
                if not found or not member.isfile():
                    continue
                with open(os.path.join(folder, found.group(1)), 'wb') as target:
                    shutil.copyfileobj(archive.extractfile(member), target)
    if unpacker.returncode != 0 or not os.path.isfile(os.path.join(folder, 'vmlinuz')):
        raise KernelError(f'{package_file} holds no boot/vmlinuz')


def fetch_kernel():
    """Downloads and unpacks the newest kernel into the cache; returns the path of its image."""
    os.makedirs(cache_folder(), exist_ok=True)
    package = _package_of_kernel()
    # Unpacked beside its final place and renamed, so that a second run never sees half a kernel.
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix='.fetch-') as scratch:
        # Without the option apt warns when root downloads into a folder closed to user _apt.
        _output_of(['apt-get', '-o', 'APT::Sandbox::User=root', 'download', package], scratch)
        [package_file] = [name for name in os.listdir(scratch) if name.endswith('.deb')]
        final = os.path.join(cache_folder(), package_file[:-len('.deb')])
        unpacked = os.path.join(scratch, 'unpacked')
        os.mkdir(unpacked)
        _unpack_boot(os.path.join(scratch, package_file), unpacked)
        try:
            os.rename(unpacked, final)
        except OSError:
            if not os.path.isfile(os.path.join(final, 'vmlinuz')):
                raise
            os.utime(os.path.join(final, 'vmlinuz'))  # Already there: now the newest one again.
    return os.path.join(final, 'vmlinuz')


def find_kernel(update=False):
    """The kernel in the cache; fetched when there is none, or when `update` asks for a newer."""
    image = None if update else cached_kernel()
    return image or fetch_kernel()
