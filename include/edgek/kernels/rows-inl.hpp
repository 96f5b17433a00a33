// The streamed walk over rows: a tile is one row from each of kTileRows bands, so that a thread reads that
// many contiguous streams at once. A single stream gets 43-60 % of a core's read bandwidth whatever the
// arithmetic; eight streams get to the roof where the arithmetic allows.
#if defined(EDGEK_KERNELS_ROWS_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_ROWS_INL_HPP_
#undef EDGEK_KERNELS_ROWS_INL_HPP_
#else
#define EDGEK_KERNELS_ROWS_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

/// Bytes of a row kernel's vectors. 32 also with AVX-512: finer interleaving of the streams beats wider
/// vectors there (read at 96-99 % of the roof against 88-92 %).
inline constexpr std::size_t kRowVectorBytes = (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3_DL) ? 32 : 16;

/// Rows of a tile: the int32 lanes of a row vector. 128-bit block l of a vector holds bytes of row i + 4 * l,
/// i = 0..3 being the vector's number, so after RowTree() lane r belongs to row r.
inline constexpr std::size_t kTileRows = kRowVectorBytes / 4;

using RowU8 = hn::CappedTag<std::uint8_t, kRowVectorBytes>;
using RowI8 = hn::Repartition<std::int8_t, RowU8>;
using RowI16 = hn::Repartition<std::int16_t, RowU8>;
using RowU16 = hn::Repartition<std::uint16_t, RowU8>;
using RowI32 = hn::Repartition<std::int32_t, RowU8>;
using RowU32 = hn::Repartition<std::uint32_t, RowU8>;
using RowU64 = hn::Repartition<std::uint64_t, RowU8>;
using RowF32 = hn::Repartition<float, RowU8>;

/// Where the rows of a tile stand; pointer r belongs to lane r.
using TilePointers = const std::uint8_t* const*;

/// 16 bytes at `offset` of the rows i, i + 4, ...
HWY_INLINE hn::VFromD<RowU8> LoadRows(TilePointers p, std::size_t i, std::size_t offset) {
  const RowU8 d;
  if constexpr (kRowVectorBytes == 32) {
    const hn::Half<RowU8> dh;
    return hn::Combine(d, hn::LoadU(dh, p[i + 4] + offset), hn::LoadU(dh, p[i] + offset));
  } else {
    return hn::LoadU(d, p[i] + offset);
  }
}

/// Lane r: the sum of row r's four int32 in the vectors v0..v3.
template <class V32>
HWY_INLINE V32 RowTree(V32 v0, V32 v1, V32 v2, V32 v3) {
  const RowI32 d32;
  const RowU64 d64;
  const V32 a = hn::Add(hn::InterleaveLower(d32, v0, v1), hn::InterleaveUpper(d32, v0, v1));
  const V32 b = hn::Add(hn::InterleaveLower(d32, v2, v3), hn::InterleaveUpper(d32, v2, v3));
  const auto a64 = hn::BitCast(d64, a), b64 = hn::BitCast(d64, b);
  return hn::Add(hn::BitCast(d32, hn::InterleaveLower(d64, a64, b64)),
                 hn::BitCast(d32, hn::InterleaveUpper(d64, a64, b64)));
}

/// Lane r: the sum of row r's eight int16 in v0..v3. Needs every sum of four of them to fit int16.
template <class V16>
HWY_INLINE hn::VFromD<RowI32> RowTreeOfSmall(V16 v0, V16 v1, V16 v2, V16 v3) {
  const RowI16 d16;
  const RowI32 d32;
  const RowU64 d64;
  const auto lower = [=](V16 x, V16 y) EDGEK_UNIT_ATTR {
    return hn::BitCast(d16, hn::InterleaveLower(d32, hn::BitCast(d32, x), hn::BitCast(d32, y)));
  };
  const auto upper = [=](V16 x, V16 y) EDGEK_UNIT_ATTR {
    return hn::BitCast(d16, hn::InterleaveUpper(d32, hn::BitCast(d32, x), hn::BitCast(d32, y)));
  };
  const V16 a = hn::Add(lower(v0, v1), upper(v0, v1));
  const V16 b = hn::Add(lower(v2, v3), upper(v2, v3));
  const auto a64 = hn::BitCast(d64, a), b64 = hn::BitCast(d64, b);
  const V16 s = hn::Add(hn::BitCast(d16, hn::InterleaveLower(d64, a64, b64)),
                        hn::BitCast(d16, hn::InterleaveUpper(d64, a64, b64)));
  return hn::WidenMulPairwiseAdd(d32, s, hn::Set(d16, 1));
}

HWY_INLINE std::uint64_t Load16(const std::uint8_t* p) {
  std::uint16_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

/// Lane r: the Half at `offset` of row r, as float.
HWY_INLINE hn::VFromD<RowF32> LoadRowHalves(TilePointers p, std::size_t offset) {
  const RowF32 df;
  const hn::Rebind<hwy::float16_t, RowF32> dh;
  const hn::Repartition<std::uint64_t, decltype(dh)> d64;
  const auto four = [=](std::size_t r) {
    return Load16(p[r] + offset) | Load16(p[r + 1] + offset) << 16 | Load16(p[r + 2] + offset) << 32 |
           Load16(p[r + 3] + offset) << 48;
  };
  if constexpr (kTileRows == 8) {
    return hn::PromoteTo(df, hn::BitCast(dh, hn::Dup128VecFromValues(d64, four(0), four(4))));
  } else {
    return hn::PromoteTo(df, hn::BitCast(dh, hn::Set(d64, four(0))));
  }
}

/// Keeps every stream of a tile `distance` bytes ahead of its reader.
class StreamPrefetch {
 public:
  HWY_INLINE StreamPrefetch(TilePointers p, std::size_t distance) : p_(p), distance_(distance) {}

  /// Asks for what the streams will read `distance` after everything below `end` of their rows. Past the
  /// end of a row stands the band's next one.
  HWY_INLINE void Advance(std::size_t end) {
    if (distance_ == 0) return;
    for (; next_ < end; next_ += 64)
      for (std::size_t r = 0; r < kTileRows; ++r) __builtin_prefetch(p_[r] + next_ + distance_);
  }

 private:
  TilePointers p_;
  std::size_t distance_;
  std::size_t next_ = 0;
};

/// Calls tile(pointers, out) for every tile of rows [begin, end), and stores out[t * kTileRows + r] to y.
/// Rows left over by the bands form tiles of their own in which the last row stands for missing ones.
template <class TileFn>
HWY_INLINE void WalkTiles(const MatmulJob& job, std::size_t begin, std::size_t end, const TileFn& tile) {
  constexpr std::size_t kMaxRowTokens = 8;
  HWY_ALIGN float out[kMaxRowTokens * kTileRows];
  const std::uint8_t* p[kTileRows];
  std::size_t row[kTileRows];
  const auto run = [&](std::size_t rows) EDGEK_UNIT_ATTR {
    for (std::size_t r = 0; r < kTileRows; ++r)
      p[r] = reinterpret_cast<const std::uint8_t*>(job.weights) + row[r < rows ? r : rows - 1] * job.row_bytes;
    tile(static_cast<TilePointers>(p), out);
    for (std::size_t t = 0; t < job.tokens; ++t)
      for (std::size_t r = 0; r < rows; ++r) job.y[t * job.y_stride + row[r]] = out[t * kTileRows + r];
  };
  const std::size_t band_rows = (end - begin) / kTileRows;
  for (std::size_t i = 0; i < band_rows; ++i) {
    for (std::size_t r = 0; r < kTileRows; ++r) row[r] = begin + r * band_rows + i;
    run(kTileRows);
  }
  const std::size_t rest_begin = begin + band_rows * kTileRows;
  if (rest_begin == end) return;
  for (std::size_t r = 0; r < end - rest_begin; ++r) row[r] = rest_begin + r;
  run(end - rest_begin);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_ROWS_INL_HPP_
