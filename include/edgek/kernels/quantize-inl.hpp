// Activations packed for the matmul kernels: int8 with one scale for 32 or 256 values, and floats.
#if defined(EDGEK_KERNELS_QUANTIZE_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_QUANTIZE_INL_HPP_
#undef EDGEK_KERNELS_QUANTIZE_INL_HPP_
#else
#define EDGEK_KERNELS_QUANTIZE_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

/// The bits of the largest magnitude of `count` floats (a multiple of 16). Magnitudes compare as integers,
/// in which infinities and NaNs are the largest.
HWY_INLINE std::int32_t LargestMagnitudeBits(const float* x, std::size_t count) {
  const DF df;
  const hn::RebindToSigned<DF> di;
  auto largest = hn::Zero(di);
  for (std::size_t i = 0; i < count; i += hn::Lanes(df))
    largest = hn::Max(largest, hn::BitCast(di, hn::Abs(hn::LoadU(df, x + i))));
  return hn::ReduceMax(di, largest);
}

/// Quantizes 16 floats and returns the sum of what they became.
HWY_INLINE std::int32_t Quantize16(const float* x, float inverse, std::int8_t* q) {
  const DF df;
  const hn::RebindToSigned<DF> di;
  const hn::Rebind<std::int8_t, DF> d8;
  auto sum = hn::Zero(di);
  for (std::size_t i = 0; i < 16; i += hn::Lanes(df)) {
    const auto rounded = hn::NearestInt(hn::Mul(hn::LoadU(df, x + i), hn::Set(df, inverse)));
    hn::StoreU(hn::DemoteTo(d8, rounded), d8, q + i);
    sum = hn::Add(sum, rounded);
  }
  return hn::ReduceSum(di, sum);
}

/// Quantizes a block as reference::quantize does, and returns its scale. sum(i, s) gets the sum s of the
/// i-th 16 values. |x * inverse| is at most 127 * (1 + 2^-23), so nothing needs to be clamped.
template <class SumFn>
HWY_INLINE float QuantizeBlock(const float* x, std::size_t count, std::int8_t* q, const SumFn& sum) {
  const std::int32_t bits = LargestMagnitudeBits(x, count);
  float amax;
  __builtin_memcpy(&amax, &bits, sizeof amax);
  const bool finite = bits < 0x7F800000;
  if (!finite || amax < reference::kSmallestAmax) {
    __builtin_memset(q, 0, count);
    for (std::size_t i = 0; i < count / 16; ++i) sum(i, 0);
    return finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
  }
  const float inverse = 127.0f / amax;
  for (std::size_t i = 0; i < count / 16; ++i) sum(i, Quantize16(x + 16 * i, inverse, q + 16 * i));
  return amax / 127.0f;
}

/// Zeroes what padding follows `bytes` bytes of a part, and returns where the next part begins.
inline std::byte* PadPart(std::byte* part, std::size_t bytes) {
  __builtin_memset(part + bytes, 0, pad64(bytes) - bytes);
  return part + pad64(bytes);
}

/// KernelSet::pack of family kA32; the layout is PackedA32 for rows and panels.
inline void PackA32(const float* x, std::size_t cols, bool /*panel*/, std::byte* out) noexcept {
  auto* q = reinterpret_cast<std::int8_t*>(out);
  std::byte* d_part = PadPart(out, cols);
  std::byte* sum_part = PadPart(d_part, cols / 32 * 4);
  PadPart(sum_part, cols / 32 * 4);
  auto* d = reinterpret_cast<float*>(d_part);
  auto* sums = reinterpret_cast<std::int32_t*>(sum_part);
  for (std::size_t b = 0; b < cols / 32; ++b) {
    std::int32_t total = 0;
    d[b] = QuantizeBlock(x + 32 * b, 32, q + 32 * b, [&](std::size_t, std::int32_t s) { total += s; });
    sums[b] = total;
  }
}

/// KernelSet::pack of family kA256; the layout is PackedA256 for rows and panels.
inline void PackA256(const float* x, std::size_t cols, bool /*panel*/, std::byte* out) noexcept {
  auto* q = reinterpret_cast<std::int8_t*>(out);
  std::byte* d_part = PadPart(out, cols);
  std::byte* sum_part = PadPart(d_part, cols / 256 * 4);
  PadPart(sum_part, cols / 16 * 2);
  auto* d = reinterpret_cast<float*>(d_part);
  auto* sums = reinterpret_cast<std::int16_t*>(sum_part);
  for (std::size_t b = 0; b < cols / 256; ++b) {
    d[b] = QuantizeBlock(x + 256 * b, 256, q + 256 * b,
                         [&](std::size_t i, std::int32_t s) { sums[16 * b + i] = static_cast<std::int16_t>(s); });
  }
}

/// Columns of a panel of floats. Longer rows take several, and their sums wait in scratch. 2048 instead of 1024 are 3 %
/// on Zen 3 and Zen 4 (fewer loads and stores of sums); panels of more rows would leave the second cache.
inline constexpr std::size_t kPanelCols = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3_DL ? 2048 : 1024;

/// Where lane `lane` of `count` packed columns begins.
HWY_INLINE std::size_t PackedLane(std::size_t lane, std::size_t count) {
  return lane * (count / 16) + HWY_MIN(lane, count % 16);
}

/// `count` columns in the order of the 16 lanes: all k with k % 16 == 0 first, then those with k % 16 == 1, and so on.
HWY_INLINE void PackLanes(const float* x, std::size_t count, float* to) {
  const DF4 d;
  std::size_t k = 0;
  for (; k + 64 <= count; k += 64) {
    for (std::size_t lane = 0; lane < 16; lane += 4) {
      const float* from = x + k + lane;
      auto v0 = hn::LoadU(d, from), v1 = hn::LoadU(d, from + 16);
      auto v2 = hn::LoadU(d, from + 32), v3 = hn::LoadU(d, from + 48);
      TransposeFour(v0, v1, v2, v3);
      hn::StoreU(v0, d, to + PackedLane(lane, count) + k / 16);
      hn::StoreU(v1, d, to + PackedLane(lane + 1, count) + k / 16);
      hn::StoreU(v2, d, to + PackedLane(lane + 2, count) + k / 16);
      hn::StoreU(v3, d, to + PackedLane(lane + 3, count) + k / 16);
    }
  }
  for (; k < count; ++k) to[PackedLane(k % 16, count) + k / 16] = x[k];
}

/// KernelSet::pack of family kF32. Rows read the floats as they are. The panel kernel, which SSE2 lacks
/// (set-inl.hpp), takes the columns of a panel in the order of the lanes.
inline void PackF32(const float* x, std::size_t cols, bool panel, std::byte* out) noexcept {
  auto* to = reinterpret_cast<float*>(out);
  PadPart(out, cols * sizeof(float));
  if (!panel || HWY_TARGET == HWY_SSE2) {
    __builtin_memcpy(to, x, cols * sizeof(float));
    return;
  }
  for (std::size_t first = 0; first < cols; first += kPanelCols) {
    const std::size_t count = HWY_MIN(kPanelCols, cols - first);
    PackLanes(x + first, count, to + first);
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_QUANTIZE_INL_HPP_
