#ifndef EDGEK_MODEL_DECODER_HPP_
#define EDGEK_MODEL_DECODER_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "edgek/core/matrix_view.hpp"
#include "edgek/core/status.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/measure/recording_ledger.hpp"
#include "edgek/model/error.hpp"
#include "edgek/model/kv_cache.hpp"
#include "edgek/model/model.hpp"
#include "edgek/ops/attention.hpp"
#include "edgek/ops/elementwise.hpp"
#include "edgek/ops/matmul.hpp"
#include "edgek/reference/rope.hpp"
#include "edgek/runtime/arena.hpp"
#include "edgek/runtime/context.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek {
inline namespace EDGEK_ABI {

struct DecoderOptions {
  std::size_t context = 0;            ///< positions; 0: as many as the model was trained for, at most 4096
  KvFormat kv = KvFormat::kF16;       ///< exact mode always keeps f32
  bool exact = false;                 ///< float activations and float keys and values: nothing quantized but weights
  std::size_t batch = 512;            ///< tokens that go through the layers together; changes no result
};

/// For which tokens of a batch logits are wanted.
enum class Logits { kNone, kLast, kEvery };

/// One conversation with a model: its keys and values, and where it stands. Belongs to one thread at a
/// time; several decoders may share a model. After the first call with as many tokens, evaluate()
/// allocates nothing.
class Decoder {
 public:
  /// Asked between layers, in the thread that called evaluate(): true stops.
  using Cancel = std::function<bool()>;

  /// What evaluate() gives. The logits live until the next call.
  struct Result {
    ConstRows logits;        ///< (0, 1 or all tokens, vocabulary)
    bool cancelled = false;  ///< stopped by the callback: no token of the call counts, no logits
  };

  /// Throws edgek::Error where the context is beyond the model's, or memory lacks.
  explicit Decoder(const Model& model, const DecoderOptions& options = {})
      : model_(model), options_(options), kv_(shape_of(model, options), model.gguf().file()) {
    options_.batch = std::clamp<std::size_t>(options_.batch, 1, capacity());
  }

  const Model& model() const noexcept { return model_; }
  const DecoderOptions& options() const noexcept { return options_; }
  const KvCache& kv() const noexcept { return kv_; }
  std::size_t capacity() const noexcept { return kv_.shape().capacity; }  ///< positions there is room for
  std::size_t position() const noexcept { return position_; }             ///< of the next token
  /// Memory for activations and logits, as the largest call so far needed it.
  std::size_t arena_bytes() const noexcept { return activations_.capacity() + logits_.capacity(); }

  /// Forgets the tokens from `position` on. Throws edgek::Error beyond position().
  void rewind(std::size_t position) {
    if (position > position_)
      throw Error(file(), "position", std::to_string(position), "at most " + std::to_string(position_));
    position_ = position;
  }

  /// Stands at `position` as if tokens had been evaluated up to it; their keys and values are those of the tokens
  /// before, repeated. For measuring long contexts: what a token costs does not depend on the text. Throws edgek::Error
  /// where there is nothing to repeat, before position(), or beyond capacity().
  void fill(std::size_t position) {
    if (position_ == 0 || position < position_ || position > capacity())
      throw Error(file(), "position", std::to_string(position),
                  std::to_string(position_) + " (not 0) to " + std::to_string(capacity()));
    kv_.repeat(position_, position);
    position_ = position;
  }

  /// Throws the edgek::Error that evaluate() would throw: a caller that passes a long text in parts asks first.
  void check(std::span<const std::int32_t> tokens) const {
    if (tokens.size() > capacity() - position_)
      throw Error(file(), "context", std::to_string(position_) + " + " + std::to_string(tokens.size()) + " tokens",
                  "at most " + std::to_string(capacity()) + " positions");
    const std::size_t vocabulary = model_.config().vocabulary;
    for (const std::int32_t id : tokens)
      if (id < 0 || static_cast<std::size_t>(id) >= vocabulary)
        throw Error(file(), "token id", std::to_string(id), "0 to " + std::to_string(vocabulary - 1));
  }

  /// What evaluate() asks between layers; an empty function: nothing.
  void set_cancel(Cancel cancel) { cancel_ = std::move(cancel); }

  /// Appends tokens. However a text is divided into calls, threads and batches, the logits of a position are
  /// the same bits. `ctx.exact` is the decoder's to set, for the time of the call. Throws edgek::Error, before
  /// anything is written, where a token id is none of the vocabulary's, or the context is full.
  Result evaluate(Context& ctx, std::span<const std::int32_t> tokens, Logits wanted = Logits::kLast) {
    const ScopedFloatControl float_control;
    const ExactScope exact(ctx, options_.exact);
    const std::size_t rows = wanted == Logits::kEvery ? tokens.size() : wanted == Logits::kLast && !tokens.empty();
    const Rows logits = prepare(ctx, tokens, rows);
    for (std::size_t done = 0; done < tokens.size();) {
      const std::span<const std::int32_t> batch = tokens.subspan(done, std::min(options_.batch, tokens.size() - done));
      const std::size_t end = done + batch.size();
      const std::size_t first_row = tokens.size() - rows;  // the first token of the call whose logits are wanted
      const std::size_t skip = std::clamp(first_row, done, end);
      const Rows out(logits.data + (skip - std::min(skip, first_row)) * logits.cols, end - skip, logits.cols);
      if (!run_batch(ctx, batch, position_ + done, out)) return {{}, true};
      done = end;
    }
    position_ += tokens.size();
    return {logits, false};
  }

 private:
  /// What one batch works on; all (tokens, ...).
  struct Buffers {
    Rows x;         // (tokens, embedding): the residual stream
    Rows h;         // (tokens, embedding): the input of a layer's half, then what it adds to x
    Rows qk;        // (tokens, q_width + kv_width): queries and keys side by side, to be rotated at once
    Rows v;         // (tokens, kv_width)
    Rows mixed;     // (tokens, q_width)
    Rows ffn;       // (tokens, feed_forward)
    float* angles;  // (tokens, 2, rope_pairs)

    Rows q() const noexcept { return {qk.data, qk.count, mixed.cols, qk.stride}; }
    Rows k() const noexcept { return {qk.data + mixed.cols, qk.count, v.cols, qk.stride}; }

    /// The last `count` tokens.
    Buffers last(std::size_t count) const noexcept {
      const auto cut = [&](Rows r) { return Rows(r.row(r.count - count), count, r.cols); };
      return {cut(x), cut(h), cut(qk), cut(v), cut(mixed), cut(ffn), angles};
    }
  };

  class ExactScope {
   public:
    ExactScope(Context& ctx, bool exact) noexcept : ctx_(ctx), before_(std::exchange(ctx.exact, exact)) {}
    ExactScope(const ExactScope&) = delete;
    ExactScope& operator=(const ExactScope&) = delete;
    ~ExactScope() { ctx_.exact = before_; }

   private:
    Context& ctx_;
    const bool before_;
  };

  static KvCache::Shape shape_of(const Model& model, const DecoderOptions& options) {
    constexpr std::size_t kDefaultContext = 4096;
    const ModelConfig& c = model.config();
    if (options.context > c.context)
      throw Error(model.gguf().file(), "context", std::to_string(options.context),
                  "at most " + std::to_string(c.context) + ", which the model was trained for");
    return {.layers = c.layers,
            .kv_heads = c.kv_heads,
            .capacity = options.context != 0 ? options.context : std::min(c.context, kDefaultContext),
            .head_dim = c.head_dim,
            .format = options.exact ? KvFormat::kF32 : options.kv};
  }

  const std::string& file() const noexcept { return model_.gguf().file(); }

  void require(Status status, const char* what) const {
    if (status == Status::kOk) return;
    const bool format = status == Status::kUnsupportedFormat;
    throw Error(file(), what, to_string(status),
                format ? "needs a kernel set with the model's formats" : "needs memory for a batch of tokens");
  }

  /// Checks the tokens and makes room for them; answers where their logits go.
  Rows prepare(Context& ctx, std::span<const std::int32_t> tokens, std::size_t rows) {
    const TimedItem timed(ctx.ledger, "prepare");
    check(tokens);
    if (!tokens.empty()) require(reserve_attention(ctx, attention_job(tokens.size())), "attention");
    return logits_for(rows);
  }

  Rows logits_for(std::size_t rows) {
    const std::size_t vocabulary = model_.config().vocabulary;
    if (rows == 0) return Rows(nullptr, 0, vocabulary);
    require(logits_.reset(Arena::bytes_for<float>(CheckedSize(rows) * vocabulary)), "logits");
    return Rows(logits_.take<float>(rows * vocabulary), rows, vocabulary);
  }

  Buffers buffers_for(std::size_t tokens) {
    const ModelConfig& c = model_.config();
    const std::size_t widths[] = {c.embedding, c.embedding,    c.q_width() + c.kv_width(), c.kv_width(),
                                  c.q_width(), c.feed_forward, 2 * c.rope_pairs};
    CheckedSize bytes;
    for (const std::size_t width : widths) bytes += Arena::bytes_for<float>(CheckedSize(tokens) * width);
    require(activations_.reset(bytes), "activations");
    const auto take = [&](std::size_t width) { return Rows(activations_.take<float>(tokens * width), tokens, width); };
    // In the order of declaration: braces evaluate from left to right.
    return Buffers{take(widths[0]), take(widths[1]), take(widths[2]),     take(widths[3]),
                   take(widths[4]), take(widths[5]), take(widths[6]).data};
  }

  bool cancelled() const { return cancel_ && cancel_(); }

  /// Logits of the last out.count tokens. False: cancelled.
  bool run_batch(Context& ctx, std::span<const std::int32_t> tokens, std::size_t position, Rows out) {
    const Buffers all = buffers_for(tokens.size());
    embed(ctx, tokens, all.x);
    turn_angles(ctx, position, tokens.size(), all.angles);
    const Norm first = norm_before(0);
    require(rmsnorm(ctx, all.x, first.weight, model_.config().rms_epsilon, all.h, first.label), "normalization");
    const std::size_t layers = model_.config().layers;
    for (std::size_t layer = 0; layer < layers; ++layer) {
      if (cancelled()) return false;
      append_keys(ctx, layer, position, all);
      // After the last layer's keys and values, only tokens whose logits are wanted matter.
      const bool last = layer + 1 == layers;
      if (last && out.count == 0) return true;
      const Buffers b = last ? all.last(out.count) : all;
      attend(ctx, layer, position + tokens.size() - b.x.count, b);
      feed_forward(ctx, layer, b);
    }
    const NamedMatrix& output = model_.weights().output();
    require(matmul(ctx, output.view, all.last(out.count).h, out, output.label), "output");
    return true;
  }

  struct Norm {
    const float* weight;  // (embedding)
    OpLabel label;
  };

  /// What a layer's input goes through, or the output's, which comes after all layers.
  Norm norm_before(std::size_t layer) const noexcept {
    const Weights& w = model_.weights();
    if (layer == w.layers().size()) return {w.output_norm(), {"output_norm", -1}};
    return {w.layers()[layer].attention_norm, {"attn_norm", static_cast<int>(layer)}};
  }

  /// Adds a layer's half, h, to the residual stream; h becomes the input of what follows.
  void add_half(Context& ctx, const Buffers& b, const Norm& next) {
    require(add_rmsnorm(ctx, b.h, b.x, next.weight, model_.config().rms_epsilon, b.h, next.label), "residual");
  }

  void embed(Context& ctx, std::span<const std::int32_t> tokens, Rows x) {
    const NamedMatrix& embedding = model_.weights().embedding();
    const MatrixView& w = embedding.view;
    require(ctx.kernels.has(w.format) ? Status::kOk : Status::kUnsupportedFormat, "embedding");
    const KernelSet::UnpackFn unpack = ctx.kernels.unpack[index_of(w.format)];
    LedgerEntry entry = ops_detail::start_entry(ctx, "embed");
    entry.format = w.format;
    entry.k = w.cols, entry.n = tokens.size();
    entry.traffic = matmul_traffic(w.format, tokens.size(), w.cols, 0);  // the bytes of as many rows
    entry.traffic.activations = tokens.size() * w.cols * sizeof(float);
    ops_detail::run_over(ctx, tokens.size(), entry, embedding.label, [&](std::size_t t) {
      unpack(w.row(static_cast<std::size_t>(tokens[t])), w.cols, x.row(t));
    });
  }

  void turn_angles(Context& ctx, std::size_t position, std::size_t tokens, float* angles) {
    const std::span<const double> frequencies = model_.rope_frequencies();
    const std::size_t pairs = frequencies.size();
    LedgerEntry entry = ops_detail::start_entry(ctx, "rope_angles");
    entry.k = 2 * pairs, entry.n = tokens;
    entry.traffic.activations = tokens * 2 * pairs * sizeof(float);
    ops_detail::run_over(ctx, tokens, entry, {}, [&](std::size_t t) {
      reference::rope_table(frequencies.data(), pairs, position + t, angles + t * 2 * pairs);
    });
  }

  /// From a layer's normalized input, h, to queries, and keys and values in the cache.
  void append_keys(Context& ctx, std::size_t layer, std::size_t position, const Buffers& b) {
    const LayerWeights& w = model_.weights().layers()[layer];
    require(matmul(ctx, {w.q.view, w.k.view, w.v.view}, b.h, {b.q(), b.k(), b.v}, {w.q.label, w.k.label, w.v.label}),
            "attention input");
    turn_and_append(ctx, layer, position, b);
  }

  /// Rotates queries and keys, and appends keys and values to the cache, token by token: one entry of the ledger, and
  /// keys that are still at hand.
  void turn_and_append(Context& ctx, std::size_t layer, std::size_t position, const Buffers& b) {
    const ModelConfig& c = model_.config();
    LedgerEntry entry = ops_detail::start_entry(ctx, "rope_kv_append");
    entry.format = kv_.shape().format == KvFormat::kF16 ? Format::kF16 : Format::kF32;
    entry.k = b.qk.cols, entry.n = b.x.count;
    entry.traffic.kv_write = 2 * b.x.count * c.kv_width() * kv_value_bytes(kv_.shape().format);
    entry.traffic.activations = b.x.count * (2 * b.qk.cols + 2 * c.kv_width()) * sizeof(float);
    ops_detail::run_over(ctx, b.x.count, entry, {"", static_cast<int>(layer)}, [&](std::size_t t) {
      const float* angles = b.angles + t * 2 * c.rope_pairs;
      ctx.kernels.rope(b.qk.row(t), b.qk.cols / c.head_dim, c.head_dim, angles, c.rope_pairs, c.rope_adjacent);
      kv_.write(ctx.kernels, layer, position + t, b.k().row(t), b.v.row(t));
    });
  }

  /// What all layers' attention has in common.
  AttentionJob attention_job(std::size_t tokens) const noexcept {
    const ModelConfig& c = model_.config();
    AttentionJob job{};
    job.half_kv = kv_.shape().format == KvFormat::kF16;
    job.layout = kv_.layout(), job.capacity = capacity();
    job.heads = c.heads, job.kv_heads = c.kv_heads, job.head_dim = c.head_dim;
    job.tokens = tokens;
    job.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(c.head_dim)));
    return job;
  }

  void attend(Context& ctx, std::size_t layer, std::size_t position, const Buffers& b) {
    const LayerWeights& w = model_.weights().layers()[layer];
    AttentionJob job = attention_job(b.qk.count);
    job.q = b.qk.data, job.q_stride = b.qk.stride;
    job.k = kv_.keys(layer), job.v = kv_.values(layer);
    job.first_position = position;
    require(attention(ctx, job, b.mixed, {"", static_cast<int>(layer)}), "attention");
    require(matmul(ctx, w.attention_output.view, b.mixed, b.h, w.attention_output.label), "attention output");
    add_half(ctx, b, {w.ffn_norm, {"ffn_norm", static_cast<int>(layer)}});
  }

  void feed_forward(Context& ctx, std::size_t layer, const Buffers& b) {
    const LayerWeights& w = model_.weights().layers()[layer];
    require(matmul_silu(ctx, w.gate.view, w.up.view, b.h, b.ffn, w.gate.label, w.up.label), "feed-forward");
    require(matmul(ctx, w.down.view, b.ffn, b.h, w.down.label), "feed-forward output");
    add_half(ctx, b, norm_before(layer + 1));
  }

  const Model& model_;
  DecoderOptions options_;
  KvCache kv_;
  std::size_t position_ = 0;
  Cancel cancel_;
  Arena activations_;
  Arena logits_;
};

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_MODEL_DECODER_HPP_
