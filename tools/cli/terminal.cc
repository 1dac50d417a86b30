#include "tools/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/string_view.h"

namespace bartizan::cli {
namespace {

// Another screen without a cursor, and back: what was on the first stays.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l";
constexpr char kLeave[] = "\x1b[?25h\x1b[?1049l";

// What ends a command, unless it is killed.
constexpr int kEnding[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1,
                           SIGUSR2, SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGABRT, SIGXCPU};

termios g_before;
volatile sig_atomic_t g_entered = 0;
volatile sig_atomic_t g_stop = 0;
volatile sig_atomic_t g_changed = 0;

// A signal handler calls this too.
void WriteOut(const char* text, size_t length) {
  while (length != 0) {
    const ssize_t written = write(STDOUT_FILENO, text, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    length -= static_cast<size_t>(written);
  }
}

void Enter() {
  termios raw = g_before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  g_entered = 1;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  WriteOut(kEnter, sizeof kEnter - 1);
}

void Leave() {
  if (g_entered == 0) return;
  g_entered = 0;
  WriteOut(kLeave, sizeof kLeave - 1);
  // A command in the background would be stopped for this.
  sigset_t stop;
  sigset_t before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  sigprocmask(SIG_BLOCK, &stop, &before);
  tcsetattr(STDIN_FILENO, TCSANOW, &g_before);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

void OnEnding(int signal) {
  Leave();
  // The handler was for one signal only: this one ends the command, as its parent expects.
  raise(signal);
}
void OnStop(int) { g_stop = 1; }
void OnChange(int) { g_changed = 1; }

void Handle(int signal, void (*handler)(int), int flags) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

void HandleAll() {
  for (const int signal : kEnding) Handle(signal, OnEnding, static_cast<int>(SA_RESETHAND));
  Handle(SIGTSTP, OnStop, 0);
  Handle(SIGWINCH, OnChange, 0);
  Handle(SIGCONT, OnChange, 0);
}

// Those that are handled while Wait waits, and at no other time: none is missed.
sigset_t Awaited() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTSTP, SIGWINCH, SIGCONT}) sigaddset(&signals, signal);
  return signals;
}

// Stops as the user wanted, and goes on when told to.
void Stop() {
  g_stop = 0;
  Leave();
  Handle(SIGTSTP, SIG_DFL, 0);
  raise(SIGTSTP);
  const sigset_t awaited = Awaited();
  sigprocmask(SIG_UNBLOCK, &awaited, nullptr);  // here it stops
  sigprocmask(SIG_BLOCK, &awaited, nullptr);
  Handle(SIGTSTP, OnStop, 0);
  Enter();
}

// The first key, taken off what was typed.
Key TakeKey(std::string* pending) {
  static constexpr struct {
    absl::string_view typed;
    Key key;
  } kKeys[] = {
      {"q", Key::kQuit},         {"Q", Key::kQuit},           {"\x04", Key::kQuit},
      {"\x1b[D", Key::kLeft},    {"\x1bOD", Key::kLeft},      {"<", Key::kLeft},
      {"\x1b[C", Key::kRight},   {"\x1bOC", Key::kRight},     {">", Key::kRight},
      {"\x1b[A", Key::kUp},      {"\x1bOA", Key::kUp},        {"k", Key::kUp},
      {"\x1b[B", Key::kDown},    {"\x1bOB", Key::kDown},      {"j", Key::kDown},
      {"\x1b[5~", Key::kPageUp}, {"\x1b[6~", Key::kPageDown}, {"r", Key::kReverse},
  };
  for (const auto& [text, key] : kKeys) {
    if (pending->compare(0, text.size(), text.data(), text.size()) != 0) continue;
    pending->erase(0, text.size());
    return key;
  }
  // An unknown sequence goes as a whole.
  pending->erase(0, pending->front() == '\x1b' ? pending->size() : 1);
  return Key::kOther;
}

}  // namespace

Terminal::Terminal() {
  tcgetattr(STDIN_FILENO, &g_before);
  const sigset_t awaited = Awaited();
  sigprocmask(SIG_BLOCK, &awaited, &mask_before_);
  HandleAll();
  Enter();
}

Terminal::~Terminal() {
  Leave();
  for (const int signal : kEnding) Handle(signal, SIG_DFL, 0);
  for (const int signal : {SIGTSTP, SIGWINCH, SIGCONT}) Handle(signal, SIG_DFL, 0);
  sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Terminal::Size(int* width, int* height) const {
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
  *width = known ? size.ws_col : 80;
  *height = known ? size.ws_row : 24;
}

void Terminal::Show(const std::vector<std::string>& lines) {
  std::string text = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) text += "\r\n";
    text += lines[i] + "\x1b[K";
  }
  text += "\x1b[J";
  WriteOut(text.data(), text.size());
}

Key Terminal::Wait(int milliseconds) {
  if (!pending_.empty()) return TakeKey(&pending_);
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  const timespec longest = {milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  const int ready = ppoll(&input, 1, &longest, &mask_before_);
  const int error = errno;
  if (g_stop != 0) {
    Stop();
    return Key::kOther;
  }
  if (g_changed != 0) {
    g_changed = 0;
    return Key::kOther;
  }
  if (ready < 0) return error == EINTR ? Key::kOther : Key::kQuit;
  if (ready == 0) return Key::kNone;
  char typed[32];
  const ssize_t got = read(STDIN_FILENO, typed, sizeof typed);
  if (got <= 0) return got < 0 && errno == EINTR ? Key::kOther : Key::kQuit;
  pending_.assign(typed, static_cast<size_t>(got));
  return TakeKey(&pending_);
}

}  // namespace bartizan::cli
