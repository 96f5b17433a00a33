#ifndef EDGEK_ROOFLINE_ENERGY_HPP_
#define EDGEK_ROOFLINE_ENERGY_HPP_

#include <cstdint>
#include <cstdlib>
#include <string>

#include "edgek/measure/machine.hpp"

namespace edgek {

/// Energy of a stretch of work, or why it is not known.
struct Energy {
  double joules = 0;
  std::string source;  ///< "powercap package-0"; empty: not measured
  std::string why;     ///< the reason, when there is no source
};

/// Reads the energy counter of CPU package 0 (Linux powercap, RAPL), in microjoules, which wraps.
class EnergyMeter {
 public:
  /// `root` is put before every path.
  explicit EnergyMeter(const std::string& root = "") : zone_(root + "/sys/class/powercap/intel-rapl:0/") {
    start_ = counter();
  }

  /// Joules since construction.
  Energy read() const {
    Energy e;
    const std::string end = counter();
    const std::string range = detail::read_text(zone_ + "max_energy_range_uj");
    if (start_.empty() || end.empty()) {
      const bool there = !detail::read_text(zone_ + "name").empty();
      e.why = there ? "the powercap counter is readable by root only" : "this machine shows no powercap (RAPL) counter";
      return e;
    }
    const std::uint64_t a = number(start_), b = number(end);
    e.joules = 1e-6 * static_cast<double>(b >= a ? b - a : b + number(range) - a);
    e.source = "powercap " + detail::first_line(detail::read_text(zone_ + "name"));
    return e;
  }

 private:
  std::string counter() const { return detail::read_text(zone_ + "energy_uj"); }
  static std::uint64_t number(const std::string& text) noexcept { return std::strtoull(text.c_str(), nullptr, 10); }

  std::string zone_, start_;
};

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_ENERGY_HPP_
