#ifndef EDGEK_MEASURE_SENSORS_HPP_
#define EDGEK_MEASURE_SENSORS_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

#include <dirent.h>

#include "edgek/measure/machine.hpp"

// Temperatures and clocks as Linux shows them (Documentation/driver-api/thermal/sysfs-api.rst and
// admin-guide/pm/cpufreq.rst of the kernel). `root` is put before every path, so that a recorded tree can be read.

namespace edgek {

/// A temperature sensor of the machine, as its driver calls it ("cpu-thermal", "x86_pkg_temp").
struct Temperature {
  std::string zone;
  double celsius = 0;
};

/// What the CPUs run at, as cpufreq says; 0 where it says nothing, as in most virtual machines.
struct CpuClock {
  double mhz = 0;      ///< mean of all CPUs, now
  double max_mhz = 0;  ///< highest that one of them may reach
};

namespace detail {

/// Names in a folder that begin with `prefix`, in natural order: zone2 before zone10. None where there is no folder.
inline std::vector<std::string> names_in(const std::string& folder, const std::string& prefix = "") {
  std::vector<std::string> names;
  DIR* dir = ::opendir(folder.c_str());
  if (dir == nullptr) return names;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = entry->d_name;
    if (name[0] != '.' && name.starts_with(prefix)) names.push_back(name);
  }
  ::closedir(dir);
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
  });
  return names;
}

/// A file's number; false where there is none.
inline bool read_number(const std::string& path, double& value) {
  const std::string text = read_text(path);
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return end != text.c_str();
}

inline std::string read_line(const std::string& path) { return first_line(read_text(path)); }

}  // namespace detail

/// All zones that can be read now.
inline std::vector<Temperature> read_temperatures(const std::string& root = "") {
  const std::string folder = root + "/sys/class/thermal/";
  std::vector<Temperature> out;
  for (const std::string& zone : detail::names_in(folder, "thermal_zone")) {
    double millidegrees = 0;
    if (!detail::read_number(folder + zone + "/temp", millidegrees)) continue;
    const std::string type = detail::read_line(folder + zone + "/type");
    out.push_back({type.empty() ? zone : type, millidegrees * 1e-3});
  }
  return out;
}

/// The CPUs' clock now.
inline CpuClock read_cpu_clock(const std::string& root = "") {
  const std::string folder = root + "/sys/devices/system/cpu/";
  CpuClock clock;
  double count = 0;
  for (const std::string& cpu : detail::names_in(folder, "cpu")) {
    double now = 0, max = 0;
    if (!detail::read_number(folder + cpu + "/cpufreq/scaling_cur_freq", now)) continue;
    detail::read_number(folder + cpu + "/cpufreq/cpuinfo_max_freq", max);
    clock.mhz += now * 1e-3;
    clock.max_mhz = std::max(clock.max_mhz, max * 1e-3);
    ++count;
  }
  if (count > 0) clock.mhz /= count;
  return clock;
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_SENSORS_HPP_
