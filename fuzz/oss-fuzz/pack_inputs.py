#!/usr/bin/env python3
"""Packs inputs into an archive; equal inputs make equal archives. Arguments: @FILE, which names the archive, then the inputs."""

import sys
import zipfile


def main():
    with open(sys.argv[1][1:], encoding="utf-8") as file:
        archive, *inputs = file.read().splitlines()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in inputs:
            with open(path, "rb") as file:
                # The date is the archive format's first one.
                out.writestr(zipfile.ZipInfo(path.replace("/", "-")), file.read(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
