#ifndef EDGEK_EXAMPLES_CLI_MACHINE_CACHE_HPP_
#define EDGEK_EXAMPLES_CLI_MACHINE_CACHE_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "edgek/measure/machine.hpp"
#include "edgek/roofline/read_loops.hpp"

namespace edgek::cli {

/// What of the cache is used.
struct CacheOptions {
  bool fresh = false, off = false;
  bool reads() const noexcept { return !fresh && !off; }
};

/// --fresh, --no-cache.
void add_cache_options(CLI::App& command, CacheOptions& options);

/// Findings about this machine that hold for a day, in a file of the user's cache folder. The file is input like any
/// other: what does not fit this machine, kernel, kernel set, number of threads and version, or is older than a day,
/// is not there. No call fails: without a folder nothing is found and nothing is kept.
class MachineCache {
 public:
  using Json = nlohmann::ordered_json;
  static constexpr std::int64_t kLastsSeconds = 24 * 60 * 60;

  /// One finding: `data` has the members that were stored, as anybody may have written them.
  struct Finding {
    std::int64_t measured_s = 0;  ///< since 1970
    Json data;
  };

  /// name: of the file, without its ending. subject: what else the findings are about, or "".
  MachineCache(const Machine& machine, std::string_view target, std::string_view name, std::string_view subject = "");

  const std::string& file() const noexcept { return file_; }  ///< "" where there is no home
  std::vector<Finding> find(std::size_t threads) const;
  /// Replaces what there was for these threads. data: an object.
  void store(std::size_t threads, const Finding& finding) const noexcept;

 private:
  Json key_of(std::size_t threads) const;
  std::vector<Json> load() const;

  const Machine machine_;
  std::string target_, schema_, subject_, file_;
};

/// A member that counts something. Throws where it is absent, negative or no whole number.
std::uint64_t count_in(const MachineCache::Json& object, const char* name);

/// The members "streams" and "prefetch". Throws where no loop of the battery has them.
ReadLoop read_loop_in(const MachineCache::Json& object);

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_MACHINE_CACHE_HPP_
