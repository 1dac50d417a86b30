"""The programs of the table, one file per family, in the order in which they are run."""

import importlib

from ..program import REGISTRY

FAMILIES = ("languages", "databases", "caches", "web", "compilers", "sources", "text", "media", "archives", "system",
            "browsers", "builds")


def everything():
    """All programs of all families."""
    for family in FAMILIES:
        importlib.import_module(f"{__name__}.{family}")
    return list(REGISTRY)
