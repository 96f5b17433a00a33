#ifndef EDGEK_MODEL_DECODE_ORDER_HPP_
#define EDGEK_MODEL_DECODE_ORDER_HPP_

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "edgek/model/model.hpp"
#include "edgek/roofline/predict.hpp"

namespace edgek {

/// The matrices that one token reads, in the order in which it reads them; not the embedding, of which a
/// token reads one row.
inline std::vector<NamedMatrix> matrices_in_decode_order(const Model& model) {
  std::vector<NamedMatrix> out;
  for (const LayerWeights& w : model.weights().layers())
    out.insert(out.end(), {w.q, w.k, w.v, w.attention_output, w.gate, w.up, w.down});
  out.push_back(model.weights().output());
  return out;
}

/// The formats among them, in order of first use.
inline std::vector<Format> formats_of(const Model& model) {
  std::vector<Format> formats;
  for (const NamedMatrix& m : matrices_in_decode_order(model))
    if (std::find(formats.begin(), formats.end(), m.view.format) == formats.end()) formats.push_back(m.view.format);
  return formats;
}

/// Their bytes: what the replay roof reads.
inline std::vector<std::span<const std::byte>> spans_in_decode_order(const Model& model) {
  std::vector<std::span<const std::byte>> spans;
  for (const NamedMatrix& m : matrices_in_decode_order(model))
    spans.emplace_back(static_cast<const std::byte*>(m.view.data), m.view.bytes());
  return spans;
}

/// What one token reads of every tensor, for predictions.
inline std::vector<WeightUse> weight_uses(const Model& model) {
  std::vector<WeightUse> uses;
  for (const NamedMatrix& m : matrices_in_decode_order(model))
    uses.push_back({m.view.format, m.view.rows, m.view.cols, true});
  const MatrixView& embedding = model.weights().embedding().view;
  uses.push_back({embedding.format, 1, embedding.cols, true});
  for (std::size_t norm = 0; norm < 2 * model.config().layers + 1; ++norm)
    uses.push_back({Format::kF32, 1, model.config().embedding, false});
  return uses;
}

/// Bytes of keys and values that a token at position `context` reads and writes.
inline std::uint64_t kv_bytes_per_token(const Model& model, std::size_t context, std::size_t value_bytes) noexcept {
  return std::uint64_t{2} * model.config().layers * model.config().kv_width() * value_bytes * (context + 1);
}

}  // namespace edgek

#endif  // EDGEK_MODEL_DECODE_ORDER_HPP_
