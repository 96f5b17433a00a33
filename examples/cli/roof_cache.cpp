#include "roof_cache.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "common.hpp"
#include "edgek/measure/provenance.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "edgek.roofs/1";
constexpr std::size_t kMostBytes = 1 << 20, kMostEntries = 32;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// The folder that the scripts use too; "" where the environment names none.
std::string cache_folder() {
  if (const std::string own = environment("EDGEK_CACHE"); !own.empty()) return own;
  // Relative paths are to be ignored (XDG Base Directory Specification).
  if (const std::string xdg = environment("XDG_CACHE_HOME"); xdg.starts_with('/')) return xdg + "/edgek";
  const std::string home = environment("HOME");
  return home.empty() ? std::string() : home + "/.cache/edgek";
}

/// The file's text; "" where there is none that could be ours.
std::string text_of_file(const std::string& path) {
  MappedFile file;
  if (path.empty() || file.open(path.c_str()) != 0 || file.bytes().size() > kMostBytes) return {};
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

/// A member that counts something: a negative or fractional number must not be converted.
std::uint64_t count_in(const Json& object, const char* name) {
  const Json& value = object.at(name);
  if (!value.is_number_unsigned()) throw std::invalid_argument(name);
  return value.get<std::uint64_t>();
}

ReadRate rate_of(const Json& json, std::size_t threads) {
  ReadRate rate{threads, count_in(json, "footprint"), {count_in(json, "streams"), count_in(json, "prefetch")},
                json.at("gbps").get<double>()};
  const bool known = std::find(kReadLoops.begin(), kReadLoops.end(), rate.loop) != kReadLoops.end();
  if (!known) throw std::invalid_argument("loop");
  if (!std::isfinite(rate.gbps) || rate.gbps <= 0) throw std::invalid_argument("gbps");
  return rate;
}

/// Beside the file and renamed: whoever reads meanwhile sees the old one, or the new one.
void replace_file(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const std::string fresh = path + "." + std::to_string(::getpid());
  write_file(fresh, text);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) std::remove(fresh.c_str());
}

}  // namespace

RoofCache::RoofCache(const Machine& machine, const std::string& target)
    : machine_(machine), target_(target), file_(cache_folder()) {
  if (!file_.empty()) file_ += "/roofs.json";
}

RoofCache::Key RoofCache::key_of(std::size_t threads) const {
  return {machine_.cpu, machine_.kernel, EDGEK_VERSION_STRING, target_, machine_.memory_bytes, threads};
}

Json RoofCache::to_json(const Entry& e) {
  Json json = {{"cpu", e.key.cpu}, {"kernel", e.key.kernel}, {"version", e.key.version}, {"target", e.key.target},
               {"memory_bytes", e.key.memory_bytes}, {"threads", e.key.threads},
               {"measured_s", e.battery.measured_s}, {"levels", Json::array()}};
  for (const ReadRate& r : e.battery.best)
    json["levels"].push_back({{"footprint", r.footprint}, {"streams", r.loop.streams}, {"prefetch", r.loop.prefetch},
                              {"gbps", r.gbps}});
  return json;
}

RoofCache::Entry RoofCache::entry_of(const Json& json) {
  const auto text = [&](const char* name) { return json.at(name).get<std::string>(); };
  Entry entry{{text("cpu"), text("kernel"), text("version"), text("target"), count_in(json, "memory_bytes"),
               count_in(json, "threads")}, {}};
  const std::uint64_t measured = count_in(json, "measured_s");
  const auto age = static_cast<std::uint64_t>(seconds_now()) - measured;  // wraps for the future: old enough
  if (age > static_cast<std::uint64_t>(kLastsSeconds)) throw std::invalid_argument("measured_s");
  entry.battery.measured_s = static_cast<std::int64_t>(measured);
  for (const Json& level : json.at("levels"))
    entry.battery.best.push_back(rate_of(level, static_cast<std::size_t>(entry.key.threads)));
  return entry;
}

std::vector<RoofCache::Entry> RoofCache::load() const {
  std::vector<Entry> entries;
  const Json json = Json::parse(text_of_file(file_), nullptr, false);
  if (!json.is_object() || json.value("schema", Json()) != kSchema || !json.contains("batteries")) return entries;
  for (const Json& battery : json["batteries"]) {
    if (entries.size() == kMostEntries) break;
    try {
      entries.push_back(entry_of(battery));
    } catch (const std::exception&) {
      // Damaged, or too old: as if it were not there. The next battery writes the file without it.
    }
  }
  return entries;
}

bool RoofCache::fits(const Entry& entry, std::size_t threads) const {
  return entry.key == key_of(threads) &&
         std::ranges::equal(entry.battery.best, memory_levels(machine_, threads), {}, &ReadRate::footprint,
                            &MemoryLevel::footprint);
}

std::optional<Battery> RoofCache::find(std::size_t threads) const {
  for (Entry& entry : load())
    if (fits(entry, threads)) return std::move(entry.battery);
  return std::nullopt;
}

void RoofCache::store(std::size_t threads, const Battery& battery) const noexcept {
  if (file_.empty()) return;
  try {
    const Entry fresh{key_of(threads), battery};
    Json json = {{"schema", kSchema}, {"batteries", Json::array({to_json(fresh)})}};
    for (const Entry& entry : load())
      if (entry.key != fresh.key) json["batteries"].push_back(to_json(entry));
    replace_file(file_, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } catch (const std::exception&) {
    // A cache that cannot be written is no reason to fail.
  }
}

}  // namespace edgek::cli
