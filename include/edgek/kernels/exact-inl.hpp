// Weights of the block formats as floats: exact mode, and rows unpacked for reading. What the integer kernels
// unpack to bytes and scales is multiplied out, as formats/ defines it.
#if defined(EDGEK_KERNELS_EXACT_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_EXACT_INL_HPP_
#undef EDGEK_KERNELS_EXACT_INL_HPP_
#else
#define EDGEK_KERNELS_EXACT_INL_HPP_
#endif

#include "edgek/kernels/float-inl.hpp"
#include "edgek/kernels/unpack-inl.hpp"

EDGEK_BEFORE_UNIT

/// The bias of Q8_0 where its signed bytes were made unsigned; they are made signed again.
inline constexpr std::int32_t kFlipBias = 128;

/// to[i] = scale * (code - bias) + addend, for 16 weights. Where an addend is not -0 the product is exact, and
/// adding -0 changes nothing: fused or not, the result is the same.
HWY_INLINE void FillSixteen(const std::uint8_t* codes, std::int32_t bias, float scale, float addend, float* to) {
  const DF df;
  const hn::RebindToSigned<DF> di;
  const hn::Rebind<std::int8_t, DF> d8;
  const bool flip = bias == kFlipBias;
  const auto top = hn::Set(d8, static_cast<std::int8_t>(flip ? -128 : 0));
  for (std::size_t i = 0; i < 16; i += hn::Lanes(df)) {
    const auto bytes = hn::Xor(hn::LoadU(d8, reinterpret_cast<const std::int8_t*>(codes) + i), top);
    const auto code = hn::ConvertTo(df, hn::Sub(hn::PromoteTo(di, bytes), hn::Set(di, flip ? 0 : bias)));
    hn::StoreU(hn::MulAdd(hn::Set(df, scale), code, hn::Set(df, addend)), df, to + i);
  }
}

/// Byte of an unpacked tile at which row r's first 16 of a vector of rows stand.
HWY_INLINE std::size_t RowPlace(std::size_t r) { return r % 4 * kRowVectorBytes + r / 4 * 16; }

/// FillFn of the formats with blocks of 32.
inline HWY_NOINLINE void Fill32(const FloatSource& source, TilePointers p, std::size_t k, std::size_t count,
                                float* to, std::size_t stride) {
  Unpacked32 u;
  for (std::size_t i = 0; i < count; i += 32) {
    source.unpack32(p, (k + i) / 32 * source.block_bytes, &u);
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const std::uint8_t* codes = u.weights + RowPlace(r);
      const float addend = source.min ? u.min[r] : -0.0f;
      FillSixteen(codes, source.bias, u.scale[r], addend, to + r * stride + i);
      FillSixteen(codes + 4 * kRowVectorBytes, source.bias, u.scale[r], addend, to + r * stride + i + 16);
    }
  }
}

/// FillFn of the formats with super-blocks of 256.
inline HWY_NOINLINE void Fill256(const FloatSource& source, TilePointers p, std::size_t k, std::size_t count,
                                 float* to, std::size_t stride) {
  Unpacked256 u;
  for (std::size_t i = 0; i < count; i += 256) {
    source.unpack256(p, (k + i) / 256 * source.block_bytes, &u);
    for (std::size_t r = 0; r < kTileRows; ++r) {
      const std::int16_t* a = u.a + RowPlace(r) / 2;
      const std::int16_t* b = u.b + RowPlace(r) / 2;
      for (std::size_t s = 0; s < 16; ++s) {
        const std::int16_t entry = source.min ? a[s / 2] : (s < 8 ? a[s] : b[s - 8]);
        const float addend = source.min ? -(u.min[r] * static_cast<float>(b[s / 2])) : -0.0f;
        FillSixteen(u.weights + 4 * s * kRowVectorBytes + RowPlace(r), source.bias,
                    u.scale[r] * static_cast<float>(entry), addend, to + r * stride + i + 16 * s);
      }
    }
  }
}

/// The source of a block format.
template <class F>
constexpr FloatSource BlockSource() {
  if constexpr (info(F::kFormat).activation == Activation::kA32) {
    return {nullptr, &Fill32, 32, info(F::kFormat).block_bytes, &Unpack32<F>, nullptr, F::kBias, F::kMin};
  } else {
    constexpr std::int32_t kBias = F::kMins ? 0 : 32;
    return {nullptr, &Fill256, 256, info(F::kFormat).block_bytes, nullptr, &Unpack256<F>, kBias, F::kMins};
  }
}
template <class F>
inline constexpr FloatSource kBlockSource = BlockSource<F>();

/// KernelSet::unpack but for the source: the tile's rows are successive blocks of one row.
inline HWY_NOINLINE void UnpackBlocks(const FloatSource& source, const std::byte* row, std::size_t cols, float* y) {
  HWY_ALIGN float floats[kTileRows * kFillWeights];
  const std::size_t weights = source.block_weights;
  const std::size_t blocks = cols / weights;
  for (std::size_t b = 0; b < blocks; b += kTileRows) {
    const std::size_t count = HWY_MIN(kTileRows, blocks - b);
    const std::uint8_t* p[kTileRows];  // the last block stands for missing ones
    for (std::size_t j = 0; j < kTileRows; ++j)
      p[j] = reinterpret_cast<const std::uint8_t*>(row) + (b + HWY_MIN(j, count - 1)) * source.block_bytes;
    source.fill(source, p, 0, weights, floats, weights);
    __builtin_memcpy(y + b * weights, floats, count * weights * sizeof(float));
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_EXACT_INL_HPP_
