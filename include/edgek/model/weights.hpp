#ifndef EDGEK_MODEL_WEIGHTS_HPP_
#define EDGEK_MODEL_WEIGHTS_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/core/format.hpp"
#include "edgek/core/matrix_view.hpp"
#include "edgek/model/config.hpp"
#include "edgek/model/error.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/runtime/context.hpp"

namespace edgek {

/// A matrix in the model file, and how a ledger calls it.
struct NamedMatrix {
  MatrixView view;
  OpLabel label;
};

/// One decoder layer. Norms are copies (a file need not align them); matrices lie in the file.
struct LayerWeights {
  const float* attention_norm = nullptr;  // (embedding)
  const float* ffn_norm = nullptr;        // (embedding)
  NamedMatrix q;                          // (q_width, embedding)
  NamedMatrix k, v;                       // (kv_width, embedding)
  NamedMatrix attention_output;           // (embedding, q_width)
  NamedMatrix gate, up;                   // (feed_forward, embedding)
  NamedMatrix down;                       // (embedding, feed_forward)
};

/// Every tensor of a llama model, each checked: it is there, its shape is what the config says, its
/// format has kernels, and there is none besides. Views into the file's bytes, which must outlive it.
class Weights {
 public:
  /// Throws edgek::Error.
  Weights(const GgufReader& gguf, const ModelConfig& config) : gguf_(&gguf) {
    embedding_ = matrix("token_embd.weight", config.vocabulary, config.embedding, -1);
    const bool tied = gguf.find_tensor("output.weight") == nullptr;
    output_ = tied ? embedding_ : matrix("output.weight", config.vocabulary, config.embedding, -1);
    output_norm_ = vector("output_norm.weight", config.embedding);
    if (gguf.find_tensor("rope_freqs.weight")) read_rope_factors(config.rope_pairs);
    for (std::size_t i = 0; i < config.layers; ++i) layers_.push_back(layer(config, i));
    refuse_others();
    gguf_ = nullptr;
  }
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  const NamedMatrix& embedding() const noexcept { return embedding_; }  ///< (vocabulary, embedding)
  const NamedMatrix& output() const noexcept { return output_; }        ///< the same, and the same one if tied
  const float* output_norm() const noexcept { return output_norm_; }    ///< (embedding)
  const std::vector<LayerWeights>& layers() const noexcept { return layers_; }
  /// (rope_pairs) divisors of the rotation's frequencies; nullptr: none.
  const float* rope_factors() const noexcept { return rope_factors_; }

 private:
  LayerWeights layer(const ModelConfig& c, std::size_t index) {
    const std::string prefix = "blk." + std::to_string(index) + ".";
    const int number = static_cast<int>(index);
    LayerWeights w;
    w.attention_norm = vector(prefix + "attn_norm.weight", c.embedding);
    w.ffn_norm = vector(prefix + "ffn_norm.weight", c.embedding);
    w.q = matrix(prefix + "attn_q.weight", c.q_width(), c.embedding, number);
    w.k = matrix(prefix + "attn_k.weight", c.kv_width(), c.embedding, number);
    w.v = matrix(prefix + "attn_v.weight", c.kv_width(), c.embedding, number);
    w.attention_output = matrix(prefix + "attn_output.weight", c.embedding, c.q_width(), number);
    w.gate = matrix(prefix + "ffn_gate.weight", c.feed_forward, c.embedding, number);
    w.up = matrix(prefix + "ffn_up.weight", c.feed_forward, c.embedding, number);
    w.down = matrix(prefix + "ffn_down.weight", c.embedding, c.feed_forward, number);
    return w;
  }

  const GgufTensor& tensor(const std::string& name, std::uint64_t rows, std::uint64_t cols) {
    const GgufTensor& t = gguf_->require_tensor(name);
    if (t.cols() != cols || t.rows() != rows || t.dim[2] != 1 || t.dim[3] != 1)
      throw gguf_->error(GgufReader::tensor_field(name), "shape " + shape_of(t),
                         std::to_string(cols) + " x " + std::to_string(rows) + " by the model's metadata");
    used_.push_back(t.name);
    return t;
  }

  static std::string shape_of(const GgufTensor& t) {
    std::string out = std::to_string(t.dim[0]);
    for (std::size_t i = 1; i < std::max<std::size_t>(t.dim_count, 2); ++i) out += " x " + std::to_string(t.dim[i]);
    return out;
  }

  NamedMatrix matrix(const std::string& name, std::size_t rows, std::size_t cols, int layer_number) {
    const GgufTensor& t = tensor(name, rows, cols);
    const FormatInfo* format = find_format_by_gguf_id(t.type);
    if (format == nullptr)
      throw gguf_->error(GgufReader::tensor_field(name),
                         "type " + std::string(find_gguf_tensor_type(t.type)->name), "one of " + format_names());
    return {MatrixView{format->format, t.data.data(), rows, cols}, OpLabel{keep(name), layer_number}};
  }

  static std::string format_names() {
    std::string out;
    for (const FormatInfo& f : kFormats) out += (out.empty() ? "" : ", ") + std::string(f.name);
    return out;
  }

  const float* vector(const std::string& name, std::size_t floats) {
    const GgufTensor& t = tensor(name, 1, floats);
    if (t.type != info(Format::kF32).gguf_id)
      throw gguf_->error(GgufReader::tensor_field(name),
                         "type " + std::string(find_gguf_tensor_type(t.type)->name), "F32");
    std::vector<float>& copy = vectors_.emplace_back(floats);
    std::memcpy(copy.data(), t.data.data(), floats * sizeof(float));
    return copy.data();
  }

  void read_rope_factors(std::size_t pairs) {
    rope_factors_ = vector("rope_freqs.weight", pairs);
    for (std::size_t i = 0; i < pairs; ++i)
      if (!(rope_factors_[i] > 0.0f && rope_factors_[i] <= std::numeric_limits<float>::max()))
        throw gguf_->error(GgufReader::tensor_field("rope_freqs.weight"), std::to_string(rope_factors_[i]),
                           "positive and finite");
  }

  // A tensor that nobody reads is a part of the model that would silently be left out: a bias, say.
  void refuse_others() {
    std::sort(used_.begin(), used_.end());
    for (const GgufTensor& t : gguf_->tensors())
      if (!std::binary_search(used_.begin(), used_.end(), t.name))
        throw gguf_->error(GgufReader::tensor_field(t.name), "unknown", "no part of a llama model that edgek runs");
  }

  const char* keep(const std::string& name) { return names_.emplace_back(name).c_str(); }

  const GgufReader* gguf_;  // while constructing
  std::deque<std::string> names_;
  std::deque<std::vector<float>> vectors_;
  std::vector<std::string_view> used_;
  NamedMatrix embedding_, output_;
  const float* output_norm_ = nullptr;
  const float* rope_factors_ = nullptr;
  std::vector<LayerWeights> layers_;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_WEIGHTS_HPP_
