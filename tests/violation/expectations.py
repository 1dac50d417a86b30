"""What each fault of tools/faults must come to in each profile: exact, or the reason why it is missed.

A fault that is expected to be missed and is caught is as wrong as the reverse: the table says what is. Two marks loosen it:
`chance`, where the outcome differs from run to run (the reason says what decides), and `pending`, where the table says what
is demanded and the library does not do so yet: the run prints such outcomes and does not fail.
"""

import dataclasses
import re

PROFILES = ("fast", "hardened", "strict")


@dataclasses.dataclass(frozen=True)
class Ending:
    """One way to end; `text` is a regular expression for the beginning of what was said."""

    kind: str
    moment: str
    text: str

    def matches(self, outcome):
        return (outcome.kind == self.kind and (not self.moment or outcome.moment == self.moment) and
                re.match(f"(?:{self.text})", outcome.text) is not None)

    def __str__(self):
        return f"{self.kind} at {self.moment}: {self.text}" if self.moment else f"{self.kind}: {self.text}"


@dataclasses.dataclass(frozen=True)
class Expected:
    endings: tuple
    reason: str = ""
    pending: bool = False
    chance: bool = False
    # The report names the address that the fault is about.
    address: bool = True

    def mistake(self, outcome):
        """What is wrong with the outcome, or None."""
        if not any(ending.matches(outcome) for ending in self.endings):
            return "expected " + " or ".join(str(ending) for ending in self.endings)
        if outcome.kind == "report" and not re.search(r"; address 0x[0-9a-f]+[,;]", outcome.text):
            return "the report has no address"
        if outcome.kind == "report" and self.address and not re.search(rf"\b{outcome.address}\b", outcome.text):
            return f"the report does not have the address {outcome.address}"
        return None

    def is_miss(self):
        return any(ending.kind == "unnoticed" for ending in self.endings)


def report(text, *moments, **marks):
    return Expected(tuple(Ending("report", moment, text) for moment in moments), **marks)


def answered(text="", **marks):
    return Expected((Ending("answered", "", text),), **marks)


def either(*several, **marks):
    return Expected(tuple(ending for one in several for ending in one.endings), **marks)


def missed(reason, **marks):
    return Expected((Ending("unnoticed", "", ""),), reason=reason, **marks)


def pending(expected):
    return dataclasses.replace(expected, pending=True)


def no_address(expected):
    return dataclasses.replace(expected, address=False)


def by_chance(reason, *several):
    return either(missed(reason), *several, reason=reason, chance=True, address=False)


def up_to(size, small, above):
    """Another expectation for blocks above that size."""
    return lambda block_size: small if block_size <= size else above


def missing_report(profile, outcome):
    """What is wrong with a fault that says nothing, where the profile reports faults; or None."""
    silent = outcome.kind == "guard" and ": " not in outcome.text
    return "the fault is not reported" if silent and profile != "fast" else None


GUARD = Expected((Ending("guard", "access", "SIGSEGV"),))
SLABS = 131072  # larger blocks have a mapping each

# --- What the parts of the table have in common. ---

DOUBLE_FREE = report("double free", "free")
# With many blocks freed in between, the memory of the first may have been given back: it is no longer known as freed.
FREE_LONG_AGO = report("(double|invalid) free", "free")
INVALID_FREE = report("invalid free", "free")
# A slot that was never given out may rest in a cache, where it counts as free.
NOT_ISSUED = report("(invalid|double) free", "free")
# A loser whom the state does not show is found when the block is next moved.
RACING = no_address(report("double free|corrupt free list: .*racing double free", "free"))

NO_CANARIES = missed("fast has no canaries and no guards")
ANY_GUARD = by_chance("fast has no guards: what lies behind decides", GUARD)
AT_FREE = up_to(SLABS, report("heap overflow", "free"), GUARD)
# Of a slab's last slot, more than a few bytes lead into the guard.
AT_FREE_OR_GUARD = either(report("heap overflow", "free"), GUARD)
# The library sees the copy's bounds before a byte is written.
AT_CALL = report("out-of-bounds library call", "call")
# The copy may begin where nothing of ours is.
AT_CALL_OR_GUARD = no_address(either(AT_CALL, report("use after free in library call", "call"), GUARD))
# A full ring is relieved by frees: what then leaves the quarantine is verified there and then.
FROM_BELOW = no_address(either(report("heap (over|under)flow", "free"), report("write after free", "free", "reuse")))
FROM_BELOW_AT_FREE = no_address(report("heap (over|under)flow", "free"))
# The first slots of a slab have no block below them.
OR_GUARD = no_address(either(FROM_BELOW_AT_FREE, GUARD))

AT_REUSE = up_to(SLABS, report("write after free", "reuse"), GUARD)
READ_IN_PARTS = by_chance("of slots above 8 KiB only the ends and a random line are verified",
                          report("write after free", "reuse"))
NOT_VERIFIED = missed("fast verifies nothing before reuse")
KEEPS_CONTENTS = missed("fast does not clear freed memory")
ZEROS_OR_NOT = by_chance("fast does not clear freed memory; memory that was never used is zero", answered("reads zeros"))
NO_QUARANTINE = by_chance("fast has no quarantine: which slot comes next depends on the caches", answered("not issued"))
NOT_REISSUED = answered("not issued again|the block grew")
IN_ORDER = missed("fast issues slots in the order of their addresses")
ENOMEM = answered("null and ENOMEM")

OFF_IN_HARDENED = missed("origin_check is off: programs that mix families work elsewhere")
OFF_IN_FAST = missed("fast has no layers")


def all_profiles(expected):
    return {profile: expected for profile in PROFILES}


def fast_else(fast, other):
    return {"fast": fast, "hardened": other, "strict": other}


def each(fast, hardened, strict):
    return {"fast": fast, "hardened": hardened, "strict": strict}


def in_call(function, freed=False):
    text = f"use after free in {function}" if freed else f"invalid {function}"
    return all_profiles(report(text, "call"))


def not_issued_in_call(function):
    return all_profiles(report(f"(invalid|use after free in) {function}", "call"))


# --- The table. ---

TABLE = {
    # overflow
    **dict.fromkeys(("overflow_1_store", "overflow_8_store", "overflow_32_store", "overflow_final_zero"),
                    fast_else(NO_CANARIES, AT_FREE)),
    **dict.fromkeys(("overflow_1_memcpy", "overflow_8_memcpy", "overflow_32_memcpy"),
                    each(NO_CANARIES, AT_FREE, AT_CALL)),
    "overflow_1m_store": fast_else(ANY_GUARD, GUARD),
    "overflow_1m_memcpy": each(ANY_GUARD, GUARD, AT_CALL),
    "overread_1": fast_else(up_to(SLABS, missed("reads are not checked, and fast has no guards"), ANY_GUARD),
                            up_to(SLABS, missed("reads are not checked: it takes one page per block"), GUARD)),
    "overread_1m": fast_else(ANY_GUARD, GUARD),
    # underflow
    **dict.fromkeys(("underflow_1_store", "underflow_8_store"),
                    each(ANY_GUARD, up_to(SLABS, FROM_BELOW, GUARD), up_to(SLABS, FROM_BELOW_AT_FREE, GUARD))),
    **dict.fromkeys(("underflow_1_memcpy", "underflow_8_memcpy"),
                    each(ANY_GUARD, up_to(SLABS, FROM_BELOW, GUARD), AT_CALL_OR_GUARD)),
    "underflow_32_store": each(ANY_GUARD, up_to(SLABS, no_address(either(FROM_BELOW, GUARD)), GUARD),
                               up_to(SLABS, OR_GUARD, GUARD)),
    "underflow_32_memcpy": each(ANY_GUARD, up_to(SLABS, no_address(either(FROM_BELOW, GUARD)), GUARD), AT_CALL_OR_GUARD),
    "underflow_1m_store": fast_else(ANY_GUARD, GUARD),
    "underflow_1m_memcpy": each(ANY_GUARD, GUARD, AT_CALL_OR_GUARD),
    # double free
    **dict.fromkeys(("double_free_immediate", "double_free_interleaved",
                     "double_free_overwritten", "double_free_by_other", "double_free_owner_ended", "double_free_moved",
                     "sized_delete_freed", "sized_delete_freed_by_other", "free_freed_neighbour"),
                    all_profiles(DOUBLE_FREE)),
    **dict.fromkeys(("double_free_delayed", "double_free_after_reuse"), all_profiles(FREE_LONG_AGO)),
    **dict.fromkeys(("double_free_racing", "double_free_racing_strangers"), all_profiles(RACING)),
    # invalid free
    **dict.fromkeys(("free_stack", "free_global", "free_code", "free_unaligned", "free_interior_8", "free_interior_16",
                     "free_middle", "free_page_inside", "free_foreign_mapping", "free_other_heap", "free_wild",
                     "free_non_canonical", "free_small_number", "sized_delete_interior",
                     "sized_delete_foreign_mapping"),
                    all_profiles(INVALID_FREE)),
    **dict.fromkeys(("free_end", "free_never_issued", "free_never_issued_far"), all_profiles(NOT_ISSUED)),
    # realloc and usable size
    **dict.fromkeys(("realloc_freed", "realloc_freed_same_size", "realloc_freed_less", "realloc_freed_by_other"),
                    in_call("realloc", freed=True)),
    **dict.fromkeys(("realloc_interior", "realloc_interior_same_size", "realloc_foreign_mapping", "realloc_stack"),
                    in_call("realloc")),
    **dict.fromkeys(("realloc_never_issued", "realloc_never_issued_far"), not_issued_in_call("realloc")),
    "usable_size_freed": in_call("malloc_usable_size", freed=True),
    **dict.fromkeys(("usable_size_interior", "usable_size_foreign_mapping"), in_call("malloc_usable_size")),
    **dict.fromkeys(("usable_size_never_issued", "usable_size_never_issued_far"),
                    not_issued_in_call("malloc_usable_size")),
    # use after free
    "read_after_free": fast_else(KEEPS_CONTENTS, up_to(SLABS, answered("reads zeros"), GUARD)),
    **dict.fromkeys(("write_after_free_first_byte", "write_after_free_one_bit", "write_after_free_second_word",
                     "write_after_free_all"), fast_else(NOT_VERIFIED, AT_REUSE)),
    **dict.fromkeys(("write_after_free_last_byte", "write_after_free_middle"),
                    each(NOT_VERIFIED, up_to(8000, AT_REUSE(8), up_to(SLABS, READ_IN_PARTS, GUARD)),
                         AT_REUSE)),
    # family and size mismatches
    **dict.fromkeys(("new_free", "new_array_free", "malloc_delete", "malloc_delete_array", "aligned_alloc_delete",
                     "new_delete_array", "new_array_delete", "malloc_sized_delete"),
                    each(OFF_IN_FAST, OFF_IN_HARDENED, report("origin mismatch", "free"))),
    **dict.fromkeys(("sized_delete_one_more", "sized_delete_one_less", "sized_delete_threefold",
                     "sized_delete_array_one_less", "aligned_delete_threefold", "free_sized_one_less",
                     "free_aligned_sized_threefold"),
                    fast_else(OFF_IN_FAST, report("size mismatch", "free"))),
    # contents
    **dict.fromkeys(("uninitialised_malloc", "uninitialised_new", "uninitialised_realloc"),
                    fast_else(KEEPS_CONTENTS, answered("reads zeros"))),
    "uninitialised_aligned_alloc": fast_else(ZEROS_OR_NOT, answered("reads zeros")),
    "leak_through_new_block": fast_else(KEEPS_CONTENTS, answered("the new block shows nothing|the memory was not issued")),
    **dict.fromkeys(("execute_heap", "zero_size_write", "zero_size_read", "zero_size_read_new"), all_profiles(GUARD)),
    # place of the next block
    **dict.fromkeys(("reuse_tight", "reuse_batch", "reuse_other_thread", "reuse_after_growth", "reuse_after_shrinking"),
                    fast_else(NO_QUARANTINE, NOT_REISSUED)),
    "guess_neighbour": fast_else(IN_ORDER, answered("most guesses of the next place were wrong")),
    # stored references
    "reference_read": fast_else(missed("fast stores plain slot numbers"),
                                answered("nothing that is stored of freed blocks tells where they lie")),
    **dict.fromkeys(("reference_bit_flipped", "reference_replayed", "reference_copied"),
                    all_profiles(answered("every damaged word stopped the process or did no harm"))),
    # impossible requests
    **dict.fromkeys(("request_minus_1", "request_minus_8", "request_half", "request_calloc_overflow",
                     "request_reallocarray_overflow", "request_realloc_minus_8", "request_aligned_alloc",
                     "request_posix_memalign"), all_profiles(ENOMEM)),
    "request_new": all_profiles(answered("std::bad_alloc")),
    # historic bugs
    "heartbleed": each(ANY_GUARD, by_chance("reads are not checked: a guard is met only near a slab's end", GUARD),
                       no_address(AT_CALL)),
    **dict.fromkeys(("baron_samedit", "webp_huffman", "exim_base64"), fast_else(NO_CANARIES, AT_FREE_OR_GUARD)),
    **dict.fromkeys(("curl_socks5", "glibc_syslog"), each(ANY_GUARD, AT_FREE_OR_GUARD, no_address(AT_CALL))),
    # no faults
    **dict.fromkeys(("valid_free_null", "valid_realloc_null", "valid_usable_size_null", "valid_sized_delete_null",
                     "valid_frees"), all_profiles(answered("as it should"))),
}


def expected_of(fault, profile, size):
    expected = TABLE[fault][profile]
    while callable(expected):
        expected = expected(size)
    return expected


def alike_in_all_profiles(fault, size):
    """Whether the fault must end in one way whatever the layers: what the engine alone answers."""
    expected = [expected_of(fault, profile, size) for profile in PROFILES]
    return all(one == expected[0] and not one.pending and not one.chance for one in expected)


def differences(names):
    """Faults that the program has and the table does not, and the reverse."""
    return sorted(set(names) ^ set(TABLE))


# What each profile promises of the whole, beyond the single rows.
ALWAYS_CAUGHT = ("double free", "invalid free")
HARDENED_SHARE = 0.9
# The only reason in words that may excuse a miss in strict.
STRICT_EXCUSE = "one page per block"


def broken_promises(profile, results):
    """`results`: pairs of a case and its outcome, without valid uses and pending rows."""
    if profile == "fast":
        return [f"{case}: not caught in fast" for case, outcome in results
                if case.fault.group in ALWAYS_CAUGHT and not outcome.is_caught()]
    missing = [case for case, outcome in results if not outcome.is_caught()]
    if profile == "hardened":
        share = 1 - len(missing) / len(results) if results else 1
        return [] if share >= HARDENED_SHARE else [f"hardened catches {share:.1%} only"]
    return [f"{case}: missed in strict, and not for need of {STRICT_EXCUSE}" for case in missing
            if STRICT_EXCUSE not in expected_of(case.fault.name, profile, case.size).reason]
