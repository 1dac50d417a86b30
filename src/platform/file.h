// Small files and output, by direct system calls: usable before the C library is ready and inside
// a report.
#ifndef BARTIZAN_SRC_PLATFORM_FILE_H_
#define BARTIZAN_SRC_PLATFORM_FILE_H_

#include <cstddef>
#include <string_view>

namespace bartizan::platform {

constexpr int kStandardError = 2;

// Writes all of `text`, going on after short writes and EINTR. False when the system refuses
// (closed descriptor, full disk): callers have nobody to tell.
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

}  // namespace bartizan::platform

#endif  // BARTIZAN_SRC_PLATFORM_FILE_H_
