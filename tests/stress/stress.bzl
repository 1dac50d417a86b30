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
    """Makes `<name>_<profile>` for each profile, and `<name>_linked` for the sanitizers.

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
    if linked_tags:
        native.cc_test(
            name = name + "_linked",
            size = size,
            srcs = [name + ".cc"],
            args = linked_args,
            linkopts = ["-pthread"],
            linkstatic = True,
            tags = linked_tags,
            deps = [
                "//tests/support",
                "//tests/support:heap_engine",
            ],
        )
