#ifndef EDGEK_EXAMPLES_CLI_TUNING_CACHE_HPP_
#define EDGEK_EXAMPLES_CLI_TUNING_CACHE_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "edgek/measure/machine.hpp"
#include "edgek/model/kv_cache.hpp"
#include "edgek/model/model.hpp"
#include "edgek/runtime/context.hpp"
#include "machine_cache.hpp"

namespace edgek::cli {

/// What tune_streams() and tune_attention() found.
struct Tuned {
  std::int64_t measured_s = 0;  ///< since 1970
  StreamTuning tuning;          ///< the formats of the model; others as usual
};

/// How this machine reads the matrices of models of one shape, and such keys and values, fastest.
class TuningCache {
 public:
  TuningCache(const Machine& machine, std::string_view target, const Model& model, KvFormat kv, bool exact);

  std::optional<Tuned> find(std::size_t threads) const;
  void store(std::size_t threads, const Tuned& tuned) const;

 private:
  const Model& model_;
  MachineCache cache_;
};

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_TUNING_CACHE_HPP_
