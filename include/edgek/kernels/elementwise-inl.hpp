// Ops over rows of floats. The definitions are in reference/: the same operations in the same order, sums in
// 16 lanes and the fixed tree.
#if defined(EDGEK_KERNELS_ELEMENTWISE_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_ELEMENTWISE_INL_HPP_
#undef EDGEK_KERNELS_ELEMENTWISE_INL_HPP_
#else
#define EDGEK_KERNELS_ELEMENTWISE_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

/// e^x by the sequence of reference::exp.
template <class V>
HWY_INLINE V Exp(V x) {
  using K = reference::ExpConstants;
  const hn::DFromV<V> df;
  const auto whole = hn::NearestInt(hn::Mul(x, hn::Set(df, K::kInverseLn2)));
  const V n = hn::ConvertTo(df, whole);
  V r = Fma(n, hn::Set(df, -K::kLn2High), x);
  r = Fma(n, hn::Set(df, -K::kLn2Low), r);
  V p = Fma(hn::Set(df, K::kC6), r, hn::Set(df, K::kC5));
  p = Fma(p, r, hn::Set(df, K::kC4));
  p = Fma(p, r, hn::Set(df, K::kC3));
  p = Fma(p, r, hn::Set(df, K::kC2));
  p = Fma(p, r, hn::Set(df, 1.0f));
  p = Fma(p, r, hn::Set(df, 1.0f));
  const hn::RebindToSigned<decltype(df)> di;
  V y = hn::BitCast(df, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(whole)));
  y = hn::IfThenElse(hn::Gt(x, hn::Set(df, K::kOverflowAbove)), hn::Inf(df), y);
  y = hn::IfThenElse(hn::Lt(x, hn::Set(df, K::kUnderflowBelow)), hn::Zero(df), y);
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

/// x / (1 + e^minus_z): silu for minus_z = -x.
template <class V>
HWY_INLINE V Gated(V x, V minus_z) {
  const hn::DFromV<V> df;
  return hn::Div(x, hn::Add(hn::Set(df, 1.0f), Exp(minus_z)));
}

/// The 16 lanes of a sum of n terms: lane k % 16 becomes add(lane, x[k]), for vectors and floats alike.
template <std::size_t kParts, class AddV, class AddF>
HWY_INLINE void SumInLanes(const float* x, std::size_t n, const AddV& add, const AddF& add_float, float* lanes) {
  const PartTag<kParts> d;
  const std::size_t part = 16 / kParts;
  auto a = hn::Zero(d), b = hn::Zero(d), c = hn::Zero(d), e = hn::Zero(d);
  std::size_t k = 0;
  for (; k + 16 <= n; k += 16) {
    a = add(a, hn::LoadU(d, x + k));
    if constexpr (kParts >= 2) b = add(b, hn::LoadU(d, x + k + part));
    if constexpr (kParts == 4) c = add(c, hn::LoadU(d, x + k + 2 * part));
    if constexpr (kParts == 4) e = add(e, hn::LoadU(d, x + k + 3 * part));
  }
  hn::StoreU(a, d, lanes);
  if constexpr (kParts >= 2) hn::StoreU(b, d, lanes + part);
  if constexpr (kParts == 4) hn::StoreU(c, d, lanes + 2 * part);
  if constexpr (kParts == 4) hn::StoreU(e, d, lanes + 3 * part);
  for (; k < n; ++k) lanes[k % 16] = add_float(lanes[k % 16], x[k]);
}

HWY_INLINE float SumOfSquares(const float* x, std::size_t n) {
  HWY_ALIGN float lanes[16];
  WithParts([&](auto parts) EDGEK_UNIT_ATTR {
    SumInLanes<decltype(parts)::value>(
        x, n, [](auto sum, auto v) EDGEK_UNIT_ATTR { return Fma(v, v, sum); },
        [](float sum, float v) { return edgek::Fma(v, v, sum); }, lanes);
  });
  return TreeSum(lanes);
}

inline HWY_NOINLINE float SumOf(const float* x, std::size_t n) {
  HWY_ALIGN float lanes[16];
  WithParts([&](auto parts) EDGEK_UNIT_ATTR {
    SumInLanes<decltype(parts)::value>(
        x, n, [](auto sum, auto v) EDGEK_UNIT_ATTR { return hn::Add(sum, v); },
        [](float sum, float v) { return sum + v; }, lanes);
  });
  return TreeSum(lanes);
}

/// y[i] = fn(a[i], b[i]); y may be a or b.
template <class Fn>
HWY_INLINE void Map2(const float* a, const float* b, std::size_t n, float* y, const Fn& fn) {
  const DF df;
  for (std::size_t i = 0; i < n; i += hn::Lanes(df))
    StoreUpTo(fn(LoadUpTo(df, a + i, n - i), LoadUpTo(df, b + i, n - i)), df, y + i, n - i);
}

/// KernelSet::rmsnorm.
inline void RmsNorm(const float* x, const float* w, float eps, std::size_t n, float* y) noexcept {
  const float mean = SumOfSquares(x, n) / static_cast<float>(n);
  const auto scale = hn::Set(DF(), 1.0f / std::sqrt(mean + eps));
  Map2(x, w, n, y, [&scale](auto v, auto weight) EDGEK_UNIT_ATTR { return hn::Mul(hn::Mul(v, scale), weight); });
}

/// KernelSet::add.
inline void AddTo(const float* x, std::size_t n, float* y) noexcept {
  Map2(y, x, n, y, [](auto a, auto b) EDGEK_UNIT_ATTR { return hn::Add(a, b); });
}

/// KernelSet::silu_mul.
inline void SiluMul(const float* gate, const float* up, std::size_t n, float* y) noexcept {
  Map2(gate, up, n, y, [](auto g, auto u) EDGEK_UNIT_ATTR { return hn::Mul(Gated(g, hn::Neg(g)), u); });
}

/// KernelSet::gelu_mul.
inline void GeluMul(const float* gate, const float* up, std::size_t n, float* y) noexcept {
  Map2(gate, up, n, y, [](auto g, auto u) EDGEK_UNIT_ATTR {
    using K = reference::GeluConstants;
    const DF df;
    const auto slope = Fma(hn::Mul(g, g), hn::Set(df, K::kCubic), hn::Set(df, K::kLinear));
    return hn::Mul(Gated(g, hn::Mul(g, slope)), u);
  });
}

/// The largest of n floats, -infinity if there is none; NaNs are passed over, and of zeros the first is taken.
inline HWY_NOINLINE float MaxOf(const float* x, std::size_t n) {
  const DF df;
  HWY_ALIGN float lane[16];
  auto largest = hn::Set(df, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + hn::Lanes(df) <= n; i += hn::Lanes(df)) {
    const auto v = hn::LoadU(df, x + i);
    largest = hn::IfThenElse(hn::Gt(v, largest), v, largest);
  }
  hn::Store(largest, df, lane);
  float max = lane[0];
  for (std::size_t l = 1; l < hn::Lanes(df); ++l) max = lane[l] > max ? lane[l] : max;
  for (; i < n; ++i) max = x[i] > max ? x[i] : max;
  if (max == 0.0f) {
    for (i = 0; x[i] != 0.0f;) ++i;
    return x[i];
  }
  return max;
}

/// x[i] = e^(x[i] - max), for n floats; returns their sum.
inline HWY_NOINLINE float ExpAndSum(float* x, std::size_t n, float max) {
  const DF df;
  for (std::size_t i = 0; i < n; i += hn::Lanes(df)) {
    const auto v = hn::Sub(LoadUpTo(df, x + i, n - i), hn::Set(df, max));
    StoreUpTo(Exp(v), df, x + i, n - i);
  }
  return SumOf(x, n);
}

/// y[i] = x[i] / divisor.
HWY_INLINE void Divide(const float* x, std::size_t n, float divisor, float* y) {
  const DF df;
  for (std::size_t i = 0; i < n; i += hn::Lanes(df))
    StoreUpTo(hn::Div(LoadUpTo(df, x + i, n - i), hn::Set(df, divisor)), df, y + i, n - i);
}

/// KernelSet::softmax.
inline void Softmax(float* x, std::size_t n) noexcept { Divide(x, n, ExpAndSum(x, n, MaxOf(x, n)), x); }

/// KernelSet::argmax.
inline std::size_t ArgMax(const float* x, std::size_t n) noexcept {
  const DF df;
  const auto largest = hn::Set(df, MaxOf(x, n));
  std::size_t i = 0;
  // The vector that holds it; not FindFirstTrue, whose assertions would need Highway's library in debug builds.
  while (i + hn::Lanes(df) <= n && hn::AllFalse(df, hn::Eq(hn::LoadU(df, x + i), largest))) i += hn::Lanes(df);
  for (; i < n; ++i)
    if (x[i] == hn::GetLane(largest)) return i;
  return 0;  // NaNs only, or nothing
}

/// KernelSet::to_half.
inline void ToHalf(const float* x, std::size_t n, Half* y) noexcept {
  const DF df;
  const hn::Rebind<std::uint16_t, DF> d16;
  auto* bits = reinterpret_cast<std::uint16_t*>(y);
  for (std::size_t i = 0; i < n; i += hn::Lanes(df))
    StoreUpTo(HalfFromFloat(LoadUpTo(df, x + i, n - i)), d16, bits + i, n - i);
}

/// KernelSet::from_half.
inline void FromHalf(const Half* x, std::size_t n, float* y) noexcept {
  const DF df;
  const hn::Rebind<std::uint16_t, DF> d16;
  const auto* bits = reinterpret_cast<const std::uint16_t*>(x);
  for (std::size_t i = 0; i < n; i += hn::Lanes(df))
    StoreUpTo(FloatFromHalf(df, LoadUpTo(d16, bits + i, n - i)), df, y + i, n - i);
}

/// Turns the pairs (a, b) by angles: reference::rotate.
template <class V>
HWY_INLINE void Rotate(V& a, V& b, V cosine, V sine) {
  const V x = a, y = b;
  a = Fma(x, cosine, hn::Neg(hn::Mul(y, sine)));
  b = Fma(x, sine, hn::Mul(y, cosine));
}

/// KernelSet::rope.
inline void Rope(float* x, std::size_t heads, std::size_t head_dim, const float* cos_sin, std::size_t pairs,
                 bool adjacent) noexcept {
  const DF df;
  const std::size_t lanes = hn::Lanes(df);
  for (std::size_t h = 0; h < heads; ++h, x += head_dim) {
    std::size_t i = 0;
    for (; i + lanes <= pairs; i += lanes) {
      const auto cosine = hn::LoadU(df, cos_sin + i), sine = hn::LoadU(df, cos_sin + pairs + i);
      auto a = hn::LoadU(df, x + i), b = a;
      if (adjacent) {
        hn::LoadInterleaved2(df, x + 2 * i, a, b);
        Rotate(a, b, cosine, sine);
        hn::StoreInterleaved2(a, b, df, x + 2 * i);
      } else {
        b = hn::LoadU(df, x + i + pairs);
        Rotate(a, b, cosine, sine);
        hn::StoreU(a, df, x + i);
        hn::StoreU(b, df, x + i + pairs);
      }
    }
    for (; i < pairs; ++i) {
      float& a = x[adjacent ? 2 * i : i];
      float& b = x[adjacent ? 2 * i + 1 : i + pairs];
      reference::rotate(a, b, cos_sin[i], cos_sin[pairs + i]);
    }
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_ELEMENTWISE_INL_HPP_
