// Symbols of libraries that are loaded already.
#ifndef BARTIZAN_SRC_PLATFORM_DYNAMIC_SYMBOL_H_
#define BARTIZAN_SRC_PLATFORM_DYNAMIC_SYMBOL_H_

namespace bartizan::platform {

// The symbol's address, or nullptr when the library is not loaded. May allocate.
void* SymbolOfLoadedLibrary(const char* library, const char* symbol);

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_DYNAMIC_SYMBOL_H_
