#include "src/platform/dynamic_symbol.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstring>

namespace bartizan::platform {
namespace {

TEST(DynamicSymbol, FindsWhatIsBehindThisProgram) {
  auto* length = reinterpret_cast<size_t (*)(const char*)>(SymbolBehindUs("strlen"));
  ASSERT_NE(length, nullptr);
  EXPECT_EQ(length("abc"), 3u);
}

// What the program asks dlerror() for is its own failures.
TEST(DynamicSymbol, LeavesNoErrorBehind) {
  dlerror();
  EXPECT_EQ(SymbolBehindUs("no_such_function_anywhere"), nullptr);
  EXPECT_EQ(dlerror(), nullptr);
}

}  // namespace
}  // namespace bartizan::platform
