"""The exported functions over one composition."""

load("//tools/bazel:defs.bzl", "bartizan_library")

def abi_library(name, composition, **kwargs):
    """Compiles the sources of this folder over `composition`, a target and header of //src/profiles.

    Args:
      name: target name.
      composition: "dynamic", "fast", "every" or "hardened".
      **kwargs: common attributes, such as testonly.
    """
    common = {
        "copts": ["-include", "src/profiles/%s.h" % composition],
        "alwayslink": True,
        "deps": [
            "//src/profiles:" + composition,
            "//src/leaks:leaks_at_exit",
            "//src/report:own_statistics",
        ],
    }
    bartizan_library(
        name = name + "_c",
        srcs = [
            "introspection.cc",
            "malloc.cc",
        ],
        copts = common["copts"],
        alwayslink = True,
        deps = common["deps"] + [":own_malloc"],
        **kwargs
    )
    bartizan_library(
        name = name + "_process",
        srcs = [
            "process_malloc.cc",
            "start.cc",
        ],
        copts = common["copts"],
        alwayslink = True,
        deps = common["deps"] + [
            ":own_malloc",
            "//src/platform:topology_libnuma",
            "//src/report:exit_summary",
        ],
        **kwargs
    )
    bartizan_library(
        name = name + "_cxx",
        srcs = ["operators.cc"],
        copts = common["copts"],
        alwayslink = True,
        exceptions = True,
        deps = common["deps"] + [":new_handler"],
        **kwargs
    )
    bartizan_library(
        name = name,
        visibility = ["//visibility:public"],
        deps = [
            name + "_c",
            name + "_cxx",
            name + "_process",
            "//src/api:" + composition,
        ],
        **kwargs
    )
