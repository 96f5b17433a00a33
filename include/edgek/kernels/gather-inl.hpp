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

/// Lane r: the word at `offset` of row r. kEndsBlock says that nothing may be read behind the word: it may be the
/// last one of the last row.
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
  if (kEndsBlock || HWY_UNLIKELY(offset < 14))
    return hn::BitCast(d, hn::Dup128VecFromValues(d64, FourHalves(p, 0, offset), FourHalves(p, 4, offset)));
  // Whole loads that end inside the block and begin inside the row, blended: 8 loads and 7 cheap instructions.
  const auto at = [&](std::size_t r) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p[r] + offset - 2 * r));
  };
  __m128i v = _mm_blend_epi16(at(0), at(1), 1 << 1);
  v = _mm_blend_epi16(v, _mm_blend_epi16(at(2), at(3), 1 << 3), 0x0C);
  __m128i w = _mm_blend_epi16(at(4), at(5), 1 << 5);
  w = _mm_blend_epi16(w, _mm_blend_epi16(at(6), at(7), 1 << 7), 0xC0);
  return hn::VFromD<RowHalves>{_mm_blend_epi16(v, w, 0xF0)};
#else
  return hn::BitCast(d, hn::Set(d64, FourHalves(p, 0, offset)));
#endif
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_GATHER_INL_HPP_
