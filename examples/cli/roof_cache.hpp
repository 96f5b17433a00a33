#ifndef EDGEK_EXAMPLES_CLI_ROOF_CACHE_HPP_
#define EDGEK_EXAMPLES_CLI_ROOF_CACHE_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/measure/machine.hpp"
#include "edgek/roofline/probe.hpp"
#include "machine_cache.hpp"

namespace edgek::cli {

/// The battery of read loops as it once ran: for every level of the memory, nearest first, the loop that won.
struct Battery {
  std::int64_t measured_s = 0;  ///< since 1970
  std::vector<ReadRate> best;   ///< one for each of memory_levels()
};

/// Batteries of this machine. Which loop wins is the machine's and lasts; how fast it is belongs to the moment:
/// reports measure the winner anew, and save the other 15.
class RoofCache {
 public:
  RoofCache(const Machine& machine, std::string_view target) : machine_(machine), cache_(machine, target, "roofs") {}

  const std::string& file() const noexcept { return cache_.file(); }
  std::optional<Battery> find(std::size_t threads) const;
  void store(std::size_t threads, const Battery& battery) const;

 private:
  Machine machine_;
  MachineCache cache_;
};

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_ROOF_CACHE_HPP_
