// Integer dot products of bytes: what Highway 1.2 has, and the instructions it lacks (AVX-VNNI on ymm,
// sdot on NEON). The one home of intrinsics. Everything here is exact as long as the stated bounds hold.
//
// Weights are bytes 0..127 unless said otherwise, so they may be read as unsigned (x86) or signed (Arm);
// activations are -127..127. A partial sum is either
//   Pairs   int16, each the sum of two adjacent products (units without four-way dot products), or
//   Quads   int32, each the sum of four adjacent products (units with them).
#if defined(EDGEK_KERNELS_INTEGER_DOT_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_INTEGER_DOT_INL_HPP_
#undef EDGEK_KERNELS_INTEGER_DOT_INL_HPP_
#else
#define EDGEK_KERNELS_INTEGER_DOT_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

/// Sums of two adjacent products in int16. Exact for |w0 * x0 + w1 * x1| <= 32767.
template <class D16, class VW, class VX>
HWY_INLINE hn::VFromD<D16> Pairs(D16 d16, VW weights, VX x) {
  const hn::Repartition<std::uint8_t, D16> du8;
  const hn::Repartition<std::int8_t, D16> di8;
#if HWY_TARGET == HWY_NEON_WITHOUT_AES
  const auto w = hn::BitCast(di8, weights);
  const int16x8_t low = vmull_s8(vget_low_s8(w.raw), vget_low_s8(x.raw));
  const int16x8_t high = vmull_high_s8(w.raw, x.raw);
  (void)d16, (void)du8;
  return hn::VFromD<D16>(vpaddq_s16(low, high));
#else
  return hn::SatWidenMulPairwiseAdd(d16, hn::BitCast(du8, weights), hn::BitCast(di8, x));
#endif
}

/// acc + the sums of two adjacent products of int16. Exact while the int32 sum is.
template <class D32, class V32, class V16>
HWY_INLINE V32 AddPairProducts(D32 d32, V32 acc, V16 a, V16 b) {
#if HWY_TARGET == HWY_AVX2 && EDGEK_UNIT_DOT
  (void)d32;
  return V32{_mm256_dpwssd_avx_epi32(acc.raw, a.raw, b.raw)};
#elif HWY_TARGET == HWY_AVX3_DL
  V32 unused = hn::Zero(d32);
  return hn::ReorderWidenMulAccumulate(d32, a, b, acc, unused);
#else
  return hn::Add(acc, hn::WidenMulPairwiseAdd(d32, a, b));
#endif
}

#if EDGEK_UNIT_DOT

/// acc + the sums of four adjacent products. On x86 the weights are unsigned (0..255), on Arm signed.
template <class D32, class V32, class VW, class VX>
HWY_INLINE V32 AddQuads(D32 d32, V32 acc, VW weights, VX x) {
#if HWY_TARGET == HWY_AVX2
  (void)d32;
  return V32{_mm256_dpbusd_avx_epi32(acc.raw, weights.raw, x.raw)};
#elif HWY_TARGET == HWY_NEON_WITHOUT_AES
  (void)d32;
  const hn::Repartition<std::int8_t, D32> di8;
  return V32(vdotq_s32(acc.raw, hn::BitCast(di8, weights).raw, x.raw));
#elif HWY_ARCH_ARM
  const hn::Repartition<std::int8_t, D32> di8;
  return hn::SumOfMulQuadAccumulate(d32, hn::BitCast(di8, weights), x, acc);
#else
  const hn::Repartition<std::uint8_t, D32> du8;
  return hn::SumOfMulQuadAccumulate(d32, hn::BitCast(du8, weights), x, acc);
#endif
}

#endif  // EDGEK_UNIT_DOT

/// Whether four-way products take signed weights as they are (Q8_0); on x86 they are unsigned.
inline constexpr bool kSignedQuads = EDGEK_UNIT_DOT != 0 && HWY_ARCH_ARM != 0;

/// Sums of two adjacent products with signed weights -128..127, in int16: |w| * (x with w's sign).
template <class D16, class V8>
HWY_INLINE hn::VFromD<D16> SignedPairs(D16 d16, V8 weights, V8 x) {
#if HWY_TARGET == HWY_NEON_WITHOUT_AES
  return Pairs(d16, weights, x);
#else
  // Where w is 0 the sign is undefined, and multiplied by 0. Abs(-128) is 128 as an unsigned byte.
  return Pairs(d16, hn::Abs(weights), hn::IfNegativeThenNegOrUndefIfZero(weights, x));
#endif
}

// ---- sums by row: lanes are rows, a quad of weights meets one dword of activations in every lane

/// Whether partial sums of products of quads are int32, where there are four-way products or the weights are signed
/// bytes, or int16 (no widening per product).
template <int kMaxWeight>
inline constexpr bool kWidePartials = EDGEK_UNIT_DOT != 0 || kMaxWeight == 255;

/// Quads that a partial sum can take without overflow.
template <int kMaxWeight>
inline constexpr std::size_t kQuadsPerPartial = kWidePartials<kMaxWeight> ? 64 : 32767 / (2 * 127 * kMaxWeight);

/// Lanes of the partial sums of a vector of rows.
template <int kMaxWeight, class D32>
using PartialTag = hwy::If<kWidePartials<kMaxWeight>, D32, hn::Repartition<std::int16_t, D32>>;

/// Hides a partial sum's history from the compiler: g++ turns chains of vector additions into trees, hoists the
/// products and spills (without this the tile runs at 0.6-0.7 of its speed).
template <class V>
HWY_INLINE void KeepInOrder(V& v) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_ARCH_X86 && !EDGEK_UNIT_DOT
  __asm__("" : "+x"(v.raw));
#else
  (void)v;
#endif
}

/// The dword at p, in every lane.
template <class D32>
HWY_INLINE auto BroadcastDword(D32 d32, const void* p) {
  std::int32_t dword;
  __builtin_memcpy(&dword, p, sizeof dword);
  return hn::Set(d32, dword);
}

/// Whether the product takes a quad's activations from a vector of four quads, as Arm's does.
inline constexpr bool kQuadsByElement = EDGEK_UNIT_DOT != 0 && HWY_ARCH_ARM != 0;

/// The number of a quad among those that follow one another.
template <int kIndex>
using QuadIndex = std::integral_constant<int, kIndex>;

/// The activations of quad kIndex, those of quad 0 being at q, as AddQuad() wants them: in every lane, or all four quads,
/// so that one load serves four products.
template <int kIndex, class DI8>
HWY_INLINE hn::VFromD<DI8> QuadActivations(DI8 di8, const std::int8_t* q) {
  if constexpr (kQuadsByElement) return hn::LoadDup128(di8, q + kIndex / 4 * 16);
  return hn::BitCast(di8, BroadcastDword(hn::Repartition<std::int32_t, DI8>(), q + 4 * kIndex));
}

/// The products of quad kIndex of the weights with its activations, added to a partial sum.
template <int kMaxWeight, int kIndex, class V, class VW, class VX>
HWY_INLINE void AddQuad(V& partial, VW weights, VX x) {
  const hn::Repartition<std::int32_t, hn::DFromV<V>> d32;
  const hn::Repartition<std::int16_t, hn::DFromV<V>> d16;
  const hn::Repartition<std::int8_t, hn::DFromV<V>> di8;
  (void)d32, (void)d16, (void)di8;
#if EDGEK_UNIT_DOT && HWY_TARGET_IS_SVE
  partial = svdot_lane_s32(partial, hn::BitCast(di8, weights), x, kIndex % 4);
#elif EDGEK_UNIT_DOT && HWY_ARCH_ARM
  partial = V(vdotq_laneq_s32(partial.raw, hn::BitCast(di8, weights).raw, x.raw, kIndex % 4));
#elif EDGEK_UNIT_DOT
  partial = AddQuads(d32, partial, weights, x);
#else
  if constexpr (kMaxWeight == 255) {
    const auto pairs = SignedPairs(d16, hn::BitCast(di8, weights), x);
    partial = AddPairProducts(d32, partial, pairs, hn::Set(d16, 1));
  } else {
    partial = hn::Add(partial, Pairs(d16, weights, x));
  }
  KeepInOrder(partial);
#endif
}

/// A partial sum as int32.
template <int kMaxWeight, class D32, class V>
HWY_INLINE hn::VFromD<D32> WidePartial(D32 d32, V partial) {
  if constexpr (kWidePartials<kMaxWeight>) {
    return partial;
  } else {
    return hn::WidenMulPairwiseAdd(d32, partial, hn::Set(hn::Repartition<std::int16_t, D32>(), 1));
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_INTEGER_DOT_INL_HPP_
