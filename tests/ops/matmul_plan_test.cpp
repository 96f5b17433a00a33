#include "edgek/ops/matmul_plan.hpp"

#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"

namespace {

using namespace edgek;
using edgek::ops_detail::make_part;
using edgek::ops_detail::MatmulChunk;
using edgek::ops_detail::MatmulPart;
using edgek::ops_detail::MatmulQueue;

constexpr std::size_t kRows = 8190, kCols = 2048;  // not whole tiles

/// One part of a product, which is planned and never run.
MatmulPart part_of(const Context& ctx, Format format, std::size_t tokens) {
  return make_part(ctx, {format, nullptr, kRows, kCols}, ConstRows(nullptr, tokens, kCols),
                   Rows(nullptr, tokens, kRows));
}

std::vector<MatmulChunk> chunks_of(const Context& ctx, MatmulPart part, std::size_t threads) {
  MatmulQueue queue(std::span(&part, 1), ctx.tuning, threads);
  std::vector<MatmulChunk> chunks;
  for (MatmulChunk chunk; queue.take(chunk);) chunks.push_back(chunk);
  return chunks;
}

TEST(MatmulQueue, HandsOutEveryRowOfEveryTokenOnce) {
  InlineExecutor one;
  const Context ctx{.executor = one, .kernels = kernels()};
  for (const Format format : {Format::kF16, Format::kQ4_0, Format::kQ6_K})
    for (const std::size_t tokens : std::initializer_list<std::size_t>{1, 5, 64, 300})
      for (const std::size_t threads : std::initializer_list<std::size_t>{1, 2, 7}) {
        std::size_t row = 0, token = 0;
        for (const MatmulChunk& c : chunks_of(ctx, part_of(ctx, format, tokens), threads)) {
          ASSERT_EQ(c.row_begin, row);
          ASSERT_EQ(c.token_begin, token);
          ASSERT_LT(c.row_begin, c.row_end);
          row = c.row_end == kRows ? 0 : c.row_end;
          if (row == 0) token = c.token_end;
        }
        EXPECT_EQ(row, 0u);
        EXPECT_EQ(token, tokens);
      }
}

TEST(MatmulQueue, AChunkIsAsManyWeightsHoweverManyTokens) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  for (const Format format : {Format::kF16, Format::kQ4_0})
    for (const std::size_t tokens : std::initializer_list<std::size_t>{1, 64, 300}) {
      const MatmulPart part = part_of(ctx, format, tokens);
      for (const std::size_t tiles : std::initializer_list<std::size_t>{1, 4}) {
        ctx.tuning.max_chunk = tiles * part.tile * row_bytes(format, kCols);
        ctx.tuning.min_chunk = 1;
        const std::vector<MatmulChunk> chunks = chunks_of(ctx, part, 1);
        for (const MatmulChunk& c : chunks) EXPECT_LE(c.row_end - c.row_begin, tiles * part.tile);
        EXPECT_EQ(chunks.front().row_end, tiles * part.tile);
      }
      ctx.tuning.max_chunk = 1;  // less than a tile: one at a time
      EXPECT_EQ(chunks_of(ctx, part, 1).front().row_end, part.tile);
    }
}

TEST(MatmulQueue, TheLastChunksAreShort) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  ctx.tuning.min_chunk = 1;
  for (const std::size_t tokens : std::initializer_list<std::size_t>{1, 64}) {
    const MatmulPart part = part_of(ctx, Format::kQ4_0, tokens);
    const std::vector<MatmulChunk> chunks = chunks_of(ctx, part, 4);
    EXPECT_GT(chunks.front().row_end, part.tile);
    EXPECT_LE(chunks.back().row_end - chunks.back().row_begin, part.tile);
  }
}

}  // namespace
