// Small files and output, by direct system calls: usable before the C library is ready and inside
// a report.
#ifndef BARTIZAN_SRC_PLATFORM_FILE_H_
#define BARTIZAN_SRC_PLATFORM_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bartizan::platform {

constexpr int kStandardError = 2;

// Writes all of `text`, going on after short writes and EINTR. False when the system refuses
// (closed descriptor, full disk, a pipe that nobody reads): callers have nobody to tell. Never ends
// the program by SIGPIPE or SIGXFSZ.
bool WriteAll(int descriptor, std::string_view text);

// Opens for appending, creating with mode 0600; never follows a symbolic link in the last
// component, never waits for a pipe's reader. Negative errno on failure.
int OpenForAppend(const char* path);

struct FileText {
  // Bytes read into the caller's buffer, or a negative errno.
  long length;
  // Whether the file had more than the buffer holds.
  bool truncated;
  // Owned by root and not writable by group or others: what a trusted configuration must be.
  bool trusted;
};

// Reads at most `capacity` bytes of a regular file (or a /proc file).
FileText ReadSmallFile(const char* path, char* buffer, size_t capacity);

void Close(int descriptor);

bool IsTerminal(int descriptor);

// Whether it can be opened for reading.
bool Exists(const char* path);

// The non-negative number that a text begins with, up to its end or a line's. False: something else
// is there, or it is too large.
bool ParseDecimal(std::string_view text, uint64_t* number);

// Opens for reading, reads once. Negative errno on failure.
int OpenForRead(const char* path);
long ReadSome(int descriptor, char* buffer, size_t capacity);
// The same at a place of a file, and until the buffer is full or the file ends.
long ReadAt(int descriptor, uint64_t offset, char* buffer, size_t capacity);

// Calls `visit` with each line of a file, without its end, until it returns false. Longer lines
// than `kBytes` are left out. A file that cannot be read has none.
template <size_t kBytes, class Visit>
void ForEachLine(const char* path, Visit visit) {
  const int descriptor = OpenForRead(path);
  if (descriptor < 0) return;
  char buffer[kBytes];
  size_t length = 0;
  bool whole = true;  // what is in the buffer is a line from its beginning
  bool more = true;
  while (more) {
    const long got = ReadSome(descriptor, buffer + length, kBytes - length);
    if (got <= 0) break;
    length += static_cast<size_t>(got);
    std::string_view rest(buffer, length);
    for (size_t end; more && (end = rest.find('\n')) != std::string_view::npos; whole = true) {
      if (whole) more = visit(rest.substr(0, end));
      rest.remove_prefix(end + 1);
    }
    if (rest.size() == kBytes) {
      whole = false;
      rest = {};
    }
    length = rest.size();
    for (size_t i = 0; i < length; ++i) buffer[i] = rest[i];
  }
  Close(descriptor);
}

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_FILE_H_
