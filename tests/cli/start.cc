// Starts as the library does: before main().
#include "src/options/sealed_page.h"

namespace {

[[gnu::constructor]] void Start() {
  bartizan::LoadOptions(bartizan::Variant::kDynamic);
  bartizan::Seal();
}

}  // namespace
