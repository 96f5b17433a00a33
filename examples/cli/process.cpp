#include "process.hpp"

#include <atomic>
#include <csignal>
#include <ctime>
#include <string_view>

#include "edgek/measure/clock.hpp"

namespace edgek::cli {

namespace {

std::uint64_t g_start_ns = 0;
std::string g_command_line;
std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

extern "C" void on_interrupt(int signal) {
  if (g_interrupted.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

// Without SA_RESTART: a read that waits for the terminal ends too.
void handle_interrupts(void (*handler)(int)) noexcept {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(SIGINT, &action, nullptr);
}

std::string quoted(std::string_view word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,+-@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

// Between exec and main the loader works alone and does not wait, so the CPU time used until now is the
// time since the start; /proc/self/stat would say it in steps of 10 ms only.
void mark_process_start() noexcept {
  timespec used{};
  g_start_ns = now_ns();
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return;
  g_start_ns -= static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(used.tv_nsec);
}

std::uint64_t process_start_ns() noexcept { return g_start_ns; }

void remember_command(int argc, char** argv) {
  g_command_line = "edgek";
  for (int i = 1; i < argc; ++i) g_command_line += " " + quoted(argv[i]);
}

const std::string& command_line() noexcept { return g_command_line; }

InterruptGuard::InterruptGuard() noexcept {
  g_interrupted = false;
  handle_interrupts(on_interrupt);
}
InterruptGuard::~InterruptGuard() { handle_interrupts(SIG_DFL); }
bool InterruptGuard::interrupted() noexcept { return g_interrupted; }
void InterruptGuard::clear() noexcept { g_interrupted = false; }

}  // namespace edgek::cli
