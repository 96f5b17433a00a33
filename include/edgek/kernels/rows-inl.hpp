// The streamed walk over rows. A tile takes kTileRows rows at once, from as many contiguous streams of memory
// as suit the machine: Zen 3 and Intel's servers read eight streams 1.4 to 2 times as fast as one; one Zen 4 read
// one or two 1.5 times as fast as eight, another all as fast (bench/integer_kernels, `edgek probe`).
#if defined(EDGEK_KERNELS_ROWS_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_ROWS_INL_HPP_
#undef EDGEK_KERNELS_ROWS_INL_HPP_
#else
#define EDGEK_KERNELS_ROWS_INL_HPP_
#endif

#include "edgek/kernels/gather-inl.hpp"
#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

using RowU8 = hn::CappedTag<std::uint8_t, kRowVectorBytes>;
using RowI8 = hn::Repartition<std::int8_t, RowU8>;
using RowI16 = hn::Repartition<std::int16_t, RowU8>;
using RowU16 = hn::Repartition<std::uint16_t, RowU8>;
using RowI32 = hn::Repartition<std::int32_t, RowU8>;
using RowU32 = hn::Repartition<std::uint32_t, RowU8>;
using RowU64 = hn::Repartition<std::uint64_t, RowU8>;
using RowF32 = hn::Repartition<float, RowU8>;

/// 16 bytes at `offset` of the rows i, i + 4, ...
HWY_INLINE hn::VFromD<RowU8> LoadRows(TilePointers p, std::size_t i, std::size_t offset) {
  const RowU8 d;
  if constexpr (kRowVectorBytes == 32) {  // a broadcasting load and a blend: Zen 3 inserts only once a cycle
    const auto lower = hn::ResizeBitCast(d, hn::LoadU(hn::Half<RowU8>(), p[i] + offset));
    return hn::ConcatUpperLower(d, hn::LoadDup128(d, p[i + 4] + offset), lower);
  } else {
    return hn::LoadU(d, p[i] + offset);
  }
}

/// Loads what the Group() of a format (block256-inl.hpp) wants of the rows i, i + 4, ...
struct RowsLoader {
  TilePointers p;
  std::size_t i, offset;

  HWY_INLINE hn::VFromD<RowU8> operator()(std::size_t at) const { return LoadRows(p, i, offset + at); }
};

// ---- lane r: the sum of row r, whose parts are lanes of a block of one of the vectors v0..v3; folded in two steps

/// Two rows' four int32 in each block, to two each.
template <class V32>
HWY_INLINE V32 FoldPair(V32 v0, V32 v1) {
  const hn::DFromV<V32> d32;
  return hn::Add(hn::InterleaveLower(d32, v0, v1), hn::InterleaveUpper(d32, v0, v1));
}

/// a of v0 and v1, b of v2 and v3.
template <class V32>
HWY_INLINE V32 FoldRows(V32 a, V32 b) {
  const hn::DFromV<V32> d32;
  const hn::Repartition<std::uint64_t, hn::DFromV<V32>> d64;
  const auto a64 = hn::BitCast(d64, a), b64 = hn::BitCast(d64, b);
  return hn::Add(hn::BitCast(d32, hn::InterleaveLower(d64, a64, b64)),
                 hn::BitCast(d32, hn::InterleaveUpper(d64, a64, b64)));
}

template <class V32>
HWY_INLINE V32 RowTree(V32 v0, V32 v1, V32 v2, V32 v3) {
  return FoldRows(FoldPair(v0, v1), FoldPair(v2, v3));
}

/// FoldPair() of eight int16, to four each; the sum of two must fit int16.
template <class V16>
HWY_INLINE V16 FoldSmallPair(V16 v0, V16 v1) {
  const RowI16 d16;
  const RowI32 d32;
  const auto x = hn::BitCast(d32, v0), y = hn::BitCast(d32, v1);
  return hn::Add(hn::BitCast(d16, hn::InterleaveLower(d32, x, y)), hn::BitCast(d16, hn::InterleaveUpper(d32, x, y)));
}

/// FoldRows() of FoldSmallPair()s; the sum of two must fit int16, too.
template <class V16>
HWY_INLINE hn::VFromD<RowI32> FoldSmall(V16 a, V16 b) {
  const RowI16 d16;
  const RowU64 d64;
  const auto a64 = hn::BitCast(d64, a), b64 = hn::BitCast(d64, b);
  const V16 s = hn::Add(hn::BitCast(d16, hn::InterleaveLower(d64, a64, b64)),
                        hn::BitCast(d16, hn::InterleaveUpper(d64, a64, b64)));
  return hn::WidenMulPairwiseAdd(RowI32(), s, hn::Set(d16, 1));
}

/// The same where it may not.
template <class V16>
HWY_INLINE hn::VFromD<RowI32> FoldMedium(V16 a, V16 b) {
  const auto one = hn::Set(RowI16(), 1);
  return FoldRows(hn::WidenMulPairwiseAdd(RowI32(), a, one), hn::WidenMulPairwiseAdd(RowI32(), b, one));
}

/// Lane r: the Half at `offset` of row r, as float. kEndsBlock: see GatherHalves.
template <bool kEndsBlock = false>
HWY_INLINE hn::VFromD<RowF32> LoadRowHalves(TilePointers p, std::size_t offset) {
  return FloatFromHalf(RowF32(), GatherHalves<kEndsBlock>(p, offset));
}

/// Lane r: row r's scale at `offset` and, for kMin, the minimum that follows it; else 0. kEndsBlock: see GatherHalves.
template <bool kMin, bool kEndsBlock = false, class VF>
HWY_INLINE void LoadScales(TilePointers p, std::size_t offset, VF& scale, VF& min) {
  if constexpr (kMin) {
    hn::VFromD<RowHalves> scales, mins;
    GatherTwoHalves(p, offset, scales, mins);
    scale = FloatFromHalf(RowF32(), scales), min = FloatFromHalf(RowF32(), mins);
  } else {
    scale = LoadRowHalves<kEndsBlock>(p, offset), min = hn::Zero(RowF32());
  }
}

/// Most tokens of a row kernel.
inline constexpr std::size_t kMaxRowTokens = 16;

/// Rows that follow one another: `count` from `first` on, the last one standing for missing ones.
struct RowRange {
  const MatmulJob& job;
  std::size_t first, count;

  /// The rows r to r + rows - 1 of the range.
  HWY_INLINE void Point(std::size_t r, std::size_t rows, const std::uint8_t** p) const {
    for (std::size_t j = 0; j < rows; ++j)
      p[j] = reinterpret_cast<const std::uint8_t*>(job.weights) + (first + HWY_MIN(r + j, count - 1)) * job.row_bytes;
  }
};

/// How the kRows rows of a tile lie in memory: `streams` bands of `adjacent` rows each.
template <std::size_t kRows>
struct TileShape {
  std::size_t streams, adjacent;

  explicit HWY_INLINE TileShape(const MatmulJob& job)
      : streams(job.streams == 0 ? kTileRows : HWY_MIN(job.streams, kTileRows)), adjacent(kRows / streams) {}
};

/// How far ahead of its reader a stream is asked for, in bytes: `far` for the second-level cache and `near` for the
/// first, which is 2-4 % faster on Intel's servers than either alone. Rows that are a stream of their own are asked for
/// MatmulJob::prefetch bytes ahead. The rows of a wider band are read side by side, so while a tile is at work the
/// band's next rows are asked for, one cache line after the other: memory sees one sequential stream.
struct AskedAhead {
  std::size_t far, near;

  HWY_INLINE AskedAhead(const MatmulJob& job, std::size_t adjacent)
      : far(adjacent == 1 ? job.prefetch : adjacent * job.row_bytes), near(far / 2) {
    // The first cache is small: eight rows a multiple of a page apart share its sets with the activations.
    if (adjacent == 1) near = HWY_MIN(near, std::size_t{512});
  }
};

/// Keeps the streams of a tile ahead of their reader.
template <std::size_t kRows = kTileRows>
class StreamPrefetch {
 public:
  HWY_INLINE StreamPrefetch(TilePointers p, const MatmulJob& job)
      : p_(p), shape_(job), ahead_(job, shape_.adjacent) {
    if (job.prefetch == 0) next_ = ~std::size_t{0};
  }

  /// Called when the tile is about to read its rows up to byte `end`.
  HWY_INLINE void Advance(std::size_t end) {
    for (; next_ < end * shape_.adjacent; next_ += 64)
      for (std::size_t r = 0; r < kRows; r += shape_.adjacent) {
        // A tile of more rows, for several tokens, waits for arithmetic too: asking once is 1 to 5 % faster (Zen 4).
        if constexpr (kRows == kTileRows) __builtin_prefetch(p_[r] + ahead_.far + next_, 0, 2);
        __builtin_prefetch(p_[r] + ahead_.near + next_);
      }
  }

 private:
  TilePointers p_;
  TileShape<kRows> shape_;
  AskedAhead ahead_;
  std::size_t next_ = 0;  // bytes of every stream asked for
};

/// Computes out[t * rows + r] for one tile of `rows` rows and all tokens; `context` is the caller's.
using TileFn = void (*)(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out, const void* context);

/// Stores a tile's results, (tokens, kRows), of its first `rows` rows: row r's of token 0 go to y[r][at].
template <std::size_t kRows>
HWY_INLINE void StoreTile(const MatmulJob& job, const float* HWY_RESTRICT out, std::size_t rows, float* const* y,
                          std::size_t at) {
  for (std::size_t t = 0; t < job.tokens; ++t)
    for (std::size_t r = 0; r < rows; ++r) y[r][t * job.y_stride + at] = out[t * kRows + r];
}

/// p + bytes, apart from other pointers: of eight g++ makes a vector, and a tile that loads its parts waits for them.
HWY_INLINE const std::uint8_t* MovedOn(const std::uint8_t* p, std::size_t bytes) {
  p += bytes;
  __asm__("" : "+r"(p));
  return p;
}

/// Runs every tile of the rows [begin, end). Rows left over by the bands form a last tile, whose last row stands for
/// missing ones. Results are stored one tile late: a Zen 4 stalls on a load of what a tile has only just stored.
template <std::size_t kRows = kTileRows>
HWY_NOINLINE void WalkTiles(const MatmulJob& job, std::size_t begin, std::size_t end, TileFn tile,
                            const void* context) {
  HWY_ALIGN float out[2][kMaxRowTokens * kRows];
  const std::uint8_t* p[kRows];
  float* y[kRows];
  const auto point = [&](std::size_t r, std::size_t row) EDGEK_UNIT_ATTR {
    p[r] = reinterpret_cast<const std::uint8_t*>(job.weights) + row * job.row_bytes;
    y[r] = job.y + row;
  };
  const TileShape<kRows> shape(job);
  const std::size_t tiles = (end - begin) / kRows;
  for (std::size_t r = 0; r < kRows; ++r)
    point(r, begin + r / shape.adjacent * shape.adjacent * tiles + r % shape.adjacent);
  const auto store = [&](std::size_t i) EDGEK_UNIT_INLINE {
    StoreTile<kRows>(job, out[i % 2], kRows, y, i * shape.adjacent);
  };
  for (std::size_t i = 0; i < tiles; ++i) {
    tile(job, p, out[i % 2], context);
    for (std::size_t r = 0; r < kRows; ++r) p[r] = MovedOn(p[r], shape.adjacent * job.row_bytes);
    if (i != 0) store(i - 1);
  }
  if (tiles != 0) store(tiles - 1);
  const std::size_t rest = begin + tiles * kRows;
  if (rest == end) return;
  for (std::size_t r = 0; r < kRows; ++r) point(r, HWY_MIN(rest + r, end - 1));
  tile(job, p, out[0], context);
  StoreTile<kRows>(job, out[0], end - rest, y, 0);
}

/// A PanelFn made of a RowsFn, for targets that are not worth a panel kernel: six tokens at a time.
template <RowsFn Rows>
void PanelOfRows(const MatmulJob& job, std::size_t begin, std::size_t end, std::byte* /*scratch*/) noexcept {
  constexpr std::size_t kTokens = 6;
  for (std::size_t t = 0; t < job.tokens; t += kTokens) {
    MatmulJob part = job;
    part.x += t * job.x_stride;
    part.y += t * job.y_stride;
    part.tokens = HWY_MIN(kTokens, job.tokens - t);
    Rows(part, begin, end);
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_ROWS_INL_HPP_
