"""The report of `bartizan leaks`, as text and as JSON."""

from leaks import findings

_TITLES = {findings.DIRECT: "lost: nothing refers to them",
           findings.INDIRECT: "lost with others: only lost blocks refer to them",
           findings.REACHABLE: "still referred to"}


def _count(number, noun):
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _amount(blocks, size):
    return f"{_count(size, 'byte')} in {_count(blocks, 'block')}"


def _frame(frame):
    words = f" in {frame.function or '??'}" if frame.function or frame.file else ""
    words += f" {frame.file}:{frame.line}" if frame.file else ""
    if frame.offset is not None:
        words += f" ({frame.module}+{frame.offset:#x})"
    elif frame.module:
        words += f" ({frame.module})"
    words += f" (BuildId: {frame.build_id})" if frame.build_id else ""
    return f"    #{frame.number} {frame.address:#x}{words}"


def _leak(leak):
    each = "" if leak.frames or leak.blocks == 1 else f" of {_count(leak.size, 'byte')} each"
    title = f"  {_amount(leak.blocks, leak.bytes)}{each}, " + ("allocated by" if leak.frames else "no stack recorded")
    return [title + (":" if leak.frames else f", for example at {leak.example}"), *map(_frame, leak.frames)]


def summary(found):
    direct, indirect = found.total(findings.DIRECT), found.total(findings.INDIRECT)
    words = "no leaks" if not found.lost else f"{_amount(direct[0] + indirect[0], direct[1] + indirect[1])} lost"
    if found.lost and indirect[0]:
        words += f", of these {_amount(*indirect)} with others"
    suppressed = sum(count for (_, what), count in found.suppressed.items() if what == "blocks")
    if suppressed:
        words += f"; {_count(suppressed, 'block')} suppressed"
    return f"bartizan: leaks: process {found.process} ({found.program}): {words}"


def text(found):
    lines = []
    for kind in findings.KINDS:
        leaks = [leak for leak in found.leaks if leak.kind == kind]
        if leaks:
            lines.append(f"{_amount(*found.total(kind))} {_TITLES[kind]}")
            for leak in leaks:
                lines += _leak(leak)
            lines.append("")
    if not found.all_threads:
        lines.append("Some threads could not be stopped: what only their registers refer to may be told here.")
    for pattern in sorted({pattern for pattern, _ in found.suppressed}):
        amount = _amount(found.suppressed[pattern, "blocks"], found.suppressed[pattern, "bytes"])
        lines.append(f"suppressed by leak:{pattern}: {amount}")
    lines.append(summary(found))
    return "\n".join(lines)


def _json_frame(frame):
    described = {"number": frame.number, "address": f"{frame.address:#x}", "function": frame.function, "file": frame.file,
                 "line": frame.line, "module": frame.module,
                 "offset": None if frame.offset is None else f"{frame.offset:#x}", "build_id": frame.build_id}
    return {name: value for name, value in described.items() if value not in ("", 0, None) or name == "number"}


def document(found, reachable):
    """The same for tools."""
    kinds = findings.KINDS if reachable else findings.KINDS[:2]
    sums = {kind: dict(zip(("blocks", "bytes"), found.total(kind))) for kind in kinds}
    leaks = [{"kind": leak.kind, "blocks": leak.blocks, "bytes": leak.bytes, "example": leak.example,
              "frames": [_json_frame(frame) for frame in leak.frames]} for leak in found.leaks]
    patterns = sorted({pattern for pattern, _ in found.suppressed})
    return {"format": "bartizan-leaks", "version": 1, "process": found.process, "program": found.program,
            "all_threads": found.all_threads, **sums, "leaks": leaks,
            "suppressed": [{"pattern": pattern, "blocks": found.suppressed[pattern, "blocks"],
                            "bytes": found.suppressed[pattern, "bytes"]} for pattern in patterns]}
