#ifndef EDGEK_MEASURE_MACHINE_HPP_
#define EDGEK_MEASURE_MACHINE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace edgek {

/// What a report says about the computer. Read from Linux's /proc and /sys; a fact that is not there
/// stays empty or 0.
struct Machine {
  std::string cpu;                 ///< as the CPU calls itself
  std::string kernel;              ///< release of the operating system's kernel
  std::size_t cores = 0;           ///< logical CPUs that this process may see
  std::string governor;            ///< cpufreq governor of CPU 0; "not reported" in most virtual machines
  std::uint64_t memory_bytes = 0;  ///< installed
  std::uint64_t l1d_bytes = 0, l2_bytes = 0, l3_bytes = 0;  ///< one instance of each, as CPU 0 sees it
};

/// Memory of this process, in bytes.
struct MemoryUse {
  std::uint64_t peak = 0;  ///< largest resident set so far
  std::uint64_t now = 0;   ///< resident set
};

namespace detail {

/// The start of a small text file; "" when it cannot be read.
inline std::string read_text(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return {};
  char buffer[8192];
  const std::size_t length = std::fread(buffer, 1, sizeof buffer, file);
  std::fclose(file);
  return std::string(buffer, length);
}

/// What follows "key<spaces>:<spaces>" on its line; "" when there is no such line.
inline std::string field_of(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && line.starts_with(key) &&
        line.substr(0, colon).find_last_not_of(" \t") == key.size() - 1) {
      const std::size_t value = line.find_first_not_of(" \t", colon + 1);
      return value == std::string_view::npos ? std::string() : std::string(line.substr(value));
    }
    at = end + 1;
  }
  return {};
}

/// "32768K", "1 M" or "123 kB" in bytes; 0 for anything else.
inline std::uint64_t parse_size(const std::string& text) noexcept {
  char* rest = nullptr;
  const std::uint64_t value = std::strtoull(text.c_str(), &rest, 10);
  while (*rest == ' ') ++rest;
  if (*rest == 'K' || *rest == 'k') return value << 10;
  if (*rest == 'M' || *rest == 'm') return value << 20;
  return value;
}

inline std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

inline void read_caches(const std::string& root, Machine& m) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder = root + "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::string level = first_line(read_text(folder + "level"));
    const std::uint64_t bytes = parse_size(read_text(folder + "size"));
    if (level == "1" && first_line(read_text(folder + "type")) != "Instruction") m.l1d_bytes = bytes;
    if (level == "2") m.l2_bytes = bytes;
    if (level == "3") m.l3_bytes = bytes;
  }
}

/// Arm's kernels give numbers instead of a name: the device tree's board name helps more.
inline std::string cpu_name(const std::string& root) {
  const std::string text = read_text(root + "/proc/cpuinfo");
  std::string name = field_of(text, "model name");
  if (!name.empty()) return name;
  const std::string board = read_text(root + "/proc/device-tree/model");
  name = std::string(board.c_str());
  const std::string part = field_of(text, "CPU part");
  if (!part.empty()) name += (name.empty() ? "CPU part " : ", CPU part ") + part;
  return name.empty() ? "unknown" : name;
}

}  // namespace detail

/// Describes this computer. `root` is put before every path, so that a recorded tree can be read.
inline Machine describe_machine(const std::string& root = "") {
  Machine m;
  m.cpu = detail::cpu_name(root);
  m.kernel = detail::first_line(detail::read_text(root + "/proc/sys/kernel/osrelease"));
  m.cores = std::thread::hardware_concurrency();
  m.governor =
      detail::first_line(detail::read_text(root + "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  if (m.governor.empty()) m.governor = "not reported";
  m.memory_bytes = detail::parse_size(detail::field_of(detail::read_text(root + "/proc/meminfo"), "MemTotal"));
  detail::read_caches(root, m);
  return m;
}

/// Resident memory of this process so far.
inline MemoryUse memory_use(const std::string& root = "") {
  const std::string status = detail::read_text(root + "/proc/self/status");
  return {detail::parse_size(detail::field_of(status, "VmHWM")), detail::parse_size(detail::field_of(status, "VmRSS"))};
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_MACHINE_HPP_
