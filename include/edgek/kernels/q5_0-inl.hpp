// Q5_0 (formats/q5_0.hpp): a scale, 32 fifth bits and 16 bytes of nibbles; weight = d * (q - 16).
#if defined(EDGEK_KERNELS_Q5_0_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_Q5_0_INL_HPP_
#undef EDGEK_KERNELS_Q5_0_INL_HPP_
#else
#define EDGEK_KERNELS_Q5_0_INL_HPP_
#endif

#include "edgek/kernels/block32-inl.hpp"
#include "edgek/kernels/nibbles-inl.hpp"

EDGEK_BEFORE_UNIT

/// Weights of a block whose fifth bits stand at `offset`, just before its nibbles.
template <class V8>
HWY_INLINE void LoadFiveBits(TilePointers p, std::size_t i, std::size_t offset, V8& low, V8& high) {
  const RowU8 d;
  const V8 head = LoadRows(p, i, offset);  // the four bytes of fifth bits, then 12 bytes of nibbles
  const V8 q = LoadRows(p, i, offset + 4);
  const V8 first = hn::TableLookupBytes(head, hn::Dup128VecFromValues(d, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1));
  const V8 second = hn::TableLookupBytes(head, hn::Dup128VecFromValues(d, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  low = hn::Or(LowNibbles(q), FifthBits(first));
  high = hn::Or(HighNibbles(q), FifthBits(second));
}

struct Q5_0 {
  static constexpr Format kFormat = Format::kQ5_0;
  static constexpr std::int32_t kBias = 16;
  static constexpr bool kMin = false;
  static constexpr int kMaxWeight = 31;
  static constexpr std::size_t kQuants = 6, kFifthBits = 2;

  template <class V8>
  static HWY_INLINE void Load(TilePointers p, std::size_t i, std::size_t offset, V8& low, V8& high) {
    LoadFiveBits(p, i, offset + 2, low, high);
  }
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_Q5_0_INL_HPP_
