// wmemcpy, wcscpy and their like: ISO C 7.29, POSIX.1-2017. Counts are of wchar_t.
#include "src/abi/library_calls/copying_functions.h"

namespace bartizan::library_calls {
namespace {

struct Wmemcpy : Copy<Wmemcpy, Entry::kWmemcpy, "wmemcpy", Returns::kBegin, wchar_t> {};
struct WmemcpyChk
    : Copy<WmemcpyChk, Entry::kWmemcpyChk, "__wmemcpy_chk", Returns::kBegin, wchar_t, size_t> {};
struct Wmemmove : Copy<Wmemmove, Entry::kWmemmove, "wmemmove", Returns::kBegin, wchar_t> {};
struct WmemmoveChk
    : Copy<WmemmoveChk, Entry::kWmemmoveChk, "__wmemmove_chk", Returns::kBegin, wchar_t, size_t> {};
struct Wmempcpy : Copy<Wmempcpy, Entry::kWmempcpy, "wmempcpy", Returns::kEnd, wchar_t> {};
struct WmempcpyChk
    : Copy<WmempcpyChk, Entry::kWmempcpyChk, "__wmempcpy_chk", Returns::kEnd, wchar_t, size_t> {};
struct Wmemset : Set<Wmemset, Entry::kWmemset, "wmemset", wchar_t, wchar_t> {};
struct WmemsetChk : Set<WmemsetChk, Entry::kWmemsetChk, "__wmemset_chk", wchar_t, wchar_t, size_t> {
};
struct Wcscpy : StringCopy<Wcscpy, Entry::kWcscpy, "wcscpy", Returns::kBegin, wchar_t> {};
struct WcscpyChk
    : StringCopy<WcscpyChk, Entry::kWcscpyChk, "__wcscpy_chk", Returns::kBegin, wchar_t, size_t> {};
struct Wcpcpy : StringCopy<Wcpcpy, Entry::kWcpcpy, "wcpcpy", Returns::kEnd, wchar_t> {};
struct WcpcpyChk
    : StringCopy<WcpcpyChk, Entry::kWcpcpyChk, "__wcpcpy_chk", Returns::kEnd, wchar_t, size_t> {};
struct Wcsncpy : PaddedCopy<Wcsncpy, Entry::kWcsncpy, "wcsncpy", Returns::kBegin, wchar_t> {};
struct WcsncpyChk : PaddedCopy<WcsncpyChk, Entry::kWcsncpyChk, "__wcsncpy_chk", Returns::kBegin,
                               wchar_t, size_t> {};
struct Wcpncpy : PaddedCopy<Wcpncpy, Entry::kWcpncpy, "wcpncpy", Returns::kEnd, wchar_t> {};
struct WcpncpyChk
    : PaddedCopy<WcpncpyChk, Entry::kWcpncpyChk, "__wcpncpy_chk", Returns::kEnd, wchar_t, size_t> {
};
struct Wcscat : Concatenate<Wcscat, Entry::kWcscat, "wcscat", wchar_t> {};
struct WcscatChk : Concatenate<WcscatChk, Entry::kWcscatChk, "__wcscat_chk", wchar_t, size_t> {};
struct Wcsncat : CountedConcatenate<Wcsncat, Entry::kWcsncat, "wcsncat", wchar_t> {};
struct WcsncatChk
    : CountedConcatenate<WcsncatChk, Entry::kWcsncatChk, "__wcsncat_chk", wchar_t, size_t> {};

}  // namespace

void FillWideCalls(bool checked) {
  FillAll<Wmemcpy, Wmemmove, Wmempcpy, Wmemset, Wcscpy, Wcpcpy, Wcsncpy, Wcpncpy, Wcscat, Wcsncat,
          WmemcpyChk, WmemmoveChk, WmempcpyChk, WmemsetChk, WcscpyChk, WcpcpyChk, WcsncpyChk,
          WcpncpyChk, WcscatChk, WcsncatChk>(checked);
}

extern "C" {

BARTIZAN_EXPORT wchar_t* wmemcpy(wchar_t* to, const wchar_t* from, size_t count) noexcept {
  return Enter<Wmemcpy>(to, from, count);
}
BARTIZAN_EXPORT wchar_t* wmemmove(wchar_t* to, const wchar_t* from, size_t count) noexcept {
  return Enter<Wmemmove>(to, from, count);
}
BARTIZAN_EXPORT wchar_t* wmempcpy(wchar_t* to, const wchar_t* from, size_t count) noexcept {
  return Enter<Wmempcpy>(to, from, count);
}
BARTIZAN_EXPORT wchar_t* wmemset(wchar_t* to, wchar_t value, size_t count) noexcept {
  return Enter<Wmemset>(to, value, count);
}
BARTIZAN_EXPORT wchar_t* wcscpy(wchar_t* to, const wchar_t* from) noexcept {
  return Enter<Wcscpy>(to, from);
}
BARTIZAN_EXPORT wchar_t* wcpcpy(wchar_t* to, const wchar_t* from) noexcept {
  return Enter<Wcpcpy>(to, from);
}
BARTIZAN_EXPORT wchar_t* wcsncpy(wchar_t* to, const wchar_t* from, size_t count) noexcept {
  return Enter<Wcsncpy>(to, from, count);
}
BARTIZAN_EXPORT wchar_t* wcpncpy(wchar_t* to, const wchar_t* from, size_t count) noexcept {
  return Enter<Wcpncpy>(to, from, count);
}
BARTIZAN_EXPORT wchar_t* wcscat(wchar_t* to, const wchar_t* from) noexcept {
  return Enter<Wcscat>(to, from);
}
BARTIZAN_EXPORT wchar_t* wcsncat(wchar_t* to, const wchar_t* from, size_t count) noexcept {
  return Enter<Wcsncat>(to, from, count);
}

BARTIZAN_EXPORT wchar_t* __wmemcpy_chk(wchar_t* to, const wchar_t* from, size_t count,
                                       size_t given) noexcept {
  return Enter<WmemcpyChk>(to, from, count, given);
}
BARTIZAN_EXPORT wchar_t* __wmemmove_chk(wchar_t* to, const wchar_t* from, size_t count,
                                        size_t given) noexcept {
  return Enter<WmemmoveChk>(to, from, count, given);
}
BARTIZAN_EXPORT wchar_t* __wmempcpy_chk(wchar_t* to, const wchar_t* from, size_t count,
                                        size_t given) noexcept {
  return Enter<WmempcpyChk>(to, from, count, given);
}
BARTIZAN_EXPORT wchar_t* __wmemset_chk(wchar_t* to, wchar_t value, size_t count,
                                       size_t given) noexcept {
  return Enter<WmemsetChk>(to, value, count, given);
}
BARTIZAN_EXPORT wchar_t* __wcscpy_chk(wchar_t* to, const wchar_t* from, size_t given) noexcept {
  return Enter<WcscpyChk>(to, from, given);
}
BARTIZAN_EXPORT wchar_t* __wcpcpy_chk(wchar_t* to, const wchar_t* from, size_t given) noexcept {
  return Enter<WcpcpyChk>(to, from, given);
}
BARTIZAN_EXPORT wchar_t* __wcsncpy_chk(wchar_t* to, const wchar_t* from, size_t count,
                                       size_t given) noexcept {
  return Enter<WcsncpyChk>(to, from, count, given);
}
BARTIZAN_EXPORT wchar_t* __wcpncpy_chk(wchar_t* to, const wchar_t* from, size_t count,
                                       size_t given) noexcept {
  return Enter<WcpncpyChk>(to, from, count, given);
}
BARTIZAN_EXPORT wchar_t* __wcscat_chk(wchar_t* to, const wchar_t* from, size_t given) noexcept {
  return Enter<WcscatChk>(to, from, given);
}
BARTIZAN_EXPORT wchar_t* __wcsncat_chk(wchar_t* to, const wchar_t* from, size_t count,
                                       size_t given) noexcept {
  return Enter<WcsncatChk>(to, from, count, given);
}

}  // extern "C"
}  // namespace bartizan::library_calls
