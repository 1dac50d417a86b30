// An entry for the system journal, as one who listens in its place gets it.
#include "src/platform/journal.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace bartizan::platform {
namespace {

class Journal : public testing::Test {
 protected:
  void SetUp() override {
    // Not in the folder for tests, whose name may be too long for a socket's.
    ASSERT_NE(mkdtemp(folder_), nullptr);
    path_ = std::string(folder_) + "/socket";
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    ASSERT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  void TearDown() override {
    close(socket_);
    unlink(path_.c_str());
    rmdir(folder_);
  }
  std::string Received() const {
    static char text[1 << 17];
    const ssize_t bytes = recv(socket_, text, sizeof text, 0);
    return bytes < 0 ? "" : std::string(text, static_cast<size_t>(bytes));
  }

  char folder_[32] = "/tmp/journal.XXXXXX";
  std::string path_;
  int socket_ = -1;
};

TEST_F(Journal, TakesLinesWithTheirLength) {
  ASSERT_TRUE(SendToJournal(path_.c_str(), "first\nsecond\n"));
  const std::string length = {12, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Received(),
            "PRIORITY=2\nSYSLOG_IDENTIFIER=bartizan\nMESSAGE\n" + length + "first\nsecond\n");
}

TEST_F(Journal, TakesLongEntries) {
  const std::string text(32 * 1024, 'x');
  ASSERT_TRUE(SendToJournal(path_.c_str(), text));
  EXPECT_NE(Received().find(text), std::string::npos);
}

TEST_F(Journal, ThatNobodyReadsIsNotWaitedFor) {
  bool sent = true;
  for (int i = 0; i < 100000 && sent; ++i) sent = SendToJournal(path_.c_str(), "text");
  EXPECT_FALSE(sent);
}

TEST_F(Journal, ThatIsNotThereIsSaid) {
  EXPECT_FALSE(SendToJournal("/no/such/socket", "text"));
  EXPECT_FALSE(SendToJournal(std::string(200, 'x').c_str(), "text"));
}

}  // namespace
}  // namespace bartizan::platform
