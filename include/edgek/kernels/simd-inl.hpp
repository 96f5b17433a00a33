// What every kernel family of a unit starts from: tags, the fused multiply-add, exact halves, tails.
#if defined(EDGEK_KERNELS_SIMD_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_SIMD_INL_HPP_
#undef EDGEK_KERNELS_SIMD_INL_HPP_
#else
#define EDGEK_KERNELS_SIMD_INL_HPP_
#endif

#include "hwy/highway.h"

EDGEK_BEFORE_UNIT

namespace hn = hwy::HWY_NAMESPACE;

/// Float vectors of at most 16 lanes: 16 is the number of lanes in which docs/numerics.md sums, so a
/// wider vector would not help. Lanes() divides 16 on every target.
using DF = hn::CappedTag<float, 16>;

/// One 128-bit block of floats.
using DF4 = hn::CappedTag<float, 4>;

#if HWY_NATIVE_FMA

/// a * b + c, rounded once, in every lane.
template <class V>
HWY_INLINE V Fma(V a, V b, V c) {
  return hn::MulAdd(a, b, c);
}

#else

/// a * b + c of doubles that hold floats, rounded to odd: if it is inexact, the neighbour with the odd
/// mantissa. Rounding that to float gives what rounding a * b + c to float would: 53 bits are more than 24 + 2.
template <class VD>
HWY_INLINE VD RoundedToOdd(VD a, VD b, VD c) {
  const hn::DFromV<VD> dd;
  const hn::RebindToSigned<hn::DFromV<VD>> di;
  const VD product = hn::Mul(a, b);  // exact
  const VD sum = hn::Add(product, c);
  const VD c_part = hn::Sub(sum, product);
  const VD error = hn::Add(hn::Sub(product, hn::Sub(sum, c_part)), hn::Sub(c, c_part));  // exact; NaN beside infinities
  const auto bits = hn::BitCast(di, sum);
  const auto one = hn::Set(di, 1);
  const auto toward_error = hn::Or(hn::ShiftRight<63>(hn::Xor(bits, hn::BitCast(di, error))), one);  // of the magnitude
  const auto if_even = hn::Sub(hn::And(bits, one), one);
  const auto if_inexact = hn::BitCast(di, hn::VecFromMask(dd, hn::Gt(hn::Abs(error), hn::Zero(dd))));
  return hn::BitCast(dd, hn::Add(bits, hn::And(toward_error, hn::And(if_even, if_inexact))));
}

/// a * b + c, rounded once, in every lane: emulated, because this target's MulAdd is a product and a sum.
/// A function of its own, lest every including file pays for its copies.
template <class V>
HWY_NOINLINE V Fma(V a, V b, V c) {
  const hn::DFromV<V> df;
  const hn::Half<hn::DFromV<V>> dh;
  const hn::Rebind<double, decltype(dh)> dd;
  const auto lower =
      RoundedToOdd(hn::PromoteLowerTo(dd, a), hn::PromoteLowerTo(dd, b), hn::PromoteLowerTo(dd, c));
  const auto upper =
      RoundedToOdd(hn::PromoteUpperTo(dd, a), hn::PromoteUpperTo(dd, b), hn::PromoteUpperTo(dd, c));
  return hn::Combine(df, hn::DemoteTo(dh, upper), hn::DemoteTo(dh, lower));
}

#endif  // HWY_NATIVE_FMA

/// a * b, rounded, for products that are added to something: the compiler forgets that it is a product, which
/// it might fuse with the sum.
template <class V>
HWY_INLINE V RoundedProduct(V a, V b) {
  V product = hn::Mul(a, b);
#if HWY_HAVE_SCALABLE
  __asm__("" : "+w"(product));
#elif HWY_ARCH_ARM_A64
  __asm__("" : "+w"(product.raw));
#elif HWY_ARCH_X86
  __asm__("" : "+x"(product.raw));
#else
  __asm__("" : "+m"(product));
#endif
  return product;
}

/// v, as a sum that is not regrouped with others: g++ makes a tree of a chain of integer additions, whose leaves then
/// wait in memory (AVX2 has 16 registers; Q6_K 4 % slower, Q4_K 3 %, on Zen 3).
template <class V>
HWY_INLINE V InOrder(V v) {
#if HWY_TARGET == HWY_AVX2
  __asm__("" : "+x"(v.raw));
#endif
  return v;
}

/// Floats of halves (given by their bits), exact for every bit pattern. Highway's own emulation, which SSE2
/// gets, makes large numbers of infinities and NaNs.
template <class D>
HWY_INLINE hn::VFromD<D> FloatFromHalf(D df, hn::VFromD<hn::Rebind<std::uint16_t, D>> half) {
#if HWY_TARGET == HWY_SSE2 || HWY_TARGET == HWY_EMU128
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::PromoteTo(du, half);
  const auto sign = hn::ShiftLeft<16>(hn::And(bits, hn::Set(du, 0x8000u)));
  const auto magnitude = hn::ShiftLeft<13>(hn::And(bits, hn::Set(du, 0x7FFFu)));
  const auto scaled = hn::BitCast(du, hn::Mul(hn::BitCast(df, magnitude), hn::Set(df, 0x1p112f)));
  const auto not_finite = hn::Gt(hn::BitCast(hn::RebindToSigned<D>(), magnitude),
                                 hn::Set(hn::RebindToSigned<D>(), (0x7C00 << 13) - 1));
  const auto exponent = hn::IfThenElseZero(hn::RebindMask(du, not_finite), hn::Set(du, 0x7F800000u));
  return hn::BitCast(df, hn::Or(hn::Or(scaled, exponent), sign));
#else
  return hn::PromoteTo(df, hn::BitCast(hn::Rebind<hwy::float16_t, D>(), half));
#endif
}

/// The bits of halves nearest to floats, ties to even; subnormals are kept, a NaN stays a NaN.
template <class V>
HWY_INLINE auto HalfFromFloat(V v) {
  using D = hn::DFromV<V>;
  const hn::Rebind<std::uint16_t, D> d16;
#if HWY_TARGET == HWY_SSE2 || HWY_TARGET == HWY_EMU128
  // The integer arithmetic of to_half() in core/half.hpp; magnitudes are below 2^31, so they compare as signed.
  const D df;
  const hn::RebindToSigned<D> di;
  const auto bits = hn::BitCast(di, v);
  const auto magnitude = hn::And(bits, hn::Set(di, 0x7FFFFFFF));
  const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(di, 0x8000));
  const auto odd = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(di, 1));
  const auto rounded = hn::Add(hn::Sub(magnitude, hn::Set(di, 0x38000000 - 0xFFF)), odd);
  const auto shifted = hn::Add(hn::BitCast(df, magnitude), hn::Set(df, 0.5f));
  auto half = hn::ShiftRight<13>(rounded);
  half = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di, 0x38800000)),
                        hn::Sub(hn::BitCast(di, shifted), hn::Set(di, 0x3F000000)), half);
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x477FEFFF)), hn::Set(di, 0x7C00), half);
  half = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x7F800000)), hn::Set(di, 0x7E00), half);
  return hn::TruncateTo(d16, hn::BitCast(hn::RebindToUnsigned<D>(), hn::Or(half, sign)));
#else
  return hn::BitCast(d16, hn::DemoteTo(hn::Rebind<hwy::float16_t, D>(), v));
#endif
}

/// Floats of BFloat16 (given by their bits), exact.
template <class D>
HWY_INLINE hn::VFromD<D> FloatFromBFloat16(D df, hn::VFromD<hn::Rebind<std::uint16_t, D>> half) {
  return hn::BitCast(df, hn::ShiftLeft<16>(hn::PromoteTo(hn::RebindToUnsigned<D>(), half)));
}

/// A vector of at most `left` elements from p; lanes beyond are zero. Touches nothing beyond.
template <class D>
HWY_INLINE hn::VFromD<D> LoadUpTo(D d, const hn::TFromD<D>* p, std::size_t left) {
  return left >= hn::Lanes(d) ? hn::LoadU(d, p) : hn::LoadN(d, p, left);
}
template <class D>
HWY_INLINE void StoreUpTo(hn::VFromD<D> v, D d, hn::TFromD<D>* p, std::size_t left) {
  if (left >= hn::Lanes(d)) {
    hn::StoreU(v, d, p);
  } else {
    hn::StoreN(v, d, p, left);
  }
}

/// Calls fn(parts) with the number of vectors that hold the 16 lanes of a sum: a constant on targets of known
/// width, one of three copies on those that learn it when they run.
template <std::size_t kParts>
using Parts = std::integral_constant<std::size_t, kParts>;
template <class Fn>
HWY_INLINE void WithParts(const Fn& fn) {
#if HWY_HAVE_SCALABLE
  switch (hn::Lanes(DF())) {
    case 16: return fn(Parts<1>());
    case 8: return fn(Parts<2>());
    default: return fn(Parts<4>());
  }
#else
  fn(Parts<16 / hn::MaxLanes(DF())>());
#endif
}

/// The float vector that holds 16 / kParts of the 16 lanes.
template <std::size_t kParts>
using PartTag = hn::CappedTag<float, 16 / kParts>;

/// The fixed tree over 16 lanes: lane i takes lane i + 8, then i + 4, i + 2, i + 1.
HWY_INLINE float TreeSum(const float* lanes) {
  const DF4 d;
  HWY_ALIGN float four[4];
  const auto s = hn::Add(hn::Add(hn::LoadU(d, lanes), hn::LoadU(d, lanes + 8)),
                         hn::Add(hn::LoadU(d, lanes + 4), hn::LoadU(d, lanes + 12)));
  hn::Store(s, d, four);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/// Makes v0 to v3 the first, second, third and fourth dwords of all four, within every 128-bit block.
template <class V>
HWY_INLINE void TransposeFour(V& v0, V& v1, V& v2, V& v3) {
  const hn::DFromV<V> d;
  const hn::Repartition<std::uint64_t, decltype(d)> d64;
  const auto lower01 = hn::BitCast(d64, hn::InterleaveLower(d, v0, v1));
  const auto upper01 = hn::BitCast(d64, hn::InterleaveUpper(d, v0, v1));
  const auto lower23 = hn::BitCast(d64, hn::InterleaveLower(d, v2, v3));
  const auto upper23 = hn::BitCast(d64, hn::InterleaveUpper(d, v2, v3));
  v0 = hn::BitCast(d, hn::InterleaveLower(d64, lower01, lower23));
  v1 = hn::BitCast(d, hn::InterleaveUpper(d64, lower01, lower23));
  v2 = hn::BitCast(d, hn::InterleaveLower(d64, upper01, upper23));
  v3 = hn::BitCast(d, hn::InterleaveUpper(d64, upper01, upper23));
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_SIMD_INL_HPP_
