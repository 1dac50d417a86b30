"""One macro for a fuzz target: a libFuzzer binary, an AFL++ one, a replay binary, a test. README.md in this folder."""

_PLATFORM = "_ZN8bartizan8platform"

# What the harness puts itself in front of, by the linker (harness/system.h, harness/caught.h).
_WRAPPED = [
    "_ZN8bartizan11SayDegradedENS_11DegradationE",
    "_ZN8bartizan15ReportViolationERKNS_9ViolationE",
    "_ZN8bartizan19InstallForkHandlersEv",
] + [_PLATFORM + name for name in [
    "10FillRandomEPvm",
    "11GrowInPlaceEmmm",
    "12InstallGuardEmm",
    "12SealReadOnlyEmm",
    "13ClaimAnywhereEmNS0_6AccessE",
    "13ResidentPagesEmmPh",
    "17SleepMillisecondsEi",
    "18CoarseMillisecondsEv",
    "5AbortEv",
    "5RenewEmmNS0_6AccessE",
    "7ClaimAtEmmNS0_6AccessE",
    "7ReleaseEmm",
    "8WriteAllEiSt17basic_string_viewIcSt11char_traitsIcEE",
    "9DropPagesEmm",
    "9MovePagesEmmmm",
    "9SetAccessEmmNS0_6AccessE",
]]

_AFL = "/usr/lib/afl/"

def fuzz_target(name, srcs, deps = [], corpus = None, random = 2000, length = 256, engine = False, dictionary = None):
    """Declares a fuzz target.

    Makes `<name>_libfuzzer` (build with --config=fuzz: libFuzzer, address and undefined-behaviour sanitizers),
    `<name>_afl` (build with --config=afl, or with --config=cmplog for its CMPLOG twin: AFL++ in persistent mode),
    `<name>_replay` (no engine; any configuration), and `<name>_test`, which replays the corpus, the kept crashes, and a
    fixed number of random inputs made of them.

    Args:
      name: target name.
      srcs: sources, one of which has LLVMFuzzerTestOneInput.
      deps: libraries under test, and of the harness.
      corpus: folder of the corpus: corpus/<name> unless given. Kept crashes are in crashes/<name>.
      random: random inputs that the test runs.
      length: longest random input.
      engine: the target runs the engine in the harness's world.
      dictionary: a file of words for the fuzzing engines, in dictionaries/.
    """
    linkopts = ["-Wl,--wrap=" + symbol for symbol in _WRAPPED] if engine else []
    harness = ["//fuzz/harness"] + (["//fuzz/harness:world"] if engine else [])
    native.cc_library(
        name = name + "_code",
        testonly = True,
        srcs = srcs,
        copts = ["-fno-rtti"],
        linkstatic = True,
        # Nothing refers to the function that engines call.
        alwayslink = True,
        deps = deps + harness,
    )
    folder = corpus or "corpus/" + name
    inputs = native.glob([folder + "/**", "crashes/" + name + "/**"])
    native.filegroup(
        name = name + "_inputs",
        srcs = inputs + ([dictionary] if dictionary else []),
        visibility = ["//visibility:public"],
    )
    native.cc_binary(
        name = name + "_libfuzzer",
        testonly = True,
        linkopts = linkopts + ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":" + name + "_code"],
    )
    native.cc_binary(
        name = name + "_afl",
        testonly = True,
        # The driver calls the target in a loop; both come with Debian's afl++ and are made for any compiler that
        # emits -fsanitize-coverage=trace-pc-guard.
        linkopts = linkopts + [
            _AFL + "libAFLDriver.a",
            _AFL + "afl-compiler-rt.o",
            "-ldl",
        ],
        tags = ["manual"],
        deps = [":" + name + "_code"],
    )
    native.cc_binary(
        name = name + "_replay",
        testonly = True,
        linkopts = linkopts,
        deps = [
            ":" + name + "_code",
            "//fuzz/harness:replay",
        ],
    )
    native.cc_test(
        name = name + "_test",
        size = "small",
        args = ["--random=%d" % random, "--length=%d" % length] + ["$(rootpath %s)" % path for path in inputs],
        data = inputs,
        linkopts = linkopts,
        linkstatic = True,
        tags = ["sanitize"],
        deps = [
            ":" + name + "_code",
            "//fuzz/harness:replay",
        ],
    )
