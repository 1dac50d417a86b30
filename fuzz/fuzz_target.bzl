"""One macro for a fuzz target: binaries for each engine, a replay binary, a test. README.md in this folder."""

load("//fuzz:marked_points.bzl", "marked_points")

_PLATFORM = "_ZN8bartizan8platform"

# What the harness puts itself in front of, by the linker (harness/system.h, harness/caught.h).
_WRAPPED = [
    "_ZN8bartizan11SayDegradedENS_11DegradationE",
    "_ZN8bartizan15ReportViolationERKNS_9ViolationE",
    "_ZN8bartizan19InstallForkHandlersEv",
] + [_PLATFORM + name for name in [
    "10FillRandomEPvm",
    "11GrowInPlaceEmmm",
    "11NanosecondsEv",
    "11RemoveGuardEmm",
    "12InstallGuardEmm",
    "12SealReadOnlyEmm",
    "13ClaimAnywhereEmNS0_6AccessE",
    "13ResidentPagesEmmPh",
    "17SleepMillisecondsEi",
    "18CoarseMillisecondsEv",
    "5AbortEv",
    "7ClaimAtEmmNS0_6AccessE",
    "7ReleaseEmm",
    "8WriteAllEiSt17basic_string_viewIcSt11char_traitsIcEE",
    "9DropPagesEmm",
    "9MovePagesEmmmm",
    "9SetAccessEmmNS0_6AccessE",
]]

# For programs that run the engine in the harness's world.
WORLD_LINKOPTS = ["-Wl,--wrap=" + symbol for symbol in _WRAPPED]

# Of a target that plays threads: waiting for a lock is a turn of the schedule.
_WAITS = "-Wl,--wrap=" + _PLATFORM + "4Lock11AcquireSlowEv"

_AFL = "/usr/lib/afl/"

# The name says what it is in the folder that OSS-Fuzz runs: NAME_fuzzer_seed_corpus.zip.
def _seed_corpus_impl(context):
    archive = context.actions.declare_file(context.attr.name + ".zip")
    arguments = context.actions.args()
    arguments.add(archive)
    arguments.add_all(context.files.inputs)
    arguments.use_param_file("@%s", use_always = True)
    arguments.set_param_file_format("multiline")
    context.actions.run(
        outputs = [archive],
        inputs = context.files.inputs,
        executable = context.executable._pack,
        arguments = [arguments],
        mnemonic = "SeedCorpus",
    )
    return DefaultInfo(files = depset([archive]))

_seed_corpus = rule(
    implementation = _seed_corpus_impl,
    attrs = {
        "inputs": attr.label_list(allow_files = True),
        "_pack": attr.label(
            default = "//fuzz/oss-fuzz:pack_inputs.py",
            allow_single_file = True,
            cfg = "host",
            executable = True,
        ),
    },
)

def _oss_fuzz_package(name, linkopts, inputs, length, dictionary):
    """What OSS-Fuzz and ClusterFuzzLite are given: the binary, whose engine the caller links, and what lies beside it."""
    fuzzer = name + "_fuzzer"
    native.cc_binary(
        name = fuzzer,
        testonly = True,
        linkopts = linkopts,
        tags = ["manual"],
        deps = [":" + name + "_code"],
    )
    native.genrule(
        name = fuzzer + "_options",
        outs = [fuzzer + ".options"],
        # Leaks: the engine's memory is its own, and nothing of it is known to the sanitizer.
        cmd = "printf '[libfuzzer]\\nmax_len = %d\\n\\n[asan]\\ndetect_leaks = 0\\n' > $@" % length,
        tags = ["manual"],
    )
    _seed_corpus(
        name = fuzzer + "_seed_corpus",
        inputs = inputs,
        tags = ["manual"],
    )
    beside = [fuzzer + "_options", fuzzer + "_seed_corpus"]
    if dictionary:
        native.genrule(
            name = fuzzer + "_dictionary",
            srcs = [dictionary],
            outs = [fuzzer + ".dict"],
            cmd = "cp $< $@",
            tags = ["manual"],
        )
        beside.append(fuzzer + "_dictionary")
    native.filegroup(
        name = name + "_oss_fuzz",
        testonly = True,
        srcs = [fuzzer] + beside,
        tags = ["manual", "oss_fuzz"],
    )

def fuzz_target(name, srcs, deps = [], corpus = None, random = 2000, length = 256, engine = False, dictionary = None, preempts = False, orders = False):
    """Declares a fuzz target.

    Makes `<name>_libfuzzer` (build with --config=fuzz: libFuzzer, address and undefined-behaviour sanitizers),
    `<name>_afl` (build with --config=afl, or with --config=cmplog for its CMPLOG twin: AFL++ in persistent mode),
    `<name>_replay` (no engine; any configuration), `<name>_oss_fuzz` (for fuzz/oss-fuzz/build.sh, which brings the engine:
    `<name>_fuzzer` with seeds, options and dictionary), and `<name>_test`, which replays the corpus, the kept crashes, and a
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
      orders: `<name>_order_test` also runs inputs in one order and in the opposite one: each must do the same in both.
      preempts: the engine is compiled with marked points, at which threads that the target plays come between.
    """
    linkopts = (WORLD_LINKOPTS if engine else []) + ([_WAITS] if preempts else [])
    harness = ["//fuzz/harness"] + (["//fuzz/harness:world"] if engine else [])
    native.cc_library(
        name = name + ("_unmarked" if preempts else "_code"),
        testonly = True,
        srcs = srcs,
        copts = ["-fno-rtti"],
        linkstatic = True,
        # Nothing refers to the function that engines call.
        alwayslink = True,
        deps = deps + harness,
    )
    if preempts:
        marked_points(name = name + "_code", testonly = True, dep = name + "_unmarked")
    folder = corpus or "corpus/" + name
    inputs = native.glob([folder + "/**", "crashes/" + name + "/**"])
    native.filegroup(
        name = name + "_inputs",
        srcs = inputs + ([dictionary] if dictionary else []),
        visibility = ["//visibility:public"],
    )
    _oss_fuzz_package(name, linkopts, inputs, length, dictionary)
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
    if orders:
        native.cc_test(
            name = name + "_order_test",
            size = "small",
            args = ["--orders", "--random=%d" % random, "--length=%d" % length] + ["$(rootpath %s)" % path for path in inputs],
            data = inputs,
            linkopts = linkopts,
            linkstatic = True,
            deps = [
                ":" + name + "_code",
                "//fuzz/harness:replay",
            ],
        )
