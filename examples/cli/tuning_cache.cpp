#include "tuning_cache.hpp"

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "edgek/model/decode_order.hpp"

namespace edgek::cli {

namespace {

/// "24 x Q4_K 2048 x 8192, ..., KV f16 32 x 64", in an order that is the same for any order of layers.
std::string shape_of(const Model& model, KvFormat kv, bool exact) {
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, std::size_t> count;
  for (const NamedMatrix& m : matrices_in_decode_order(model))
    ++count[{index_of(m.view.format), m.view.rows, m.view.cols}];
  std::string text = exact ? "exact" : "";
  for (const auto& [matrix, times] : count) {
    const auto& [format, rows, cols] = matrix;
    text += fmt::format("{}{} x {} {} x {}", text.empty() ? "" : ", ", times, kFormats[format].name, rows, cols);
  }
  const ModelConfig& c = model.config();
  return text + fmt::format(", KV {} {} x {}", to_string(kv), c.kv_heads, c.head_dim);
}

/// Throws where the finding is damaged.
Tuned tuned_in(const MachineCache::Finding& finding, const std::vector<Format>& formats) {
  Tuned tuned{finding.measured_s, {}};
  tuned.tuning.kv_ahead = finding.data.at("kv_ahead").get<bool>();
  const MachineCache::Json& read = finding.data.at("read");
  for (const Format format : formats) {
    const MachineCache::Json& pattern = read.at(std::string(info(format).name));
    if (pattern == "usual") continue;
    const ReadLoop loop = read_loop_in(pattern);
    tuned.tuning.read[index_of(format)] = {loop.streams, loop.prefetch};
  }
  return tuned;
}

}  // namespace

TuningCache::TuningCache(const Machine& machine, std::string_view target, const Model& model, KvFormat kv,
                         bool exact)
    : model_(model), cache_(machine, target, "tuning", shape_of(model, kv, exact)) {}

std::optional<Tuned> TuningCache::find(std::size_t threads) const {
  for (const MachineCache::Finding& finding : cache_.find(threads)) {
    try {
      return tuned_in(finding, formats_of(model_));
    } catch (const std::exception&) {
      // Damaged: as if it were not there.
    }
  }
  return std::nullopt;
}

void TuningCache::store(std::size_t threads, const Tuned& tuned) const {
  MachineCache::Json read = MachineCache::Json::object();
  for (const Format format : formats_of(model_)) {
    const ReadPattern& pattern = tuned.tuning.read[index_of(format)];
    MachineCache::Json& member = read[std::string(info(format).name)];
    if (pattern == ReadPattern()) member = "usual";
    else member = {{"streams", pattern.streams}, {"prefetch", pattern.prefetch}};
  }
  cache_.store(threads, {tuned.measured_s, {{"read", read}, {"kv_ahead", tuned.tuning.kv_ahead}}});
}

}  // namespace edgek::cli
