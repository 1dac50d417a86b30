// Which places of the library's code had a call of the system refused, over all cases of a process.
// At its end they are written to the file that the variable FUZZ_CALL_SITES names, as addresses in
// the program's file: fuzz/call_sites_test.py wants all of them.
#ifndef BARTIZAN_FUZZ_HARNESS_CALL_SITES_H_
#define BARTIZAN_FUZZ_HARNESS_CALL_SITES_H_

namespace fuzz {

// `site` is the address that the call would have returned to.
void NoteRefusedAt(const void* site);

}  // namespace fuzz

#endif  // BARTIZAN_FUZZ_HARNESS_CALL_SITES_H_
