// What messages say about a process that cannot be looked into.
#ifndef BARTIZAN_TOOLS_CLI_PROCESS_WORDS_H_
#define BARTIZAN_TOOLS_CLI_PROCESS_WORDS_H_

#include <sys/types.h>

#include <string>

#include "tools/cli/process_info_reader.h"

namespace bartizan::cli {

// "process 12 (program)"
std::string Named(pid_t process);

// What a user can do who may not look, for that errno: "; ..." or nothing.
std::string Advice(int error);

// Why nothing is known of the process, with what one can do about it: of any finding but
// kPageFound. Without the process's name where it has none.
std::string Unknown(pid_t process, const ProcessInfoFinding& found);

}  // namespace bartizan::cli

#endif  // BARTIZAN_TOOLS_CLI_PROCESS_WORDS_H_
