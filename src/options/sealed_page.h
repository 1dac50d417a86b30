// The page that holds the options in force and the engine's secrets: written once at start, then
// read-only (and sealed against mprotect where the kernel can), and found from outside the process
// by its symbol `bartizan_process_info`.
#ifndef BARTIZAN_SRC_OPTIONS_SEALED_PAGE_H_
#define BARTIZAN_SRC_OPTIONS_SEALED_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/base/text.h"
#include "src/options/options.h"
#include "src/options/version.h"

namespace bartizan {

// Which library this code is in. Chosen by the composition that calls LoadOptions.
enum class Variant : uint8_t { kDynamic, kFast };

enum class StartState : uint32_t {
  kNotStarted = 0,     // this malloc was never called: another one serves the process
  kOptionsLoaded = 1,  // the engine is starting
  kSealed = 2,         // in force
};

inline constexpr char kProcessInfoMagic[8] = {'B', 'A', 'R', 'T', 'I', 'Z', 'A', 'N'};
inline constexpr uint32_t kProcessInfoLayout = 3;

// What tools outside the process read. The layout is public: members are never moved or removed,
// new ones go to the end and raise `layout_version`. Texts end with a zero. Little is to be guessed
// by a reader of another version: layers carry their names.
struct ProcessInfo {
  char magic[8];
  uint32_t layout_version;
  uint32_t bytes;  // sizeof(ProcessInfo) of the writer
  StartState state;
  uint32_t reserved;
  char library_version[16];
  char variant[16];  // "dynamic" or "fast"
  char profile[16];
  uint64_t layers_known;     // bits that have a name
  uint64_t layers_in_force;  // bits of the layers that are on
  uint64_t quarantine_bytes;
  uint64_t large_quarantine_bytes;
  uint64_t large_cache_bytes;
  uint64_t decay_ms;
  uint8_t huge_pages;
  uint8_t numa;
  uint8_t verbose;
  uint8_t from_config_file;  // whether each source was read
  uint8_t from_environment;
  uint8_t environment_ignored;  // AT_SECURE
  uint8_t reserved_bytes[2];
  char report_file[kPathBytes];
  // Names in the order of their bits, separated by spaces.
  char layer_names[1024];
  // Since layout 2: where the engine's records are named (src/engine/engine_roots.h); 0 before the
  // start.
  uint64_t engine_roots;
  // Since layout 3: the option, 0 where nothing follows from a number.
  uint64_t seed;
};
inline constexpr size_t kFirstProcessInfoBytes = offsetof(ProcessInfo, engine_roots);

inline constexpr size_t kSealedPageBytes = 4096;
inline constexpr size_t kSecretWords = 16;

struct alignas(kSealedPageBytes) SealedPage {
  ProcessInfo info;
  Options options;
  // For the engine, which fills them between LoadOptions and Seal. Zero until then.
  uint64_t secrets[kSecretWords];
};
static_assert(sizeof(SealedPage) == kSealedPageBytes,
              "nothing else may lie on a page that becomes read-only");

// The page itself. Hidden, so that a read is one load relative to the instruction; what is exported
// is the other name of it, `bartizan_process_info`.
extern "C" [[gnu::visibility("hidden")]] constinit SealedPage bartizan_sealed_page;

inline const Options& OptionsInForce() { return bartizan_sealed_page.options; }
// The word for the fast path: load it once per operation and pass it by value.
inline uint64_t TogglesInForce() { return bartizan_sealed_page.options.toggles; }

// Which sources the options came from.
struct OptionOrigin {
  bool config_file;
  bool environment;
  bool environment_ignored;  // set, but the program gains privileges (AT_SECURE)
};

// Puts the options into `page`, with what readers outside need. Part of LoadOptions; tests call it
// with a page of their own.
void FillSealedPage(const Options& options, const OptionOrigin& origin, Variant variant,
                    SealedPage& page);

// Reads configuration file and environment, prints a message for each mistake to standard error and
// fills the page (not the secrets). Call once, before other threads exist and before the first
// pointer is handed out. Prints the line of `verbose` too.
void LoadOptions(Variant variant);

// Makes the page read-only for good. What the system refuses is left undone: the page works either
// way. True when it is read-only.
bool Seal();

// "bartizan 0.1.0: profile hardened, layers: ...; off: ...; quarantine 16k (options from ...)".
using VerboseLine = Text<1536>;
void FormatVerboseLine(const ProcessInfo& info, VerboseLine& line);

}  // namespace bartizan

#endif  // BARTIZAN_SRC_OPTIONS_SEALED_PAGE_H_
