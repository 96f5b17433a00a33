// The 4-bit part that the formats Q4_0, Q4_1, Q5_0, Q5_1, Q4_K and Q5_K share.
#if defined(EDGEK_KERNELS_NIBBLES_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_NIBBLES_INL_HPP_
#undef EDGEK_KERNELS_NIBBLES_INL_HPP_
#else
#define EDGEK_KERNELS_NIBBLES_INL_HPP_
#endif

#include "edgek/kernels/rows-inl.hpp"

EDGEK_BEFORE_UNIT

/// Low and high halves of every byte, as bytes 0..15.
template <class V8>
HWY_INLINE V8 LowNibbles(V8 bytes) {
  return hn::And(bytes, hn::Set(hn::DFromV<V8>(), 15));
}
template <class V8>
HWY_INLINE V8 HighNibbles(V8 bytes) {
  return hn::ShiftRight<4>(bytes);
}

/// 16 in every byte whose bit of `bits` is set: byte i of a 128-bit block looks at bit i % 8 of its own byte.
template <class V8>
HWY_INLINE V8 FifthBits(V8 bits) {
  const hn::DFromV<V8> d;
  const auto position = hn::Dup128VecFromValues(d, 1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
  return hn::IfThenElseZero(hn::TestBit(bits, position), hn::Set(d, 16));
}

#if HWY_TARGET == HWY_AVX3_DL

/// Byte i: the eight bits of its qword of v from bit from[i] on; after bit 63 follows bit 0. (The form with a mask of
/// ones compiles to the plain instruction; g++-12 warns about its own plain form.)
template <class V512>
HWY_INLINE V512 BitsFrom(V512 v, V512 from) {
  return V512{_mm512_maskz_multishift_epi64_epi8(~__mmask64{0}, from.raw, v.raw)};
}

#endif

/// A quad with the fifth bits of its weights: byte i of a dword gets bit 4 * quad + i of the dword in `bits`.
template <class V8>
HWY_INLINE V8 AddFifthBitsOfQuad(V8 nibbles, V8 bits, std::size_t quad) {
  const hn::DFromV<V8> d;
  const auto fifth = hn::Set(d, 16);
#if HWY_TARGET == HWY_AVX3_DL
  const auto first = hn::Dup128VecFromValues(d, 60, 61, 62, 63, 28, 29, 30, 31, 60, 61, 62, 63, 28, 29, 30, 31);
  return hn::OrAnd(nibbles, BitsFrom(bits, hn::Add(first, hn::Set(d, static_cast<std::uint8_t>(4 * quad)))), fifth);
#else
  const hn::Repartition<std::uint32_t, decltype(d)> d32;
  const auto shifted = hn::BitCast(d, hn::ShiftRightSame(hn::BitCast(d32, bits), static_cast<int>(4 * quad)));
  const auto first = hn::Dup128VecFromValues(d, 0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12);
  const auto position = hn::Dup128VecFromValues(d, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8);
  return hn::Or(nibbles, hn::IfThenElseZero(hn::TestBit(hn::TableLookupBytes(shifted, first), position), fifth));
#endif
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_NIBBLES_INL_HPP_
