"""Libraries whose functions get a prefix: what stands for the process's own malloc can be called beside it."""

def _renamed_library_impl(ctx):
    archives = []
    for dep in ctx.attr.deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            if linker_input.owner == dep.label:
                archives += [library.pic_static_library or library.static_library for library in linker_input.libraries]
    renamed = ctx.actions.declare_file("lib%s.lo" % ctx.label.name)
    ctx.actions.run_shell(
        inputs = archives,
        outputs = [renamed],
        command = """
set -eu
object="$1.o" archive="$1" prefix="$2"
shift 2
ld.lld-19 -r -o "$object" --whole-archive "$@"
# Ordinary functions only: what is shared with other objects (inline functions, templates) keeps its name.
llvm-nm-19 --defined-only --extern-only "$object" | sed -n "s/^[^ ]* T \\(.*\\)/\\1 ${prefix}\\1/p" > "$object.renames"
llvm-objcopy-19 --redefine-syms="$object.renames" "$object"
rm -f "$archive"
llvm-ar-19 rcsD "$archive" "$object"
rm "$object" "$object.renames"
""",
        arguments = [renamed.path, ctx.attr.prefix] + [file.path for file in archives],
        mnemonic = "RenameSymbols",
        progress_message = "Renaming functions in %s" % renamed.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([renamed]))]

renamed_library = rule(
    implementation = _renamed_library_impl,
    doc = "`lib<name>.lo`, to be linked: the objects of `deps` themselves, every function's name after the prefix.",
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "prefix": attr.string(mandatory = True),
    },
)
