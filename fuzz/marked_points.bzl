"""Libraries compiled with marked points (src/platform/marked_point.h), and all that they need with them."""

_DEFINE = "-DBARTIZAN_MARKED_POINTS=1"

def _add_define(settings, _attr):
    return {"//command_line_option:copt": settings["//command_line_option:copt"] + [_DEFINE]}

_with_marked_points = transition(
    implementation = _add_define,
    inputs = ["//command_line_option:copt"],
    outputs = ["//command_line_option:copt"],
)

def _forward(ctx):
    return [ctx.attr.dep[0][CcInfo]]

marked_points = rule(
    implementation = _forward,
    attrs = {
        "dep": attr.label(cfg = _with_marked_points, providers = [CcInfo]),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
)
