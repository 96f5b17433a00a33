#ifndef EDGEK_TESTS_MODEL_TINY_MODEL_HPP_
#define EDGEK_TESTS_MODEL_TINY_MODEL_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/core/format.hpp"
#include "edgek/model/gguf_writer.hpp"
#include "edgek/model/sampler.hpp"

namespace edgek::testing {

/// A llama model too small to say anything, made by integer arithmetic alone: the same bytes everywhere.
struct TinyModel {
  Format format = Format::kQ4_0;
  bool tied = true;
  bool rope_factors = false;
  float linear_factor = 0.0f;    ///< of rope scaling; 0: the keys are not written
  std::uint32_t embedding = 256, feed_forward = 512, layers = 2, heads = 8, kv_heads = 2, vocabulary = 96;
  std::uint32_t head_dim = 32;   ///< written as key_length where it is not embedding / heads
  std::uint32_t context = 512;
  std::string leave_out{};         ///< name of a tensor
  std::string extra_tensor{};      ///< name of one more
  std::string wrong_shape{};       ///< a tensor with one row too many
  std::string wrong_type{};        ///< a tensor stored as I8
  std::string architecture = "llama";
  std::vector<std::pair<std::string, std::uint32_t>> more_keys{};
  std::vector<std::pair<std::string, std::string>> more_strings{};
  std::vector<std::string> leave_out_keys{};

  /// `head` may hold metadata already, a vocabulary say.
  std::vector<std::byte> bytes(GgufHead head = {}) const;
};

namespace tiny_detail {

/// Halves that make weights of about 0.07, and where a block has them.
struct ScaleFields {
  std::size_t at = 0;
  std::uint16_t bits = 0;
};
inline std::vector<ScaleFields> scale_fields(Format f) {
  switch (f) {
    case Format::kQ8_0: return {{0, 0x1400}};
    case Format::kQ4_0: return {{0, 0x2400}};
    case Format::kQ4_1: return {{0, 0x2400}, {2, 0xAF80}};
    case Format::kQ5_0: return {{0, 0x2000}};
    case Format::kQ5_1: return {{0, 0x2000}, {2, 0xAFC0}};
    case Format::kQ4_K: return {{0, 0x1000}, {2, 0x1B80}};
    case Format::kQ5_K: return {{0, 0x0C00}, {2, 0x1BC0}};
    case Format::kQ6_K: return {{208, 0x0400}};
    default: return {};
  }
}

inline void put_half(std::byte* at, std::uint16_t bits) {
  at[0] = static_cast<std::byte>(bits & 0xFF);
  at[1] = static_cast<std::byte>(bits >> 8);
}

inline void random_block(Format f, SplitMix64& random, std::byte* block) {
  const std::size_t size = info(f).block_bytes;
  const std::uint64_t r = random.next();
  const auto sign = static_cast<std::uint16_t>(r & 0x8000);
  const auto mantissa = static_cast<std::uint16_t>(r >> 20);
  if (f == Format::kF16) return put_half(block, static_cast<std::uint16_t>(sign | 0x2800 | (mantissa & 0x7FF)));
  if (f == Format::kBF16) return put_half(block, static_cast<std::uint16_t>(sign | 0x3D00 | (mantissa & 0xFF)));
  if (f == Format::kF32) {
    put_half(block, mantissa);
    return put_half(block + 2, static_cast<std::uint16_t>(sign | 0x3D00 | (r >> 40 & 0xFF)));
  }
  for (std::size_t i = 0; i < size; ++i) block[i] = static_cast<std::byte>(random.next() >> 56);
  for (const ScaleFields& field : scale_fields(f))
    put_half(block + field.at, static_cast<std::uint16_t>(field.bits ^ (random.next() >> 57)));
}

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::uint32_t type;
};

inline std::vector<Tensor> tensors_of(const TinyModel& m) {
  const std::uint32_t matrix = info(m.format).gguf_id, norm = info(Format::kF32).gguf_id;
  const std::uint64_t q_width = std::uint64_t{m.heads} * m.head_dim, kv_width = std::uint64_t{m.kv_heads} * m.head_dim;
  std::vector<Tensor> out = {{"token_embd.weight", {m.embedding, m.vocabulary}, matrix},
                             {"output_norm.weight", {m.embedding}, norm}};
  if (!m.tied) out.push_back({"output.weight", {m.embedding, m.vocabulary}, matrix});
  if (m.rope_factors) out.push_back({"rope_freqs.weight", {m.head_dim / 2}, norm});
  for (std::uint32_t i = 0; i < m.layers; ++i) {
    const std::string p = "blk." + std::to_string(i) + ".";
    out.push_back({p + "attn_norm.weight", {m.embedding}, norm});
    out.push_back({p + "attn_q.weight", {m.embedding, q_width}, matrix});
    out.push_back({p + "attn_k.weight", {m.embedding, kv_width}, matrix});
    out.push_back({p + "attn_v.weight", {m.embedding, kv_width}, matrix});
    out.push_back({p + "attn_output.weight", {q_width, m.embedding}, matrix});
    out.push_back({p + "ffn_norm.weight", {m.embedding}, norm});
    out.push_back({p + "ffn_gate.weight", {m.embedding, m.feed_forward}, matrix});
    out.push_back({p + "ffn_up.weight", {m.embedding, m.feed_forward}, matrix});
    out.push_back({p + "ffn_down.weight", {m.feed_forward, m.embedding}, matrix});
  }
  if (!m.extra_tensor.empty()) out.push_back({m.extra_tensor, {m.embedding}, norm});
  std::erase_if(out, [&](const Tensor& t) { return t.name == m.leave_out; });
  for (Tensor& t : out) {
    if (t.name == m.wrong_shape) ++t.dims.back();
    if (t.name == m.wrong_type) t.type = 24;
  }
  return out;
}

inline void add_metadata(const TinyModel& m, GgufHead& head) {
  const auto wanted = [&](std::string_view key) {
    return std::find(m.leave_out_keys.begin(), m.leave_out_keys.end(), key) == m.leave_out_keys.end();
  };
  const auto number = [&](std::string_view key, std::uint32_t value) {
    for (const auto& [name, other] : m.more_keys)
      if (name == key) return;
    if (wanted(key)) head.add_uint32(key, value);
  };
  head.add_string("general.architecture", m.architecture);
  number("llama.block_count", m.layers);
  number("llama.context_length", m.context);
  number("llama.embedding_length", m.embedding);
  number("llama.feed_forward_length", m.feed_forward);
  number("llama.attention.head_count", m.heads);
  number("llama.attention.head_count_kv", m.kv_heads);
  if (m.head_dim * m.heads != m.embedding) {
    number("llama.attention.key_length", m.head_dim);
    number("llama.attention.value_length", m.head_dim);
  }
  constexpr std::string_view kEpsilon = "llama.attention.layer_norm_rms_epsilon";
  if (wanted(kEpsilon)) head.add_float32(kEpsilon, 1e-5f);
  if (m.linear_factor != 0.0f) {
    head.add_string("llama.rope.scaling.type", "linear");
    head.add_float32("llama.rope.scaling.factor", m.linear_factor);
  }
  for (const auto& [key, value] : m.more_keys) head.add_uint32(key, value);
  for (const auto& [key, value] : m.more_strings) head.add_string(key, value);
}

}  // namespace tiny_detail

inline std::vector<std::byte> TinyModel::bytes(GgufHead head) const {
  tiny_detail::add_metadata(*this, head);
  const std::vector<tiny_detail::Tensor> tensors = tiny_detail::tensors_of(*this);
  std::vector<std::uint64_t> sizes;
  for (const tiny_detail::Tensor& t : tensors) sizes.push_back(head.add_tensor(t.name, t.dims, t.type));
  std::vector<std::byte> out = head.bytes();
  SplitMix64 random(7);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::size_t begin = out.size();
    out.resize(begin + static_cast<std::size_t>(sizes[i]));
    const FormatInfo* f = find_format_by_gguf_id(tensors[i].type);
    if (f != nullptr && tensors[i].dims.size() == 2)
      for (std::size_t at = begin; at < out.size(); at += f->block_bytes)
        tiny_detail::random_block(f->format, random, &out[at]);
    if (f != nullptr && tensors[i].dims.size() == 1)  // norms and factors: 1 to 2
      for (std::size_t at = begin; at < out.size(); at += 4) {
        const auto one_to_two = 0x3F800000u | static_cast<std::uint32_t>(random.next() >> 41);
        const auto word = std::bit_cast<std::array<std::byte, 4>>(one_to_two);
        std::copy(word.begin(), word.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
      }
    out.resize(begin + static_cast<std::size_t>(head.padded(sizes[i])));
  }
  return out;
}

/// Ids that use the whole vocabulary, in no order.
inline std::vector<std::int32_t> tiny_tokens(std::size_t count, std::uint32_t vocabulary = 96) {
  SplitMix64 random(11);
  std::vector<std::int32_t> out(count);
  for (std::int32_t& id : out) id = static_cast<std::int32_t>((random.next() >> 33) % vocabulary);
  return out;
}

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_MODEL_TINY_MODEL_HPP_
