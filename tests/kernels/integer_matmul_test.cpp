// Row and panel kernels of the integer formats: every set gives the scalar loop's bits, whatever the shape,
// the number of tokens, the split of the rows, the alignment or the bytes of the blocks.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "edgek/edgek.hpp"
#include "edgek/formats/format_traits.hpp"
#include "edgek/reference/scalar_set.hpp"
#include "support/guarded_buffer.hpp"
#include "support/wanted_sets.hpp"

namespace edgek {
namespace {

constexpr Format kIntegerFormats[] = {Format::kQ8_0, Format::kQ4_0, Format::kQ4_1, Format::kQ5_0,
                                      Format::kQ5_1, Format::kQ4_K, Format::kQ5_K, Format::kQ6_K};

/// How the bytes of blocks and the activations are made.
enum class Fill {
  kSane,      ///< random bytes with moderate scales
  kRandom,    ///< random bytes, scales too: infinite, NaN and subnormal ones among them
  kExtremes,  ///< all bits set or cleared, activations at +-127
};

struct Problem {
  Format format;
  std::size_t rows, cols, tokens;
  test::GuardedBuffer<std::byte> weights;  // ends where memory ends
  std::vector<float> x;                    // (tokens, cols)

  MatrixView view() const { return {format, weights.data(), rows, cols}; }
};

/// Offsets of the Half scales in a block.
std::vector<std::size_t> scale_offsets(Format f) {
  switch (f) {
    case Format::kQ4_1:
    case Format::kQ5_1:
    case Format::kQ4_K:
    case Format::kQ5_K: return {0, 2};
    case Format::kQ6_K: return {208};
    default: return {0};
  }
}

Problem make_problem(Format format, std::size_t rows, std::size_t cols, std::size_t tokens, Fill fill, unsigned seed) {
  std::mt19937 rng(seed);
  const std::size_t bytes = rows * row_bytes(format, cols);
  Problem p{format, rows, cols, tokens, test::GuardedBuffer<std::byte>(bytes), {}};
  for (std::byte& b : p.weights) {
    const auto r = static_cast<std::uint8_t>(rng());
    b = static_cast<std::byte>(fill == Fill::kExtremes ? (r & 1 ? 0xFF : 0x00) : r);
  }
  if (fill != Fill::kRandom) {
    for (std::size_t block = 0; block < bytes / info(format).block_bytes; ++block)
      for (const std::size_t at : scale_offsets(format)) {
        const Half h = to_half((static_cast<float>(rng() % 2000) - 1000.0f) / 1024.0f);
        std::memcpy(p.weights.data() + block * info(format).block_bytes + at, &h, sizeof h);
      }
  }
  p.x.resize(tokens * cols);
  for (float& v : p.x) {
    v = (static_cast<float>(rng() % 4001) - 2000.0f) / 512.0f;
    if (fill == Fill::kExtremes) v = rng() & 1 ? 3.0f : -3.0f;
  }
  if (fill == Fill::kRandom && cols > 0 && tokens > 1) p.x[cols / 2] = std::numeric_limits<float>::infinity();
  return p;
}

/// Packs with the scalar packer: what is under test here is the product alone.
struct Packed {
  std::size_t stride;
  std::vector<std::byte> storage;
  std::byte* data;

  explicit Packed(const Problem& p) : stride(packed_bytes(info(p.format).activation, p.cols)) {
    storage.resize(stride * p.tokens + 64);
    data = storage.data() + (64 - reinterpret_cast<std::uintptr_t>(storage.data()) % 64) % 64;
    const auto pack = scalar_kernels().pack[static_cast<std::size_t>(info(p.format).activation)];
    for (std::size_t t = 0; t < p.tokens; ++t) pack(p.x.data() + t * p.cols, p.cols, false, data + t * stride);
  }
};

MatmulJob make_job(const Problem& p, const Packed& x, float* y, std::size_t y_stride) {
  return {static_cast<const std::byte*>(p.view().data), p.view().row_bytes(), p.cols, x.data, x.stride, y, y_stride,
          p.tokens, 512, 0};
}

bool same_bits(float a, float b) {
  if (a != a) return b != b;
  return std::memcmp(&a, &b, sizeof a) == 0;
}

class IntegerMatmul : public testing::Test {
 protected:
  std::vector<std::byte> scratch_ = std::vector<std::byte>(kKernelScratchBytes + 64);
  std::byte* scratch() {
    return scratch_.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch_.data()) % 64) % 64;
  }

  std::vector<float> expected(const Problem& p, const Packed& x) {
    std::vector<float> y(p.tokens * p.rows);
    scalar_kernels().by_format[index_of(p.format)].panel(make_job(p, x, y.data(), p.rows), 0, p.rows, scratch());
    return y;
  }

  void expect_same(const KernelSet& set, const char* kernel, const Problem& p, const std::vector<float>& want,
                   const std::vector<float>& got, std::size_t stride) {
    for (std::size_t t = 0; t < p.tokens; ++t)
      for (std::size_t r = 0; r < p.rows; ++r)
        ASSERT_TRUE(same_bits(want[t * p.rows + r], got[t * stride + r]))
            << set.name << " " << kernel << " " << info(p.format).name << " rows " << p.rows << " cols " << p.cols
            << " tokens " << p.tokens << " at (" << t << ", " << r << "): " << want[t * p.rows + r] << " and "
            << got[t * stride + r];
  }

  void check(const Problem& p) {
    const Packed x(p);
    const std::vector<float> want = expected(p, x);
    const std::size_t stride = p.rows + 3;
    for (const KernelSet* set : test::wanted_sets()) {
      const MatmulKernels& k = set->by_format[index_of(p.format)];
      std::vector<float> got(p.tokens * stride, -7.0f);
      const MatmulJob job = make_job(p, x, got.data(), stride);
      const std::size_t splits[] = {0, p.rows / 3, p.rows / 3 + 1, p.rows};
      if (p.tokens <= k.max_row_tokens) {
        for (std::size_t i = 0; i < 3; ++i) k.rows(job, std::min(splits[i], p.rows), std::min(splits[i + 1], p.rows));
        expect_same(*set, "rows", p, want, got, stride);
      }
      std::fill(got.begin(), got.end(), -7.0f);
      for (std::size_t i = 0; i < 3; ++i)
        k.panel(job, std::min(splits[i], p.rows), std::min(splits[i + 1], p.rows), scratch());
      expect_same(*set, "panel", p, want, got, stride);
      for (std::size_t t = 0; t < p.tokens; ++t)
        for (std::size_t r = p.rows; r < stride; ++r) ASSERT_EQ(got[t * stride + r], -7.0f) << "wrote past a row";
    }
  }
};

TEST_F(IntegerMatmul, GivesTheScalarLoopsBits) {
  for (const KernelSet* set : all_kernels()) std::cout << "set " << set->name << "\n";
  unsigned seed = 1;
  for (const Format format : kIntegerFormats) {
    const std::size_t block = info(format).block_weights;
    for (const Fill fill : {Fill::kSane, Fill::kRandom, Fill::kExtremes})
      for (const std::size_t rows : {1u, 2u, 7u, 8u, 19u, 37u})
        for (const std::size_t blocks : {1u, 2u, 5u, 9u})
          for (const std::size_t tokens : {1u, 2u, 4u, 6u, 9u}) {
            check(make_problem(format, rows, blocks * block, tokens, fill, seed++));
            if (HasFatalFailure()) return;
          }
  }
}

TEST_F(IntegerMatmul, LongRowsAndManyTokens) {
  unsigned seed = 1000;
  for (const Format format : kIntegerFormats)
    for (const std::size_t tokens : {1u, 3u, 16u, 17u, 70u}) {
      check(make_problem(format, 70, 2304, tokens, Fill::kSane, seed++));
      if (HasFatalFailure()) return;
    }
}

TEST_F(IntegerMatmul, ReadNothingAroundTheWeights) {
  for (const Format format : kIntegerFormats) {
    for (const std::size_t rows : {1u, 2u, 16u}) {  // whole pages: memory begins with the first byte, too
      check(make_problem(format, rows, 2048 / rows * info(format).block_weights, 1, Fill::kSane, 7));
      check(make_problem(format, rows, 2048 / rows * info(format).block_weights, 3, Fill::kSane, 8));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(IntegerMatmul, NoColumnsGiveZero) {
  for (const Format format : kIntegerFormats) check(make_problem(format, 5, 0, 2, Fill::kSane, 1));
}

}  // namespace
}  // namespace edgek
