"""Build macros of this project. README.md in this folder says how to use them."""

load("//tools/bazel:archive.bzl", "merged_archive")

# Code that ends up in the preloaded library: it may run before any constructor, inside the C library's loader and in
# programs without a C++ library, so it needs no C++ runtime; thread-local storage is reached without a function call.
_ENGINE_COPTS = [
    "-fPIC",
    "-ftls-model=initial-exec",
    # The common path of malloc and free is a few dozen instructions without a frame.
    "-fomit-frame-pointer",
    "-fno-stack-protector",
]

_NO_CXX_RUNTIME_COPTS = [
    "-fno-exceptions",
    "-fno-rtti",
]

_EXPORTED_SYMBOLS = "//tools/checks:exported_symbols.txt"
_VERSION_SCRIPT = "//tools/bazel:exported_symbols.lds"

# Which library and which start-up option stand for a profile in a test.
_PROFILES = {
    "fast_static": ("//:libbartizan-fast.so", "profile=fast"),
    "fast": ("//:libbartizan.so", "profile=fast"),
    "hardened": ("//:libbartizan.so", "profile=hardened"),
    "strict": ("//:libbartizan.so", "profile=strict"),
}

ALL_PROFILES = ["fast_static", "fast", "hardened", "strict"]

def bartizan_library(name, srcs = [], hdrs = [], deps = [], exceptions = False, copts = [], **kwargs):
    """A library that may be linked into the preloaded library.

    Args:
      name: target name.
      srcs: sources and private headers.
      hdrs: public headers.
      deps: other libraries of this kind, or archives of the system.
      exceptions: compile with exceptions and run-time type information. For a file that must throw: give that file a
        target of its own.
      copts: further compiler options.
      **kwargs: of cc_library. `alwayslink = True` for a library whose symbols are exported: nothing refers to them.
    """
    native.cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        copts = _ENGINE_COPTS + ([] if exceptions else _NO_CXX_RUNTIME_COPTS) + copts,
        linkstatic = True,
        deps = deps,
        **kwargs
    )

def bartizan_shared_library(
        name,
        deps,
        soname = None,
        version_script = _VERSION_SCRIPT,
        linkopts = [],
        **kwargs):
    """A library to preload: needs the C library only and exports only what the version script lists.

    Builds `lib<name>.so`, in whose name underscores of `name` become hyphens; `name` is another name of it.

    Args:
      name: target name.
      deps: libraries; at least one of them has `alwayslink = True`.
      soname: DT_SONAME; the file's name unless given.
      version_script: linker script of exports. Default: the list that the symbol check reads.
      linkopts: further linker options.
      **kwargs: of cc_binary.
    """
    file_name = "lib%s.so" % name.replace("_", "-")
    native.cc_binary(
        name = file_name,
        # -lstdc++ and -lm are among the default flags (.bazelrc); the compiler adds neither when it links, because Bazel
        # calls it by its C name.
        features = ["-default_link_flags"],
        linkopts = [
            # gcc looks for ld.lld there; clang knows.
            "-B/usr/lib/llvm-19/bin",
            "-fuse-ld=lld",
            "-Wl,--no-undefined",
            "-Wl,--as-needed",
            "-Wl,--gc-sections",
            "-Wl,-z,relro,-z,now",
            # Blocks, fork handlers and the sealed page outlive any dlclose.
            "-Wl,-z,nodelete",
            "-Wl,-z,noexecstack",
            "-Wl,-z,separate-loadable-segments",
            "-Wl,--hash-style=gnu",
            # Unfinished libraries may lack symbols of the list; the symbol check tells.
            "-Wl,--undefined-version",
            "-Wl,-soname," + (soname or file_name),
            "-Wl,--version-script=$(location %s)" % version_script,
        ] + linkopts,
        linkshared = True,
        linkstatic = True,
        deps = deps + [version_script],
        **kwargs
    )
    native.alias(
        name = name,
        actual = file_name,
        visibility = kwargs.get("visibility"),
    )

def bartizan_static_library(name, deps, **kwargs):
    """The archive `lib<name>.a` to link into a program: every symbol outside the list of exports is local to it.

    Args:
      name: target name.
      deps: libraries; they go in whole, system archives only as far as they are needed.
      **kwargs: common attributes, such as visibility.
    """
    merged_archive(
        name = name,
        exported_symbols = _EXPORTED_SYMBOLS,
        deps = deps,
        **kwargs
    )

def bartizan_test(name, srcs, deps = [], main = False, **kwargs):
    """A GoogleTest program, with GoogleTest's main unless `main` is True (the sources have their own).

    Args:
      name: target name.
      srcs: sources.
      deps: libraries under test.
      main: the sources define main().
      **kwargs: of cc_test. Tags: `sanitize` runs it under the address and undefined-behaviour sanitizers, `concurrent`
        under the thread sanitizer, `long` keeps it out of `tools/test --quick`.
    """
    kwargs.setdefault("size", "small")
    native.cc_test(
        name = name,
        srcs = srcs,
        linkstatic = True,
        deps = deps + ["@system_gtest//:gtest" if main else "@system_gtest//:gtest_main"],
        **kwargs
    )

def preload_test(
        name,
        srcs,
        profiles = ALL_PROFILES,
        deps = [],
        copts = [],
        linkopts = [],
        args = [],
        options = "",
        fatal = "",
        library = None,
        size = "small",
        timeout = None,
        tags = [],
        data = [],
        **kwargs):
    """A plain program, run with the library preloaded: one test `<name>_<profile>` for each profile.

    The program knows nothing of Bartizan. It passes when it exits with 0, or, if `fatal` is given, when it is aborted
    and its standard error has a line `bartizan: fatal: ...` that matches.

    Args:
      name: target name of the test suite; the program is `<name>_program`.
      srcs: sources of the program. They are compiled at -O1 without knowledge of malloc, so that calls stay.
      profiles: some of ALL_PROFILES.
      deps: libraries of the program.
      copts: further compiler options of the program.
      linkopts: further linker options of the program.
      args: arguments of the program.
      options: further start-up options, `a=b:c=d`, added to BARTIZAN_OPTIONS after the profile.
      fatal: extended regular expression for what follows `bartizan: fatal: `. No single quotes.
      library: preload this one, whatever the profile.
      size: size of the tests.
      timeout: timeout of the tests.
      tags: tags of the tests.
      data: files that the program needs.
      **kwargs: common attributes of the tests.
    """
    program = name + "_program"
    native.cc_binary(
        name = program,
        testonly = True,
        srcs = srcs,
        copts = ["-O1", "-fno-builtin"] + copts,
        linkopts = ["-pthread"] + linkopts,
        deps = deps,
        # Built in the release configuration only: sanitizers bring an allocator of their own.
        tags = ["manual"],
    )
    tests = []
    for profile in profiles:
        profile_library, profile_option = _PROFILES[profile]
        preloaded = library or profile_library
        native.sh_test(
            name = "%s_%s" % (name, profile),
            size = size,
            timeout = timeout,
            srcs = ["//tools/bazel:run_preloaded.sh"],
            args = [
                "$(rootpath %s)" % preloaded,
                "'%s'" % (profile_option + (":" + options if options else "")),
                "'%s'" % fatal.replace("$", "$$"),
                "$(rootpath :%s)" % program,
            ] + args,
            data = [":" + program, preloaded] + data,
            tags = tags + ["preload"],
            **kwargs
        )
        tests.append("%s_%s" % (name, profile))
    native.test_suite(
        name = name,
        tests = tests,
        tags = ["manual"],
    )
