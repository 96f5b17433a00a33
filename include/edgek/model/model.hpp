#ifndef EDGEK_MODEL_MODEL_HPP_
#define EDGEK_MODEL_MODEL_HPP_

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "edgek/model/config.hpp"
#include "edgek/model/error.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/model/weights.hpp"
#include "edgek/reference/rope.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek {

/// A GGUF model, checked and ready to run. Const after construction: any number of threads may share it,
/// each with a Decoder of its own. The weights are the file's mapped bytes; nothing is unpacked or copied but
/// the norms.
class Model {
 public:
  /// Maps a file. Throws edgek::Error.
  explicit Model(const std::string& path)
      : file_(map(path)), gguf_(file_.bytes(), path), config_(read_config(gguf_)), weights_(gguf_, config_),
        rope_frequencies_(frequencies(config_, weights_)) {}

  /// Takes bytes that outlive the model; `name` is what errors call them. Throws edgek::Error.
  Model(std::span<const std::byte> bytes, std::string name)
      : gguf_(bytes, std::move(name)), config_(read_config(gguf_)), weights_(gguf_, config_),
        rope_frequencies_(frequencies(config_, weights_)) {}

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const GgufReader& gguf() const noexcept { return gguf_; }
  const ModelConfig& config() const noexcept { return config_; }
  const Weights& weights() const noexcept { return weights_; }
  /// (rope_pairs) radians per position.
  std::span<const double> rope_frequencies() const noexcept { return rope_frequencies_; }
  /// The mapping, where there is one: to ask for its pages before the first token does.
  const MappedFile& file() const noexcept { return file_; }

  /// Bytes of weights that one token reads: all matrices and norms, and one row of the embedding.
  std::size_t bytes_per_token() const noexcept {
    const std::size_t embedding = config_.embedding;
    std::size_t bytes = weights_.embedding().view.row_bytes() + weights_.output().view.bytes();
    bytes += embedding * sizeof(float);
    for (const LayerWeights& w : weights_.layers()) {
      for (const NamedMatrix* m : {&w.q, &w.k, &w.v, &w.attention_output, &w.gate, &w.up, &w.down})
        bytes += m->view.bytes();
      bytes += 2 * embedding * sizeof(float);
    }
    return bytes;
  }

 private:
  static MappedFile map(const std::string& path) {
    MappedFile file;
    const int error = file.open(path.c_str());
    if (error != 0) throw Error(path, "file", std::strerror(error), "needs a readable regular file");
    return file;
  }

  static std::vector<double> frequencies(const ModelConfig& config, const Weights& weights) {
    const ScopedFloatControl float_control;
    std::vector<double> out(config.rope_pairs);
    const reference::RopeParameters parameters{.pairs = config.rope_pairs,
                                               .base = config.rope_base,
                                               .position_scale = config.rope_scale,
                                               .divisors = weights.rope_factors()};
    reference::rope_frequencies(parameters, out.data());
    return out;
  }

  MappedFile file_;
  GgufReader gguf_;
  ModelConfig config_;
  Weights weights_;
  std::vector<double> rope_frequencies_;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_MODEL_HPP_
