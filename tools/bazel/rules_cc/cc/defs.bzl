"""The part of rules_cc that Bazel 4.2.3 loads, forwarded to the built-in rules."""

cc_library = native.cc_library
cc_binary = native.cc_binary
cc_test = native.cc_test
cc_import = native.cc_import
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite

def cc_toolchain_alias(**kwargs):
    native.cc_toolchain_alias(**kwargs)

def cc_libc_top_alias(**kwargs):
    native.cc_libc_top_alias(**kwargs)

def _cc_flags_supplier_impl(ctx):
    return [platform_common.TemplateVariableInfo({"CC_FLAGS": ""})]

cc_flags_supplier = rule(implementation = _cc_flags_supplier_impl)

def _compiler_flag_impl(ctx):
    return [config_common.FeatureFlagInfo(value = "clang")]

compiler_flag = rule(implementation = _compiler_flag_impl)
