// The tables of one unit: every KernelSet entry, by name, for all formats or some.
#if defined(EDGEK_KERNELS_SET_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_SET_INL_HPP_
#undef EDGEK_KERNELS_SET_INL_HPP_
#else
#define EDGEK_KERNELS_SET_INL_HPP_
#endif

#include "edgek/kernels/panel256-inl.hpp"
#include "edgek/kernels/panel32-inl.hpp"
#include "edgek/kernels/q4_0-inl.hpp"
#include "edgek/kernels/q4_1-inl.hpp"
#include "edgek/kernels/q4_k-inl.hpp"
#include "edgek/kernels/q5_0-inl.hpp"
#include "edgek/kernels/q5_1-inl.hpp"
#include "edgek/kernels/q5_k-inl.hpp"
#include "edgek/kernels/q6_k-inl.hpp"
#include "edgek/kernels/q8_0-inl.hpp"
#include "edgek/kernels/simd-inl.hpp"
#include "edgek/kernels/tokens256-inl.hpp"
#include "edgek/kernels/tokens32-inl.hpp"
#ifndef EDGEK_UNIT_SECOND
#include "edgek/kernels/attention-inl.hpp"
#include "edgek/kernels/elementwise-inl.hpp"
#include "edgek/kernels/exact-inl.hpp"
#include "edgek/kernels/float-inl.hpp"
#include "edgek/kernels/float_panel-inl.hpp"
#include "edgek/kernels/quantize-inl.hpp"
#include "edgek/kernels/stream-inl.hpp"
#endif

EDGEK_BEFORE_UNIT

constexpr const char* UnitName() noexcept {
#if HWY_TARGET == HWY_NEON_WITHOUT_AES
  return EDGEK_UNIT_DOT ? "NEON_DOT" : "NEON";
#elif HWY_TARGET == HWY_AVX2
  return EDGEK_UNIT_DOT ? "AVX2_VNNI" : "AVX2";
#else
  return &EDGEK_DETAIL_STR(HWY_NAMESPACE)[2];  // "N_AVX3_DL" without the "N_"
#endif
}

/// A format's class: how vectors of its weights are loaded (block32-inl.hpp, block256-inl.hpp, float-inl.hpp).
template <Format> struct FormatClass;
template <> struct FormatClass<Format::kF32> : std::type_identity<WeightsF32> {};
template <> struct FormatClass<Format::kF16> : std::type_identity<WeightsF16> {};
template <> struct FormatClass<Format::kBF16> : std::type_identity<WeightsBF16> {};
template <> struct FormatClass<Format::kQ8_0> : std::type_identity<Q8_0Bytes<EDGEK_UNIT_DOT != 0 && !kSignedQuads>> {};
template <> struct FormatClass<Format::kQ4_0> : std::type_identity<Q4_0> {};
template <> struct FormatClass<Format::kQ4_1> : std::type_identity<Q4_1> {};
template <> struct FormatClass<Format::kQ5_0> : std::type_identity<Q5_0> {};
template <> struct FormatClass<Format::kQ5_1> : std::type_identity<Q5_1> {};
template <> struct FormatClass<Format::kQ4_K> : std::type_identity<Q4_K> {};
template <> struct FormatClass<Format::kQ5_K> : std::type_identity<Q5_K> {};
template <> struct FormatClass<Format::kQ6_K> : std::type_identity<Q6_K> {};
template <Format kFormat>
using ClassOf = typename FormatClass<kFormat>::type;

/// Whether a format's fast kernels multiply integers.
template <Format kFormat>
inline constexpr bool kIsInteger = info(kFormat).activation != Activation::kF32;

/// Bytes. One core of a Zen 3 reads fastest 512 ahead (1024: 10-30 % slower), one of a Zen 4 1536 (F16 at 1024: 15 %
/// slower), one of a Sapphire Rapids 1024 (1536 was not tried there).
inline constexpr std::size_t kPrefetch = HWY_TARGET == HWY_AVX3_DL ? 1536 : 512;

/// SSE2, the fallback for CPUs from before 2013, does without panels: they would cost every including file a second
/// of compile time.
inline constexpr bool kPanel = HWY_TARGET != HWY_SSE2;

/// Kernels of an integer format. With 16 tokens and weights in memory, AVX-512's row kernels are 4 to 13 % faster than
/// panels on a Zen 4; AVX2's panels are as fast from 8 tokens on.
template <class F>
constexpr MatmulKernels IntegerKernels() noexcept {
  constexpr std::size_t kTokens = HWY_TARGET == HWY_AVX3_DL ? 16 : 6;
  if constexpr (info(F::kFormat).activation == Activation::kA32) {
    constexpr RowsFn kRows = &Rows32<F>;
    const char* name = EDGEK_UNIT_DOT ? "int8 per 32, four-way dot" : "int8 per 32";
    if constexpr (kPanel) {
      return {name, Activation::kA32, kRows, &PanelOfKind<kPanelKind32<F>>, kTokens, kTileRows, kMaxPanelRows};
    } else {
      return {name, Activation::kA32, kRows, &PanelOfRows<kRows>, kTokens, kTileRows, kTileRows};
    }
  } else {
    constexpr RowsFn kRows = &Rows256<F>;
    const char* name = EDGEK_UNIT_DOT ? "int8 per 256, four-way dot" : "int8 per 256";
    if constexpr (kPanel) {
      return {name, Activation::kA256, kRows, &PanelOfKind<kPanelKind256<F>>, kTokens, kTileRows, kMaxPanelRows};
    } else {
      return {name, Activation::kA256, kRows, &PanelOfRows<kRows>, kTokens, kTileRows, kTileRows};
    }
  }
}

#ifndef EDGEK_UNIT_SECOND

template <const FloatSource& kSource>
void RowsOf(const MatmulJob& job, std::size_t begin, std::size_t end) noexcept {
  WalkTiles(job, begin, end, kSource.add_rows == nullptr ? &UnpackedTile : &FloatTile, &kSource);
}
template <const FloatSource& kSource, class W>
void PanelOf(const MatmulJob& job, std::size_t begin, std::size_t end, std::byte* scratch) noexcept {
  FloatPanel(job, kSource, kPanelStorage<W>, begin, end, scratch);
}
template <const FloatSource& kSource>
void UnpackOf(const std::byte* row, std::size_t cols, float* y) noexcept {
  UnpackBlocks(kSource, row, cols, y);
}

/// Kernels that multiply floats; W: how the source's weights are stored.
template <const FloatSource& kSource, class W = WeightsF32>
constexpr MatmulKernels FloatKernels(const char* name) noexcept {
  constexpr RowsFn kRows = &RowsOf<kSource>;
  if constexpr (kPanel) {
    return {name, Activation::kF32, kRows, &PanelOf<kSource, W>, 8, kTileRows, kMaxFloatPanelRows};
  } else {
    return {name, Activation::kF32, kRows, &PanelOfRows<kRows>, 8, kTileRows, kTileRows};
  }
}

/// Exact products and unpacking of a format; for a float format that is all.
template <Format kFormat>
constexpr void AddExact(KernelSet& s) noexcept {
  constexpr std::size_t kIndex = index_of(kFormat);
  using F = ClassOf<kFormat>;
  if constexpr (kIsInteger<kFormat>) {
    s.exact[kIndex] = FloatKernels<kBlockSource<F>>("unpacked to float");
    s.unpack[kIndex] = &UnpackOf<kBlockSource<F>>;
  } else {
    s.by_format[kIndex] = s.exact[kIndex] = FloatKernels<kPlainSource<F>, F>("float");
    s.unpack[kIndex] = &UnpackFloats<F>;
  }
}

constexpr void AddElementwise(KernelSet& s) noexcept {
  s.pack = {&PackF32, &PackA32, &PackA256};
  s.rmsnorm = &RmsNorm;
  s.add = &AddTo;
  s.silu_mul = &SiluMul;
  s.gelu_mul = &GeluMul;
  s.softmax = &Softmax;
  s.to_half = &ToHalf;
  s.from_half = &FromHalf;
  s.argmax = &ArgMax;
  s.rope = &Rope;
  s.stream = &Stream;
}

constexpr void AddAttention(KernelSet& s) noexcept {
  s.attention_chunk = &AttentionChunk;
  s.attention_merge = &AttentionMerge;
  s.attention_finish = &AttentionFinish;
}

/// Everything that needs no integer dot product.
template <Format... kFormats>
constexpr KernelSet MakeRest() noexcept {
  KernelSet s{};
  AddElementwise(s);
  AddAttention(s);
  (AddExact<kFormats>(s), ...);
  return s;
}

#else

/// Everything that needs no integer dot product: the target's first unit has compiled it.
template <Format... kFormats>
constexpr KernelSet MakeRest() noexcept {
  return base::kSet<kFormats...>;
}

#endif  // EDGEK_UNIT_SECOND

/// The fast kernels of an integer format.
template <Format kFormat>
constexpr void AddInteger(KernelSet& s) noexcept {
  if constexpr (kIsInteger<kFormat>) s.by_format[index_of(kFormat)] = IntegerKernels<ClassOf<kFormat>>();
}

template <Format... kFormats>
constexpr KernelSet MakeSet() noexcept {
  KernelSet s = MakeRest<kFormats...>();
  s.name = UnitName();
  s.prefetch = kPrefetch;
  (AddInteger<kFormats>(s), ...);
  return s;
}

/// The unit's set for some formats.
template <Format... kFormats>
inline constexpr KernelSet kSet = MakeSet<kFormats...>();

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_SET_INL_HPP_
