#ifndef EDGEK_MEASURE_PAGES_HPP_
#define EDGEK_MEASURE_PAGES_HPP_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <span>
#include <string>

namespace edgek {

/// What some of a process's memory got from the system, in bytes.
struct PageUse {
  std::uint64_t mapped = 0;    ///< addresses
  std::uint64_t resident = 0;  ///< in memory, and in this process's page tables
  std::uint64_t huge = 0;      ///< of that, in huge pages (2 MB on x86)
};

/// A file that is read where it is mapped, and all that the process has allocated.
struct PageReport {
  PageUse file, allocated;
  std::string policy;  ///< the system's for huge pages ("always", "madvise" or "never"); "": it does not say

  bool known() const noexcept { return file.mapped + allocated.mapped != 0; }
};

namespace detail {

/// The word that a file of /sys/kernel/mm shows in brackets, "never" of "always madvise [never]"; "" without any.
inline std::string bracketed(const std::string& line) {
  const std::size_t open = line.find('['), close = line.find(']');
  return open == std::string::npos || close == std::string::npos || close < open
             ? std::string()
             : line.substr(open + 1, close - open - 1);
}

/// Adds a line of /proc/PID/smaps that says how much of an area is what.
inline void add_area_line(const char* line, PageUse& use) noexcept {
  unsigned long long kilobytes = 0;
  char name[32];
  if (std::sscanf(line, "%31[^:]: %llu kB", name, &kilobytes) != 2) return;
  const std::uint64_t bytes = std::uint64_t{kilobytes} << 10;
  if (std::strcmp(name, "Rss") == 0) use.resident += bytes;
  for (const char* huge : {"AnonHugePages", "FilePmdMapped", "ShmemPmdMapped"})
    if (std::strcmp(name, huge) == 0) use.huge += bytes;
}

}  // namespace detail

/// What this process got, for `file`, memory that a file is mapped to, and for all that is no file's.
/// Source: /proc/self/smaps (Linux: Documentation/filesystems/proc.rst). `root` is put before every path.
inline PageReport page_report(std::span<const std::byte> file, const std::string& root = "") {
  PageReport report;
  const auto begin = reinterpret_cast<std::uintptr_t>(file.data());
  std::ifstream areas(root + "/proc/self/smaps");
  PageUse* use = nullptr;  // of the area that the lines are about
  for (std::string line; std::getline(areas, line);) {
    unsigned long long from = 0, to = 0, inode = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %*s %*s %*s %llu", &from, &to, &inode) == 3) {
      use = from < begin + file.size() && begin < to ? &report.file : inode == 0 ? &report.allocated : nullptr;
      if (use != nullptr) use->mapped += to - from;
    } else if (use != nullptr) {
      detail::add_area_line(line.c_str(), *use);
    }
  }
  std::ifstream policy(root + "/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  if (std::getline(policy, line)) report.policy = detail::bracketed(line);
  return report;
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_PAGES_HPP_
