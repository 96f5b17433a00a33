#ifndef EDGEK_EXAMPLES_CLI_PROCESS_HPP_
#define EDGEK_EXAMPLES_CLI_PROCESS_HPP_

#include <cstdint>
#include <string>

namespace edgek::cli {

/// Remembers when the process started, on the clock of now_ns(). Called first thing in main().
void mark_process_start() noexcept;
std::uint64_t process_start_ns() noexcept;

/// Remembers how the program was called, and says it so that a shell understands it.
void remember_command(int argc, char** argv);
const std::string& command_line() noexcept;

/// While it lives, Ctrl-C sets a flag instead of ending the process; a second one ends it.
class InterruptGuard {
 public:
  InterruptGuard() noexcept;
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool interrupted() noexcept;
  static void clear() noexcept;
};

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_PROCESS_HPP_
