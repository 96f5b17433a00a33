#ifndef EDGEK_ROOFLINE_ENERGY_HPP_
#define EDGEK_ROOFLINE_ENERGY_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "edgek/measure/clock.hpp"
#include "edgek/measure/sensors.hpp"

// Energy as Linux shows it (Documentation/power/powercap, hwmon/sysfs-interface.rst and ABI/testing/sysfs-class-power
// of the kernel).

namespace edgek {

/// Energy of a stretch of work, or why it is not known.
struct Energy {
  double joules = 0;
  std::string source;  ///< "powercap package-0"; empty: not measured
  std::string domain;  ///< what it is the energy of: "CPU package", "whole board", "whole machine"
  std::string why;     ///< the reason, when there is no source
};

namespace detail {

/// One file, or two whose product counts (volts and amperes), of microjoules or of power.
struct EnergySensor {
  std::string name;
  std::string file, times;
  double unit = 1e-6;   ///< joules, or watts, of one step of the file (or of the product)
  bool counts = false;  ///< energy so far, which wraps at `range` steps; else power now
  double range = 0;
};

/// Sensors that together are one source.
struct EnergySource {
  std::vector<EnergySensor> sensors;
  std::string domain;
};

inline bool read_sensor(const EnergySensor& s, double& value) {
  double factor = 1;
  if (!read_number(s.file, value) || (!s.times.empty() && !read_number(s.times, factor))) return false;
  value *= factor;
  return true;
}

/// RAPL's counters of all CPU packages. AMD's are there under the same name.
inline EnergySource powercap_source(const std::string& root) {
  const std::string folder = root + "/sys/class/powercap/";
  EnergySource source{{}, "CPU package"};
  for (const std::string& zone : names_in(folder, "intel-rapl:")) {
    const std::string name = read_line(folder + zone + "/name");
    if (!name.starts_with("package")) continue;  // a part of one, or a zone of another kind
    EnergySensor s{"powercap " + name, folder + zone + "/energy_uj", "", 1e-6, true, 0};
    read_number(folder + zone + "/max_energy_range_uj", s.range);
    source.sensors.push_back(s);
  }
  return source;
}

/// Counters of CPU sockets under hwmon (amd_energy): labels Esocket0, Esocket1.
inline EnergySource hwmon_counter_source(const std::string& root) {
  const std::string folder = root + "/sys/class/hwmon/";
  EnergySource source{{}, "CPU package"};
  for (const std::string& chip : names_in(folder, "hwmon")) {
    for (const std::string& file : names_in(folder + chip, "energy")) {
      if (!file.ends_with("_label")) continue;
      const std::string label = read_line(folder + chip + "/" + file);
      const std::string input = file.substr(0, file.size() - 5) + "input";
      if (label.starts_with("Esocket"))
        source.sensors.push_back({"hwmon " + read_line(folder + chip + "/name") + " " + label,
                                  folder + chip + "/" + input, "", 1e-6, true, 0});
    }
  }
  return source;
}

/// An INA monitor's channel: power if the chip computes it, else volts times amperes.
inline EnergySensor ina_channel(const std::string& chip, const std::string& number, const std::string& name) {
  double power = 0;
  if (read_number(chip + "power" + number + "_input", power))
    return {name, chip + "power" + number + "_input", "", 1e-6, false, 0};
  return {name, chip + "in" + number + "_input", chip + "curr" + number + "_input", 1e-6, false, 0};  // mV * mA
}

/// Texas Instruments' monitors on boards. Jetsons label the supply of the whole board VDD_IN (older ones POM_5V_IN); a
/// chip without labels has one channel.
inline EnergySource ina_source(const std::string& root) {
  const std::string folder = root + "/sys/class/hwmon/";
  for (const std::string& chip : names_in(folder, "hwmon")) {
    const std::string path = folder + chip + "/", driver = read_line(path + "name");
    if (!driver.starts_with("ina")) continue;
    for (const char* number : {"1", "2", "3"}) {
      const std::string label = read_line(path + "in" + number + "_label");
      if (label == "VDD_IN" || label == "POM_5V_IN" || label == "VIN_SYS_5V0")
        return {{ina_channel(path, number, "hwmon " + driver + " " + label)}, "whole board"};
    }
    double power = 0;
    if (read_number(path + "power1_input", power))
      return {{ina_channel(path, "1", "hwmon " + driver)}, "what the monitor's shunt feeds"};
  }
  return {};
}

/// Batteries that are being emptied: otherwise they do not feed the machine.
inline EnergySource battery_source(const std::string& root) {
  const std::string folder = root + "/sys/class/power_supply/";
  EnergySource source{{}, "whole machine"};
  for (const std::string& supply : names_in(folder)) {
    const std::string path = folder + supply + "/";
    if (read_line(path + "type") != "Battery" || read_line(path + "status") != "Discharging") continue;
    double power = 0;
    if (read_number(path + "power_now", power))
      source.sensors.push_back({"battery " + supply, path + "power_now", "", 1e-6, false, 0});
    else
      source.sensors.push_back({"battery " + supply, path + "voltage_now", path + "current_now", 1e-12, false, 0});
  }
  return source;
}

}  // namespace detail

/// Measures energy from its construction on, with the best source that this machine shows and this process may read:
/// counters of the CPU, then power of the board, then the battery. Power is sampled and summed as trapezoids.
class EnergyMeter {
 public:
  static constexpr std::uint64_t kSampleNs = 100'000'000;  ///< power is not read more often: a sensor on I2C takes 1 ms

  /// `root` is put before every path; `now` is a time by now_ns().
  explicit EnergyMeter(const std::string& root = "", std::uint64_t now = now_ns()) : last_ns_(now) {
    using Find = detail::EnergySource (*)(const std::string&);
    for (const Find find : {Find{detail::powercap_source}, Find{detail::hwmon_counter_source}, Find{detail::ina_source},
                            Find{detail::battery_source}}) {
      source_ = find(root);
      if (source_.sensors.empty()) continue;
      last_.assign(source_.sensors.size(), 0);
      if (read_all(last_)) return;
      why_ = source_.sensors.front().name + " is readable by root only";
    }
    source_ = {};
  }

  /// To be called now and then, after every token, say. Cheap: nothing is read more often than a sensor needs.
  void sample(std::uint64_t now = now_ns()) {
    if (!source_.sensors.empty() && !source_.sensors.front().counts && now - last_ns_ >= kSampleNs) add(now);
  }

  /// What happens from pause() to resume() is not counted.
  void pause(std::uint64_t now = now_ns()) {
    if (!source_.sensors.empty()) add(now);
  }
  void resume(std::uint64_t now = now_ns()) {
    if (source_.sensors.empty()) return;
    if (read_all(last_)) last_ns_ = now;
    else lose();
  }

  /// The energy since construction.
  Energy read(std::uint64_t now = now_ns()) {
    Energy e;
    if (!source_.sensors.empty()) add(now);
    if (source_.sensors.empty()) {
      e.why = why_;
      return e;
    }
    e.joules = joules_;
    e.domain = source_.domain;
    for (const detail::EnergySensor& s : source_.sensors) e.source += (e.source.empty() ? "" : " + ") + s.name;
    return e;
  }

 private:
  bool read_all(std::vector<double>& values) const {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!detail::read_sensor(source_.sensors[i], values[i])) return false;
    return true;
  }

  void lose() {
    why_ = source_.sensors.front().name + " could not be read any more";
    source_ = {};
  }

  void add(std::uint64_t now) {
    std::vector<double> values(last_.size(), 0);
    if (!read_all(values)) return lose();
    const double seconds = static_cast<double>(now - last_ns_) * 1e-9;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const detail::EnergySensor& s = source_.sensors[i];
      const double wrapped = values[i] < last_[i] ? s.range : 0;
      joules_ += s.unit * (s.counts ? values[i] + wrapped - last_[i] : seconds * (values[i] + last_[i]) / 2);
    }
    last_ = std::move(values);
    last_ns_ = now;
  }

  detail::EnergySource source_;
  std::vector<double> last_;  // of each sensor
  std::uint64_t last_ns_;
  double joules_ = 0;
  std::string why_ =
      "this machine shows no powercap (RAPL) counter, no hwmon sensor that edgek knows, no battery in use";
};

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_ENERGY_HPP_
