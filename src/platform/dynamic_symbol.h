// Symbols of libraries that are loaded already.
#ifndef BARTIZAN_SRC_PLATFORM_DYNAMIC_SYMBOL_H_
#define BARTIZAN_SRC_PLATFORM_DYNAMIC_SYMBOL_H_

namespace bartizan::platform {

// The symbol's address, or nullptr when the library is not loaded. May allocate.
void* SymbolOfLoadedLibrary(const char* library, const char* symbol);

// What the symbol would be if this library did not define it: the next definition in the order in
// which symbols are searched. nullptr when there is none, or no means to find out (before
// glibc 2.34, in programs without libdl). May allocate.
void* SymbolBehindUs(const char* symbol);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_DYNAMIC_SYMBOL_H_
