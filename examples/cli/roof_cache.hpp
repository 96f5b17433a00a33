#ifndef EDGEK_EXAMPLES_CLI_ROOF_CACHE_HPP_
#define EDGEK_EXAMPLES_CLI_ROOF_CACHE_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "edgek/measure/machine.hpp"
#include "edgek/roofline/probe.hpp"

namespace edgek::cli {

/// The battery of read loops as it once ran: for every level of the memory, nearest first, the loop that won.
struct Battery {
  std::int64_t measured_s = 0;  ///< since 1970
  std::vector<ReadRate> best;   ///< one for each of memory_levels()
};

/// Batteries of this machine, in a file of the user's cache folder. Which loop wins is the machine's and lasts; how
/// fast it is belongs to the moment: reports measure the winner anew, and save the other 15. The file is input like
/// any other: what does not fit this machine, kernel, kernel set, number of threads and version, or is older than a
/// day, is not there. No call fails: without a folder nothing is found and nothing is kept.
class RoofCache {
 public:
  static constexpr std::int64_t kLastsSeconds = 24 * 60 * 60;

  RoofCache(const Machine& machine, const std::string& target);

  const std::string& file() const noexcept { return file_; }  ///< "" where there is no home
  std::optional<Battery> find(std::size_t threads) const;
  void store(std::size_t threads, const Battery& battery) const noexcept;

 private:
  /// What a battery holds for; levels are compared besides.
  struct Key {
    std::string cpu, kernel, version, target;
    std::uint64_t memory_bytes = 0, threads = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Entry {
    Key key;
    Battery battery;
  };

  Key key_of(std::size_t threads) const;
  std::vector<Entry> load() const;
  bool fits(const Entry& entry, std::size_t threads) const;
  static nlohmann::ordered_json to_json(const Entry& entry);
  static Entry entry_of(const nlohmann::ordered_json& json);

  Machine machine_;
  std::string target_, file_;
};

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_ROOF_CACHE_HPP_
