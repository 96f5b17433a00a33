#include "roof_cache.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace edgek::cli {

namespace {

ReadRate rate_in(const MachineCache::Json& level, std::size_t threads) {
  const ReadRate rate{threads, count_in(level, "footprint"), read_loop_in(level), level.at("gbps").get<double>()};
  if (!std::isfinite(rate.gbps) || rate.gbps <= 0) throw std::invalid_argument("gbps");
  return rate;
}

/// Throws where the finding is damaged.
Battery battery_in(const MachineCache::Finding& finding, std::size_t threads) {
  Battery battery{finding.measured_s, {}};
  for (const MachineCache::Json& level : finding.data.at("levels")) battery.best.push_back(rate_in(level, threads));
  return battery;
}

}  // namespace

std::optional<Battery> RoofCache::find(std::size_t threads) const {
  const std::vector<MemoryLevel> levels = memory_levels(machine_, threads);
  for (const MachineCache::Finding& finding : cache_.find(threads)) {
    try {
      Battery battery = battery_in(finding, threads);
      if (std::ranges::equal(battery.best, levels, {}, &ReadRate::footprint, &MemoryLevel::footprint)) return battery;
    } catch (const std::exception&) {
      // Damaged: as if it were not there.
    }
  }
  return std::nullopt;
}

void RoofCache::store(std::size_t threads, const Battery& battery) const {
  MachineCache::Json levels = MachineCache::Json::array();
  for (const ReadRate& r : battery.best)
    levels.push_back({{"footprint", r.footprint}, {"streams", r.loop.streams}, {"prefetch", r.loop.prefetch},
                      {"gbps", r.gbps}});
  cache_.store(threads, {battery.measured_s, {{"levels", levels}}});
}

}  // namespace edgek::cli
