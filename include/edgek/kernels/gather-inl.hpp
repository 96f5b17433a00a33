// The rows of a tile, and how one 16-bit word of each is gathered into a vector: scales stand between the
// weights, so this happens once per block and must not cost as much as the block.
#if defined(EDGEK_KERNELS_GATHER_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_GATHER_INL_HPP_
#undef EDGEK_KERNELS_GATHER_INL_HPP_
#else
#define EDGEK_KERNELS_GATHER_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

/// Bytes of a row kernel's vectors. 32 also with AVX-512: finer interleaving of the streams beats wider
/// vectors there (read at 96-99 % of the roof against 88-92 %).
inline constexpr std::size_t kRowVectorBytes = (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3_DL) ? 32 : 16;

/// Rows of a tile: the int32 lanes of a row vector. 128-bit block l of a vector holds bytes of row i + 4 * l,
/// i = 0..3 being the vector's number, so after RowTree() lane r belongs to row r.
inline constexpr std::size_t kTileRows = kRowVectorBytes / 4;

/// Where the rows of a tile stand; pointer r belongs to lane r.
using TilePointers = const std::uint8_t* const*;

/// Words of the tile's rows, kTileRows lanes.
using RowHalves = hn::CappedTag<std::uint16_t, kTileRows>;

HWY_INLINE std::uint64_t Load16(const std::uint8_t* p) {
  std::uint16_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

/// The words at `offset` of the four rows from r on. Each is loaded on its own; no byte around it is touched.
HWY_INLINE std::uint64_t FourHalves(TilePointers p, std::size_t r, std::size_t offset) {
  return Load16(p[r] + offset) | Load16(p[r + 1] + offset) << 16 | Load16(p[r + 2] + offset) << 32 |
         Load16(p[r + 3] + offset) << 48;
}

/// Lane r: the word at `offset` of row r. Up to 16 bytes from it on are read, or, if it ends its block (which may be
/// the last one of the last row), up to 16 bytes that end with it.
template <bool kEndsBlock = false>
HWY_INLINE hn::VFromD<RowHalves> GatherHalves(TilePointers p, std::size_t offset) {
  const RowHalves d;
  const hn::Repartition<std::uint64_t, RowHalves> d64;
#if HWY_TARGET == HWY_AVX3_DL
  // Masked loads put row r's word into lane r, and touch nothing else.
  (void)d, (void)d64;
  __m128i v = _mm_maskz_loadu_epi16(1, p[0] + offset);
  v = _mm_mask_loadu_epi16(v, 1 << 1, p[1] + offset - 2);
  v = _mm_mask_loadu_epi16(v, 1 << 2, p[2] + offset - 4);
  v = _mm_mask_loadu_epi16(v, 1 << 3, p[3] + offset - 6);
  __m128i w = _mm_maskz_loadu_epi16(1 << 4, p[4] + offset - 8);
  w = _mm_mask_loadu_epi16(w, 1 << 5, p[5] + offset - 10);
  w = _mm_mask_loadu_epi16(w, 1 << 6, p[6] + offset - 12);
  w = _mm_mask_loadu_epi16(w, 1 << 7, p[7] + offset - 14);
  return hn::VFromD<RowHalves>{_mm_or_si128(v, w)};
#elif HWY_TARGET == HWY_AVX2
  // Whole loads inside the block, which begin or end with the word, interleaved: no lane is inserted one by one.
  const hn::Repartition<std::uint32_t, RowHalves> d32;
  const auto at = [&](std::size_t r) EDGEK_UNIT_ATTR {
    return hn::LoadU(d, reinterpret_cast<const std::uint16_t*>(p[r] + offset - (kEndsBlock ? 14 : 0)));
  };
  const auto zip = [](auto lanes, auto a, auto b) EDGEK_UNIT_ATTR {
    const auto x = hn::BitCast(lanes, a), y = hn::BitCast(lanes, b);
    return kEndsBlock ? hn::InterleaveUpper(lanes, x, y) : hn::InterleaveLower(lanes, x, y);
  };
  const auto lower = zip(d32, zip(d, at(0), at(1)), zip(d, at(2), at(3)));
  const auto upper = zip(d32, zip(d, at(4), at(5)), zip(d, at(6), at(7)));
  return hn::BitCast(d, zip(d64, lower, upper));
#else
  return hn::BitCast(d, hn::Set(d64, FourHalves(p, 0, offset)));
#endif
}

/// Lane r: the words at `offset` and `offset` + 2 of row r. Up to 16 bytes from the first one on are read.
template <class V16>
HWY_INLINE void GatherTwoHalves(TilePointers p, std::size_t offset, V16& first, V16& second) {
#if HWY_TARGET == HWY_AVX2
  const RowHalves d;
  const hn::Repartition<std::uint32_t, RowHalves> d32;
  const hn::Repartition<std::uint64_t, RowHalves> d64;
  const auto zip = [&](std::size_t r) EDGEK_UNIT_ATTR {
    const auto* a = reinterpret_cast<const std::uint16_t*>(p[r] + offset);
    const auto* b = reinterpret_cast<const std::uint16_t*>(p[r + 1] + offset);
    return hn::BitCast(d32, hn::InterleaveLower(d, hn::LoadU(d, a), hn::LoadU(d, b)));
  };
  const auto lower = hn::BitCast(d64, hn::InterleaveLower(d32, zip(0), zip(2)));  // four firsts, four seconds
  const auto upper = hn::BitCast(d64, hn::InterleaveLower(d32, zip(4), zip(6)));
  first = hn::BitCast(d, hn::InterleaveLower(d64, lower, upper));
  second = hn::BitCast(d, hn::InterleaveUpper(d64, lower, upper));
#else
  first = GatherHalves(p, offset), second = GatherHalves(p, offset + 2);
#endif
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_GATHER_INL_HPP_
