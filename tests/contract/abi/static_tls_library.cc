// A library with 64 bytes of initial-exec thread-local storage: each copy that is loaded late takes
// that much of the small reserve that the C library keeps for such libraries.
namespace {

[[gnu::tls_model("initial-exec"), gnu::aligned(64)]] thread_local char reserve[64];

}  // namespace

extern "C" [[gnu::visibility("default")]] void* static_tls_library_reserve() { return reserve; }
