#include "machine_cache.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

#include "common.hpp"
#include "edgek/measure/provenance.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek::cli {

namespace {

using Json = MachineCache::Json;

constexpr std::size_t kMostBytes = 1 << 20, kMostFindings = 64;

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

/// Beside the file and renamed: whoever reads meanwhile sees the old one, or the new one.
void replace_file(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const std::string fresh = path + "." + std::to_string(::getpid());
  write_file(fresh, text);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) std::remove(fresh.c_str());
}

bool is_recent(const Json& finding) {
  if (!finding.is_object() || !finding.contains("measured_s")) return false;
  const Json& measured = finding["measured_s"];
  if (!measured.is_number_unsigned()) return false;
  // wraps for the future: old enough
  const std::uint64_t age = static_cast<std::uint64_t>(seconds_now()) - measured.get<std::uint64_t>();
  return age <= static_cast<std::uint64_t>(MachineCache::kLastsSeconds);
}

bool has_members(const Json& finding, const Json& wanted) {
  return std::ranges::all_of(wanted.items(), [&](const auto& member) {
    return finding.contains(member.key()) && finding[member.key()] == member.value();
  });
}

}  // namespace

void add_cache_options(CLI::App& command, CacheOptions& options) {
  command.add_flag("--fresh", options.fresh, "Find out anew what the cache holds about this machine");
  command.add_flag("--no-cache", options.off, "Neither read nor write that cache");
}

MachineCache::MachineCache(const Machine& machine, std::string_view target, std::string_view name,
                           std::string_view subject)
    : machine_(machine),
      target_(target),
      schema_("edgek." + std::string(name) + "/1"),
      subject_(subject),
      file_(cache_folder()) {
  if (!file_.empty()) file_ += "/" + std::string(name) + ".json";
}

Json MachineCache::key_of(std::size_t threads) const {
  return {{"cpu", machine_.cpu}, {"kernel", machine_.kernel}, {"version", EDGEK_VERSION_STRING}, {"target", target_},
          {"memory_bytes", machine_.memory_bytes}, {"threads", threads}, {"subject", subject_}};
}

/// All that is recent, of whatever machine.
std::vector<Json> MachineCache::load() const {
  std::vector<Json> findings;
  const Json json = Json::parse(text_of_file(file_), nullptr, false);
  if (!json.is_object() || json.value("schema", Json()) != schema_ || !json.contains("findings")) return findings;
  for (const Json& finding : json["findings"])
    if (findings.size() < kMostFindings && is_recent(finding)) findings.push_back(finding);
  return findings;
}

std::vector<MachineCache::Finding> MachineCache::find(std::size_t threads) const {
  std::vector<Finding> found;
  const Json key = key_of(threads);
  for (const Json& finding : load())
    if (has_members(finding, key)) found.push_back({finding["measured_s"].get<std::int64_t>(), finding});
  return found;
}

void MachineCache::store(std::size_t threads, const Finding& finding) const noexcept {
  if (file_.empty()) return;
  try {
    const Json key = key_of(threads);
    Json fresh = key;
    fresh["measured_s"] = static_cast<std::uint64_t>(finding.measured_s);
    fresh.update(finding.data);
    Json json = {{"schema", schema_}, {"findings", Json::array({fresh})}};
    for (const Json& other : load())
      if (!has_members(other, key)) json["findings"].push_back(other);
    replace_file(file_, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } catch (const std::exception&) {
    // A cache that cannot be written is no reason to fail.
  }
}

std::uint64_t count_in(const Json& object, const char* name) {
  const Json& value = object.at(name);  // a negative or fractional number must not be converted
  if (!value.is_number_unsigned()) throw std::invalid_argument(name);
  return value.get<std::uint64_t>();
}

ReadLoop read_loop_in(const Json& object) {
  const ReadLoop loop{count_in(object, "streams"), count_in(object, "prefetch")};
  if (std::ranges::find(kReadLoops, loop) == kReadLoops.end()) throw std::invalid_argument("loop");
  return loop;
}

}  // namespace edgek::cli
