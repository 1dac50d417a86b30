"""A static archive of everything that a set of libraries needs."""

def _merged_archive_impl(ctx):
    own = []
    system = []
    for dep in ctx.attr.deps:
        for linker_input in dep[CcInfo].linking_context.linker_inputs.to_list():
            for library in linker_input.libraries:
                archive = library.pic_static_library or library.static_library
                if not archive:
                    fail("%s has no static library" % linker_input.owner)
                target = system if linker_input.owner.workspace_name else own
                if archive not in target:
                    target.append(archive)
    archive = ctx.actions.declare_file("lib%s.a" % ctx.label.name)
    ctx.actions.run_shell(
        inputs = own + system + [ctx.file.exported_symbols],
        outputs = [archive],
        command = """
set -eu
object="$1.o" archive="$1" symbols="$2"
shift 2
# Own libraries go in whole; section groups dissolve, because their key symbols become local below.
ld.lld-19 -r --force-group-allocation -o "$object" "$@"
llvm-objcopy-19 --wildcard --keep-global-symbols="$symbols" "$object"
# Symbols of the C library that were asked for by version, for the sake of old ones: a program takes those of the C
# library it is linked with, which may be static.
llvm-nm-19 -u --format=just-symbols "$object" | sed -n 's/^\\([^@]*\\)@.*/& \\1/p' > "$object.renames"
llvm-objcopy-19 --redefine-syms="$object.renames" "$object"
rm -f "$archive"
llvm-ar-19 rcsD "$archive" "$object"
rm "$object" "$object.renames"
""",
        arguments = [archive.path, ctx.file.exported_symbols.path, "--whole-archive"] +
                    [file.path for file in own] +
                    ["--no-whole-archive"] +
                    [file.path for file in system],
        mnemonic = "MergedArchive",
        progress_message = "Merging into %s" % archive.short_path,
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([archive]))]

merged_archive = rule(
    implementation = _merged_archive_impl,
    doc = "One archive with one object; only exported symbols stay global.",
    attrs = {
        "deps": attr.label_list(providers = [CcInfo]),
        "exported_symbols": attr.label(allow_single_file = True, mandatory = True),
    },
)
