#include "src/platform/journal.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <cstdint>
#include <cstring>

#include "src/platform/file.h"
#include "src/platform/syscall.h"

namespace bartizan::platform {

bool SendToJournal(const char* socket, std::string_view text) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(socket);
  if (length >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, socket, length);
  const long opened = Syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (opened < 0) return false;
  // A value of several lines comes with its length, of eight bytes, least first.
  static constexpr char kHead[] = "PRIORITY=2\nSYSLOG_IDENTIFIER=bartizan\nMESSAGE\n";
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  uint64_t bytes = text.size();
  char newline = '\n';
  iovec parts[] = {{const_cast<char*>(kHead), sizeof kHead - 1},
                   {&bytes, sizeof bytes},
                   {const_cast<char*>(text.data()), text.size()},
                   {&newline, 1}};
  msghdr message = {};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = parts;
  message.msg_iovlen = 4;
  const long sent = Syscall(SYS_sendmsg, opened, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  Close(static_cast<int>(opened));
  return sent > 0;
}

}  // namespace bartizan::platform
