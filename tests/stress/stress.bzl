"""Stress programs, once on a preloaded library and once with the engine linked in."""

load("//tools/bazel:defs.bzl", "preload_test")

def stress_test(
        name,
        args = [],
        profiles = ["fast_static", "fast", "hardened", "strict"],
        linked_args = [],
        linked_tags = ["sanitize"],
        size = "medium",
        tags = []):
    """Makes `<name>_<profile>` for each profile, and `<name>_linked` for the sanitizers: in hardened, and where threads are what
    is looked at, as `<name>_linked_<profile>` in the other profiles, too.

    Args:
      name: the program is `<name>.cc`.
      args: arguments of the preloaded form.
      profiles: profiles of the preloaded form.
      linked_args: arguments of the linked form: sanitizers are slow and leave less address space.
      linked_tags: `sanitize`, `concurrent` (under the thread sanitizer), or [] to leave that form out.
      size: size of the tests.
      tags: tags of the preloaded form.
    """
    preload_test(
        name = name,
        size = size,
        srcs = [name + ".cc"],
        args = args,
        profiles = profiles,
        tags = tags,
        deps = [
            "//tests/support",
            "//tests/support:heap_libc",
        ],
    )
    if not linked_tags:
        return
    native.cc_library(
        name = name + "_linked_code",
        testonly = True,
        srcs = [name + ".cc"],
        alwayslink = True,
        deps = [
            "//tests/support",
            "//tests/support:heap_engine",
        ],
    )
    linked = {"linked": ("hardened", linked_tags)}
    if "concurrent" in linked_tags:
        linked["linked_fast"] = ("fast", ["concurrent"])
        linked["linked_strict"] = ("strict", ["concurrent"])
    for suffix, (profile, test_tags) in linked.items():
        native.cc_test(
            name = name + "_" + suffix,
            size = size,
            args = linked_args,
            env = {"BARTIZAN_OPTIONS": "profile=" + profile},
            linkopts = ["-pthread"],
            linkstatic = True,
            tags = test_tags,
            deps = [":%s_linked_code" % name],
        )
