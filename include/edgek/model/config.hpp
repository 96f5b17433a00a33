#ifndef EDGEK_MODEL_CONFIG_HPP_
#define EDGEK_MODEL_CONFIG_HPP_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/model/error.hpp"
#include "edgek/model/gguf.hpp"

namespace edgek {

/// The numbers that shape a decoder of the llama family. Bounds below are far beyond any model of today;
/// they keep products of them within 64 bits.
struct ModelConfig {
  static constexpr std::size_t kMaxLayers = 1024;
  static constexpr std::size_t kMaxWidth = std::size_t{1} << 20;     ///< embedding and feed-forward length
  static constexpr std::size_t kMaxHeads = 4096;
  static constexpr std::size_t kMaxHeadDim = 512;                    ///< what a kernel's scratch holds
  static constexpr std::size_t kMaxContext = std::size_t{1} << 24;
  static constexpr std::size_t kMaxVocabulary = std::size_t{1} << 24;

  std::string architecture;
  std::size_t layers = 0;
  std::size_t embedding = 0;     ///< width of the residual stream
  std::size_t feed_forward = 0;
  std::size_t heads = 0;
  std::size_t kv_heads = 0;      ///< divides heads
  std::size_t head_dim = 0;      ///< of keys and of values
  std::size_t context = 0;       ///< positions the model was trained for
  std::size_t vocabulary = 0;    ///< rows of the embedding
  std::size_t rope_pairs = 0;    ///< rotated pairs of a head
  bool rope_adjacent = true;     ///< pairs are (2i, 2i + 1)
  float rope_base = 10000.0f;
  float rope_scale = 1.0f;       ///< positions are multiplied by it: 1 / factor of linear scaling
  float rms_epsilon = 0.0f;

  std::size_t q_width() const noexcept { return heads * head_dim; }
  std::size_t kv_width() const noexcept { return kv_heads * head_dim; }
};

namespace detail {

/// Reads the keys of one architecture and says which one is wrong.
class ConfigReader {
 public:
  explicit ConfigReader(const GgufReader& gguf) : gguf_(gguf) {}

  ModelConfig read() {
    refuse_shards();
    config_.architecture = gguf_.require_string("general.architecture");
    if (config_.architecture != "llama")
      throw gguf_.error("general.architecture", config_.architecture, "edgek runs llama models");
    refuse_experts();
    config_.layers = require("block_count", 1, ModelConfig::kMaxLayers);
    config_.embedding = require("embedding_length", 1, ModelConfig::kMaxWidth);
    config_.feed_forward = require("feed_forward_length", 1, ModelConfig::kMaxWidth);
    config_.context = require("context_length", 1, ModelConfig::kMaxContext);
    config_.rms_epsilon = gguf_.require_float(key("attention.layer_norm_rms_epsilon"), 0.0f, 1.0f);
    read_heads();
    read_rope();
    read_vocabulary();
    return config_;
  }

 private:
  std::string key(std::string_view name) const { return config_.architecture + "." + std::string(name); }

  // Some files give one number for every layer; edgek wants them all alike.
  std::size_t uniform(const std::string& name, std::uint64_t min, std::uint64_t max) const {
    const GgufValue& value = gguf_.require(name);
    if (value.type != GgufValueType::kArray) return static_cast<std::size_t>(gguf_.require_uint(name, min, max));
    const std::vector<std::uint64_t> all = gguf_.require_uints(name, min, max);
    if (all.size() < config_.layers)
      throw gguf_.error(name, "an array of " + std::to_string(all.size()), "one for each of block_count layers");
    for (const std::uint64_t one : all)
      if (one != all.front()) throw gguf_.error(name, "differs between layers", "the same number for every layer");
    return static_cast<std::size_t>(all.front());
  }
  std::size_t require(std::string_view name, std::uint64_t min, std::uint64_t max) const {
    return uniform(key(name), min, max);
  }
  std::size_t value_or(std::string_view name, std::size_t fallback, std::uint64_t min, std::uint64_t max) const {
    return gguf_.find(key(name)) ? uniform(key(name), min, max) : fallback;
  }

  // A shard's table of contents is whole, the model is not: it would be missing tensors for no visible reason.
  void refuse_shards() const {
    constexpr std::string_view kKey = "split.count";
    if (!gguf_.find(kKey)) return;
    const std::uint64_t shards = gguf_.require_uint(kKey, 0, std::numeric_limits<std::uint64_t>::max());
    if (shards > 1)
      throw gguf_.error(kKey, std::to_string(shards) + " shards", "1: a model is one file; merge its shards first");
  }

  void refuse_experts() const {
    gguf_.uint_or(key("expert_count"), 0, 0, 0);  // a mixture of experts is another architecture
  }

  void read_heads() {
    config_.heads = require("attention.head_count", 1, ModelConfig::kMaxHeads);
    config_.kv_heads = value_or("attention.head_count_kv", config_.heads, 1, ModelConfig::kMaxHeads);
    if (config_.heads % config_.kv_heads != 0)
      throw gguf_.error(key("attention.head_count_kv"), std::to_string(config_.kv_heads),
                        "must divide attention.head_count, " + std::to_string(config_.heads));
    config_.head_dim = read_head_dim();
    const std::size_t value_dim =
        value_or("attention.value_length", config_.head_dim, 1, ModelConfig::kMaxHeadDim);
    if (value_dim != config_.head_dim)
      throw gguf_.error(key("attention.value_length"), std::to_string(value_dim),
                        "must equal the length of a key, " + std::to_string(config_.head_dim));
  }

  std::size_t read_head_dim() const {
    if (gguf_.find(key("attention.key_length")))
      return require("attention.key_length", 1, ModelConfig::kMaxHeadDim);
    const std::size_t head_dim = config_.embedding / config_.heads;
    if (config_.embedding % config_.heads != 0)
      throw gguf_.error(key("attention.head_count"), std::to_string(config_.heads),
                        "must divide embedding_length, " + std::to_string(config_.embedding) +
                            ", where attention.key_length is missing");
    if (head_dim > ModelConfig::kMaxHeadDim)
      throw gguf_.error(key("embedding_length"), std::to_string(config_.embedding),
                        "at most " + std::to_string(ModelConfig::kMaxHeadDim) + " for each head");
    return head_dim;
  }

  void read_rope() {
    const std::size_t rotated = value_or("rope.dimension_count", config_.head_dim, 0, config_.head_dim);
    if (rotated % 2 != 0)
      throw gguf_.error(key("rope.dimension_count"), std::to_string(rotated), "must be even");
    config_.rope_pairs = rotated / 2;
    config_.rope_base = gguf_.float_or(key("rope.freq_base"), 10000.0f, 1.0f, 1e15f);
    const std::string_view type = gguf_.string_or(key("rope.scaling.type"), "linear");
    if (type != "none" && type != "linear")
      throw gguf_.error(key("rope.scaling.type"), type, "none or linear");
    // The older name of the factor comes second; 0 and absence mean that nothing is scaled.
    const float older = gguf_.float_or(key("rope.scale_linear"), 0.0f, 0.0f, 1e6f);
    const float factor = gguf_.float_or(key("rope.scaling.factor"), older, 0.0f, 1e6f);
    if (type == "linear" && factor != 0.0f) config_.rope_scale = 1.0f / factor;
    gguf_.float_or(key("rope.scaling.attn_factor"), 1.0f, 1.0f, 1.0f);
  }

  void read_vocabulary() {
    const GgufTensor& embedding = gguf_.require_tensor("token_embd.weight");
    const std::string field = GgufReader::tensor_field("token_embd.weight");
    if (embedding.rows() < 1 || embedding.rows() > ModelConfig::kMaxVocabulary)
      throw gguf_.error(field, std::to_string(embedding.rows()) + " rows",
                        "1 to " + std::to_string(ModelConfig::kMaxVocabulary));
    config_.vocabulary = static_cast<std::size_t>(embedding.rows());
    const GgufValue* tokens = gguf_.find("tokenizer.ggml.tokens");
    if (tokens && tokens->count != config_.vocabulary)
      throw gguf_.error(field, std::to_string(config_.vocabulary) + " rows",
                        "one for each of the " + std::to_string(tokens->count) + " tokens of tokenizer.ggml.tokens");
  }

  const GgufReader& gguf_;
  ModelConfig config_;
};

}  // namespace detail

/// Reads and checks what a decoder needs to know. Throws edgek::Error.
inline ModelConfig read_config(const GgufReader& gguf) { return detail::ConfigReader(gguf).read(); }

}  // namespace edgek

#endif  // EDGEK_MODEL_CONFIG_HPP_
