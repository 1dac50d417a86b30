// A library with a variable, for leak_cases.cc.
extern "C" [[gnu::visibility("default")]] void* g_of_library;
void* g_of_library = nullptr;
