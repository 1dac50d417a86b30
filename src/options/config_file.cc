#include "src/options/config_file.h"

#include <cerrno>

#include "src/base/text.h"
#include "src/platform/file.h"

namespace bartizan {
namespace {

using Message = Text<512>;

// A sandbox that hides the file or refuses the call leaves the program as if there were none.
bool MeansAbsent(long error) {
  return error == -ENOENT || error == -ENOTDIR || error == -EPERM || error == -ENOSYS;
}

void AppendReason(Message& message, const platform::FileText& file, size_t capacity) {
  if (file.length == -EACCES) {
    message << "permission denied; make it readable for everybody (chmod 644)";
  } else if (file.length < 0) {
    message << "it cannot be read (error " << static_cast<int>(-file.length) << ')';
  } else if (!file.trusted) {
    message << "it must be a regular file, owned by root and writable by nobody else (chown root, "
               "chmod 644)";
  } else {
    message << "it is larger than ";
    message.Size(capacity);
  }
}

}  // namespace

std::string_view ReadConfigFile(const char* path, char* buffer, size_t capacity,
                                const MessageSink& messages) {
  const platform::FileText file = platform::ReadSmallFile(path, buffer, capacity);
  if (file.length < 0 && MeansAbsent(file.length)) return {};
  if (file.length >= 0 && file.trusted && !file.truncated) {
    return {buffer, static_cast<size_t>(file.length)};
  }
  Message message;
  message << "bartizan: " << path << ": ignored: ";
  AppendReason(message, file, capacity);
  messages(message.view());
  return {};
}

}  // namespace bartizan
