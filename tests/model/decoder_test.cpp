#include "edgek/model/decoder.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "model/tiny_model.hpp"
#include "ops/op_test_support.hpp"

namespace {

using namespace edgek;
using edgek::testing::same_bits;
using edgek::testing::tiny_tokens;
using edgek::testing::TinyModel;

/// A model and the bytes that it lies in.
struct Loaded {
  explicit Loaded(const TinyModel& tiny) : bytes(tiny.bytes()), model(bytes, "tiny.gguf") {}
  std::vector<std::byte> bytes;
  Model model;
};

std::vector<float> to_vector(ConstRows rows) {
  std::vector<float> out;
  for (std::size_t t = 0; t < rows.count; ++t) out.insert(out.end(), rows.row(t), rows.row(t) + rows.cols);
  return out;
}

std::vector<float> every_logit(Context& ctx, const Model& model, std::span<const std::int32_t> tokens,
                               const DecoderOptions& options) {
  Decoder decoder(model, options);
  return to_vector(decoder.evaluate(ctx, tokens, Logits::kEvery).logits);
}

/// Counts what is shared out. Runs it in the calling thread.
class CountingExecutor final : public Executor {
 public:
  std::size_t threads() const noexcept override { return 2; }
  void run(std::size_t items, Body body, void* arg) noexcept override {
    ++regions_;
    for (std::size_t i = 0; i < items; ++i) body(arg, i);
  }
  std::size_t regions() const { return regions_; }

 private:
  std::size_t regions_ = 0;
};

/// SCALAR, one thread, one token at a time.
std::vector<float> definition(const Model& model, std::span<const std::int32_t> tokens, bool exact) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = *find_kernels("SCALAR")};
  Decoder decoder(model, {.exact = exact});
  std::vector<float> out;
  for (const std::int32_t& id : tokens) {
    const std::vector<float> logits = to_vector(decoder.evaluate(ctx, {&id, 1}).logits);
    out.insert(out.end(), logits.begin(), logits.end());
  }
  return out;
}

void expect_one_answer(const TinyModel& tiny, std::size_t tokens, bool exact, const std::string& what) {
  const Loaded loaded(tiny);
  const std::vector<std::int32_t> ids = tiny_tokens(tokens);
  const std::vector<float> wanted = definition(loaded.model, ids, exact);
  ASSERT_EQ(wanted.size(), tokens * tiny.vocabulary);
  ASSERT_TRUE(std::isfinite(wanted.back()));
  for (const KernelSet* set : all_kernels()) {
    for (const std::size_t threads : {1u, 2u}) {
      ThreadPool pool(threads);
      Context ctx{.executor = pool, .kernels = *set};
      ctx.tuning.min_chunk = threads == 1 ? 65536 : 512;
      for (const std::size_t batch : {1u, 3u, 64u}) {
        if (std::string(set->name) == "SCALAR" && batch != 3) continue;  // the definition itself
        EXPECT_TRUE(same_bits(every_logit(ctx, loaded.model, ids, {.exact = exact, .batch = batch}), wanted))
            << what << " " << set->name << " threads " << threads << " batch " << batch << " exact " << exact;
      }
    }
  }
}

TEST(Decoder, OneAnswerForEveryFormat) {
  for (const FormatInfo& f : kFormats)
    for (const bool exact : {false, true}) expect_one_answer({.format = f.format}, 12, exact, std::string(f.name));
}

TEST(Decoder, OneAnswerForEveryShape) {
  expect_one_answer({.tied = false}, 9, false, "output of its own");
  expect_one_answer({.rope_factors = true, .linear_factor = 4.0f}, 9, false, "scaled rotation");
  expect_one_answer({.kv_heads = 8}, 9, false, "a KV head for each head");
  expect_one_answer({.format = Format::kQ8_0, .kv_heads = 1, .head_dim = 64}, 9, false, "wide heads, one KV head");
  expect_one_answer({.format = Format::kF16, .embedding = 96, .feed_forward = 160, .heads = 3, .kv_heads = 3}, 9, false,
                    "odd widths");
}

// Positions beyond the first chunk of attention, prompts longer than a block of tokens.
TEST(Decoder, OneAnswerAcrossChunksOfPositions) {
  expect_one_answer({.format = Format::kQ4_0, .layers = 1, .heads = 4, .kv_heads = 2, .head_dim = 64}, 300, false,
                    "300 tokens");
}

TEST(Decoder, AnyDivisionIntoCallsGivesTheSameBits) {
  const Loaded loaded({.format = Format::kQ4_1});
  const std::vector<std::int32_t> ids = tiny_tokens(60);
  ThreadPool pool(2);
  Context ctx{.executor = pool, .kernels = kernels()};
  const std::vector<float> all = every_logit(ctx, loaded.model, ids, {});
  Decoder decoder(loaded.model, {.batch = 16});
  const std::span<const std::int32_t> span(ids);
  decoder.evaluate(ctx, span.first(7), Logits::kNone);
  EXPECT_EQ(decoder.position(), 7u);
  const std::vector<float> middle = to_vector(decoder.evaluate(ctx, span.subspan(7, 40), Logits::kEvery).logits);
  const auto from = [&](std::size_t first, std::size_t count) {
    return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(first * 96),
                              all.begin() + static_cast<std::ptrdiff_t>((first + count) * 96));
  };
  EXPECT_TRUE(same_bits(middle, from(7, 40)));
  const std::vector<float> last = to_vector(decoder.evaluate(ctx, span.subspan(47)).logits);
  EXPECT_TRUE(same_bits(last, from(59, 1)));
  decoder.rewind(20);
  EXPECT_TRUE(same_bits(to_vector(decoder.evaluate(ctx, span.subspan(20, 5)).logits), from(24, 1)));
}

// Each start and end of a region costs every thread a few microseconds: QKV, attention, its output, gate and up, down.
TEST(Decoder, ATokenForksFiveTimesALayer) {
  const Loaded loaded({.format = Format::kF32, .tied = false, .layers = 3});
  CountingExecutor executor;
  Context ctx{.executor = executor, .kernels = kernels()};
  Decoder decoder(loaded.model, {});
  const std::vector<std::int32_t> ids = tiny_tokens(400);
  decoder.evaluate(ctx, ids);
  const std::size_t before = executor.regions();
  decoder.evaluate(ctx, {ids.data(), 1});
  constexpr std::size_t kOutput = 1;
  EXPECT_EQ(executor.regions() - before, 5u * 3 + kOutput);
}

TEST(Decoder, NothingInGivesNothing) {
  const Loaded loaded({});
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  Decoder decoder(loaded.model);
  for (const Logits wanted : {Logits::kNone, Logits::kLast, Logits::kEvery})
    EXPECT_EQ(decoder.evaluate(ctx, {}, wanted).logits.count, 0u);
  EXPECT_EQ(decoder.position(), 0u);
}

TEST(Decoder, RefusesBeforeItWrites) {
  const Loaded loaded({});
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  Decoder decoder(loaded.model, {.context = 8});
  const std::vector<std::int32_t> ids = tiny_tokens(9);
  decoder.evaluate(ctx, std::span(ids).first(5));
  EXPECT_THROW(decoder.evaluate(ctx, std::span(ids).first(4)), Error);
  for (const std::int32_t bad : {-1, 96, 1 << 30}) {
    const std::array<std::int32_t, 2> some = {3, bad};
    EXPECT_THROW(decoder.evaluate(ctx, some), Error);
  }
  EXPECT_EQ(decoder.position(), 5u);
  EXPECT_THROW(decoder.rewind(6), Error);
  EXPECT_THROW(Decoder(loaded.model, {.context = 513}), Error);
  EXPECT_TRUE(same_bits(to_vector(decoder.evaluate(ctx, std::span(ids).subspan(5, 3)).logits), [&] {
    Decoder fresh(loaded.model);
    return to_vector(fresh.evaluate(ctx, std::span(ids).first(8)).logits);
  }()));
}

TEST(Decoder, FillsTheContextWithWhatWasThere) {
  for (const KvFormat kv : {KvFormat::kF16, KvFormat::kF32}) {
    const Loaded loaded({});
    InlineExecutor one;
    Context ctx{.executor = one, .kernels = kernels()};
    Decoder decoder(loaded.model, {.context = 64, .kv = kv});
    EXPECT_THROW(decoder.fill(8), Error) << "nothing to repeat";
    decoder.evaluate(ctx, tiny_tokens(5), Logits::kNone);
    EXPECT_THROW(decoder.fill(4), Error) << "rewind() does that";
    EXPECT_THROW(decoder.fill(65), Error);
    decoder.fill(63);
    EXPECT_EQ(decoder.position(), 63u);
    const KvCache::Shape& s = decoder.kv().shape();
    const std::size_t row = s.head_dim * kv_value_bytes(kv);
    for (const void* array : {decoder.kv().keys(0), decoder.kv().values(s.layers - 1)}) {
      for (std::size_t i = 0; i < s.kv_heads * 63; ++i) {
        const auto* bytes = static_cast<const std::byte*>(array);
        const auto at = [&](std::size_t position) {
          return bytes + decoder.kv().layout().offset(i / 63, position, s.head_dim) * kv_value_bytes(kv);
        };
        ASSERT_EQ(std::memcmp(at(i % 63), at(i % 63 % 5), row), 0) << i;
      }
    }
    EXPECT_EQ(decoder.evaluate(ctx, tiny_tokens(1)).logits.count, 1u);
    EXPECT_THROW(decoder.evaluate(ctx, tiny_tokens(1)), Error) << "full";
  }
}

TEST(Decoder, CancelsInMidPromptAndGoesOn) {
  const Loaded loaded({.layers = 4});
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const std::vector<std::int32_t> ids = tiny_tokens(40);
  Decoder decoder(loaded.model, {.batch = 8});
  decoder.evaluate(ctx, std::span(ids).first(10));
  int asked = 0;
  decoder.set_cancel([&] { return ++asked == 10; });  // in the third batch
  const Decoder::Result stopped = decoder.evaluate(ctx, std::span(ids).subspan(10));
  EXPECT_TRUE(stopped.cancelled);
  EXPECT_EQ(stopped.logits.count, 0u);
  EXPECT_EQ(asked, 10);
  EXPECT_EQ(decoder.position(), 10u);
  decoder.set_cancel({});
  const Decoder::Result done = decoder.evaluate(ctx, std::span(ids).subspan(10));
  EXPECT_FALSE(done.cancelled);
  Decoder fresh(loaded.model);
  EXPECT_TRUE(same_bits(to_vector(done.logits), to_vector(fresh.evaluate(ctx, ids).logits)));
}

TEST(Decoder, ThreadsShareAModel) {
  const Loaded loaded({});
  const std::vector<std::int32_t> ids = tiny_tokens(30);
  std::array<std::vector<float>, 3> results;
  std::vector<std::thread> threads;
  for (std::vector<float>& result : results)
    threads.emplace_back([&] {
      InlineExecutor one;
      Context ctx{.executor = one, .kernels = kernels()};
      result = every_logit(ctx, loaded.model, ids, {.batch = 4});
    });
  for (std::thread& t : threads) t.join();
  EXPECT_TRUE(same_bits(results[0], results[1]));
  EXPECT_TRUE(same_bits(results[0], results[2]));
}

TEST(Decoder, NamesWhatTheKernelsLack) {
  const Loaded loaded({});
  KernelSet none = kernels();
  none.by_format = {}, none.exact = {}, none.unpack = {};
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = none};
  Decoder decoder(loaded.model);
  try {
    decoder.evaluate(ctx, tiny_tokens(1));
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.field(), "embedding");
    EXPECT_EQ(e.limit(), "needs a kernel set with the model's formats");
  }
}

TEST(Decoder, CallersFloatSettingsDoNotMatter) {
  const Loaded loaded({});
  const std::vector<std::int32_t> ids = tiny_tokens(6);
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const std::vector<float> wanted = every_logit(ctx, loaded.model, ids, {});
#ifdef __x86_64__
  const std::uint64_t before = ScopedFloatControl::get();
  ScopedFloatControl::set(before | 0x8040 | 0x4000);  // flush to zero, round up
  const std::vector<float> got = every_logit(ctx, loaded.model, ids, {});
  ScopedFloatControl::set(before);
  EXPECT_TRUE(same_bits(got, wanted));
#endif
}

/// The decoder's mathematics written down plainly in double, for weights that are floats.
class PlainDecoder {
 public:
  PlainDecoder(const Model& model, const TinyModel& tiny) : model_(model), tiny_(tiny) {}

  std::vector<double> logits(std::span<const std::int32_t> ids) {
    std::vector<std::vector<double>> x;
    for (const std::int32_t id : ids) x.push_back(row(model_.weights().embedding().view, static_cast<std::size_t>(id)));
    for (const LayerWeights& w : model_.weights().layers()) layer(w, x);
    return multiply(model_.weights().output().view, normed(x.back(), model_.weights().output_norm()));
  }

 private:
  using Vector = std::vector<double>;

  static Vector row(const MatrixView& w, std::size_t r) {
    const auto* p = reinterpret_cast<const float*>(w.row(r));
    return Vector(p, p + w.cols);
  }
  static Vector multiply(const MatrixView& w, const Vector& x) {
    Vector y(w.rows);
    for (std::size_t r = 0; r < w.rows; ++r) {
      const Vector weights = row(w, r);
      for (std::size_t k = 0; k < w.cols; ++k) y[r] += weights[k] * x[k];
    }
    return y;
  }
  static Vector normed(const Vector& x, const float* w) {
    double squares = 0;
    for (const double v : x) squares += v * v;
    Vector y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      y[i] = x[i] / std::sqrt(squares / static_cast<double>(x.size()) + 1e-5) * static_cast<double>(w[i]);
    return y;
  }
  void rotate(Vector& heads, std::size_t position) const {
    const std::size_t dim = tiny_.head_dim;
    for (std::size_t h = 0; h < heads.size(); h += dim) {
      for (std::size_t i = 0; i < dim / 2; ++i) {
        const double turn = 2.0 * static_cast<double>(i) / static_cast<double>(dim);
        double angle = static_cast<double>(position) * std::pow(10000.0, -turn);
        if (tiny_.linear_factor != 0.0f) angle /= static_cast<double>(tiny_.linear_factor);
        if (tiny_.rope_factors) angle /= static_cast<double>(model_.weights().rope_factors()[i]);
        const double a = heads[h + 2 * i], b = heads[h + 2 * i + 1];
        heads[h + 2 * i] = a * std::cos(angle) - b * std::sin(angle);
        heads[h + 2 * i + 1] = a * std::sin(angle) + b * std::cos(angle);
      }
    }
  }
  void layer(const LayerWeights& w, std::vector<Vector>& x) const {
    std::vector<Vector> keys, values;
    const std::size_t dim = tiny_.head_dim, group = tiny_.heads / tiny_.kv_heads;
    for (std::size_t t = 0; t < x.size(); ++t) {
      const Vector h = normed(x[t], w.attention_norm);
      Vector q = multiply(w.q.view, h);
      keys.push_back(multiply(w.k.view, h));
      values.push_back(multiply(w.v.view, h));
      rotate(q, t);
      rotate(keys.back(), t);
      Vector mixed(q.size());
      for (std::size_t head = 0; head < tiny_.heads; ++head) {
        const std::size_t kv = head / group * dim;
        Vector weight(t + 1);
        double sum = 0;
        for (std::size_t p = 0; p <= t; ++p) {
          double dot = 0;
          for (std::size_t d = 0; d < dim; ++d) dot += q[head * dim + d] * keys[p][kv + d];
          sum += weight[p] = std::exp(dot / std::sqrt(static_cast<double>(dim)));
        }
        for (std::size_t p = 0; p <= t; ++p)
          for (std::size_t d = 0; d < dim; ++d) mixed[head * dim + d] += weight[p] / sum * values[p][kv + d];
      }
      const Vector o = multiply(w.attention_output.view, mixed);
      for (std::size_t i = 0; i < o.size(); ++i) x[t][i] += o[i];
      const Vector f = normed(x[t], w.ffn_norm);
      Vector gate = multiply(w.gate.view, f);
      const Vector up = multiply(w.up.view, f);
      for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      const Vector down = multiply(w.down.view, gate);
      for (std::size_t i = 0; i < down.size(); ++i) x[t][i] += down[i];
    }
  }

  const Model& model_;
  const TinyModel& tiny_;
};

void expect_near_plain(const TinyModel& tiny) {
  const Loaded loaded(tiny);
  const std::vector<std::int32_t> ids = tiny_tokens(7);
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  Decoder decoder(loaded.model, {.exact = true});
  const ConstRows ours = decoder.evaluate(ctx, ids).logits;
  const std::vector<double> plain = PlainDecoder(loaded.model, tiny).logits(ids);
  double largest = 0;
  for (const double v : plain) largest = std::max(largest, std::abs(v));
  ASSERT_GT(largest, 1.0);
  for (std::size_t i = 0; i < plain.size(); ++i)
    ASSERT_NEAR(static_cast<double>(ours.row(0)[i]), plain[i], largest * 2e-5) << i;
}

TEST(Decoder, IsWhatTheModelMeans) {
  TinyModel plain;
  plain.format = Format::kF32;
  plain.embedding = 64, plain.feed_forward = 96;
  plain.heads = 4, plain.kv_heads = 2, plain.head_dim = 16;
  expect_near_plain(plain);
  TinyModel other = plain;
  other.tied = false;
  other.head_dim = 32;  // q_width is not the embedding's
  other.kv_heads = 1;
  expect_near_plain(other);
  other = plain;
  other.rope_factors = true;
  other.linear_factor = 2.0f;
  expect_near_plain(other);
}

}  // namespace
