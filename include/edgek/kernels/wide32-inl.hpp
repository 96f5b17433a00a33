// One token times rows of blocks of 32 weights, in 512-bit vectors (AVX3_DL). A step takes four blocks of a row,
// or two of Q8_0, by two full loads: the step's first and last 64 bytes. A byte permutation sorts out the weights,
// another one the scales of all rows. Against one 16-byte load per block and row (block32-inl.hpp) that is 1.4
// times as fast in cache, and memory sees whole lines: Q4_0 reads 95 % of what the null kernel does, not 89 % (Intel;
// on a Zen 4 Q4_1, Q5_0 and Q5_1 gain 5 to 20 % in cache, Q4_0 nothing).
#if defined(EDGEK_KERNELS_WIDE32_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_WIDE32_INL_HPP_
#undef EDGEK_KERNELS_WIDE32_INL_HPP_
#else
#define EDGEK_KERNELS_WIDE32_INL_HPP_
#endif

#include "edgek/kernels/nibbles-inl.hpp"
#include "edgek/kernels/rows-inl.hpp"

#if HWY_TARGET == HWY_AVX3_DL

EDGEK_BEFORE_UNIT

using WideU8 = hn::CappedTag<std::uint8_t, 64>;
using WideI32 = hn::Repartition<std::int32_t, WideU8>;
using WideF32 = hn::Repartition<float, WideU8>;
using WideV8 = hn::VFromD<WideU8>;
using WideV32 = hn::VFromD<WideI32>;

/// 32 bytes in both halves.
HWY_INLINE WideV8 LoadTwice(const std::uint8_t* p) {
  return WideV8{_mm512_maskz_broadcast_i64x4(0xFF, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

/// `count` bits of every byte from bit `first` on (in the upper half: from bit `second` on) as bits 4, 5, ...; all
/// others 0. A product with a matrix of bits: byte 7 - i of the matrix picks what becomes bit i.
template <int count>
HWY_INLINE WideV8 MoveBits(WideV8 v, int first, int second) {
  const auto matrix = [](int from) EDGEK_UNIT_ATTR {
    std::uint64_t rows = 0;
    for (int i = 0; i < count; ++i) rows |= std::uint64_t{1} << (from + i) << 8 * (7 - (4 + i));
    return static_cast<long long>(rows);
  };
  const auto both = _mm512_setr_epi64(matrix(first), matrix(first), matrix(first), matrix(first), matrix(second),
                                      matrix(second), matrix(second), matrix(second));
  return WideV8{_mm512_gf2p8affine_epi64_epi8(v.raw, both, 0)};
}

/// Which byte of a step each of 64 lanes takes, and from which of the step's two loads.
struct LaneBytes {
  alignas(64) std::uint8_t in_first[64] = {}, in_last[64] = {};
  std::uint64_t first = 0;   // lanes that the first load has
  bool last_stays = true;    // the lanes of the last load stand where they are wanted
};

template <typename ByteOf>
constexpr LaneBytes MakeLaneBytes(std::size_t step_bytes, ByteOf byte_of) {
  LaneBytes table;
  const std::size_t last = step_bytes - 64;
  for (std::size_t lane = 0; lane < 64; ++lane) {
    const std::size_t byte = byte_of(lane);
    if (byte < 64) {
      table.in_first[lane] = static_cast<std::uint8_t>(byte);
      table.first |= std::uint64_t{1} << lane;
    } else {
      table.in_last[lane] = static_cast<std::uint8_t>(byte - last);
      table.last_stays &= byte - last == lane;
    }
  }
  return table;
}

/// A row's step: its first and last 64 bytes.
struct StepLoads {
  WideV8 first, last;
};

// The forms with a mask of ones compile to the plain instructions; g++-12 warns about its own plain forms.
HWY_INLINE WideV8 Permute(WideV8 v, const std::uint8_t* in) {
  return WideV8{_mm512_maskz_permutexvar_epi8(~__mmask64{0}, hn::Load(WideU8(), in).raw, v.raw)};
}

/// The table's bytes.
template <const LaneBytes& kTable>
HWY_INLINE WideV8 PickBytes(const StepLoads& row) {
  if constexpr (kTable.first == ~std::uint64_t{0}) return Permute(row.first, kTable.in_first);
  const WideV8 last = kTable.last_stays ? row.last : Permute(row.last, kTable.in_last);
  const auto in_first = hn::Load(WideU8(), kTable.in_first);
  return WideV8{_mm512_mask_permutexvar_epi8(last.raw, kTable.first, in_first.raw, row.first.raw)};
}

/// Where a format's bytes are in a step.
template <class F>
struct Step32 {
  static constexpr std::size_t kBlock = info(F::kFormat).block_bytes;
  static constexpr bool kBytes = F::kMaxWeight == 255;  // weights of 8 bits
  static constexpr std::size_t kBlocks = kBytes ? 2 : 4;
  static constexpr std::size_t kSize = kBlocks * kBlock;
  static constexpr std::size_t kPerBlock = 64 / kBlocks;  // bytes of quants

  static constexpr LaneBytes kQuants = MakeLaneBytes(
      kSize, [](std::size_t lane) { return lane / kPerBlock * kBlock + F::kQuants + lane % kPerBlock; });
  /// Heads of blocks with fifth bits: for each block twice the fifth bits, the scale and the minimum, if any.
  static constexpr LaneBytes kHeads = MakeLaneBytes(kSize, [](std::size_t lane) {
    const std::size_t at = lane % 8;
    return lane / 16 % kBlocks * kBlock + (at < 4 ? F::kFifthBits + at : at < 6 || F::kMin ? at - 4 : 0);
  });
  static HWY_INLINE WideV8 Heads(const StepLoads& row) {
    if constexpr (F::kFifthBits == 0) return row.first;  // has all scales
    return PickBytes<kHeads>(row);
  }

  /// The scale, and the minimum if there is one, again and again in the lanes of a block.
  static constexpr std::size_t kScaleBytes = F::kMin ? 4 : 2;
  static constexpr LaneBytes kScales = MakeLaneBytes(64, [](std::size_t lane) {
    const std::size_t head = F::kFifthBits == 0 ? lane / 16 % kBlocks * kBlock : lane / 16 * 16 + 4;
    return head + lane % kScaleBytes;
  });

  /// Whether int16 holds the sum of sixteen products, not just of eight, as with a fifth bit.
  static constexpr bool kPairsFit = F::kMaxWeight * 127 * 16 <= 32767;
  /// Lanes of a block in which a row's sum starts from -bias * sum_x: the one that it ends in, or one of two.
  static constexpr std::uint16_t kStartLanes = kBytes ? 0x0101 : kPairsFit ? 0xFFFF : 0x5555;
};

/// (block, row of four): `scales` with those of one more row.
template <class F>
HWY_INLINE WideV8 MergeRow(WideV8 scales, std::size_t row, WideV8 heads) {
  constexpr std::uint64_t kFirstLanes = F::kMin ? 0x000F000F000F000F : 0x0003000300030003;
  const auto in = hn::Load(WideU8(), Step32<F>::kScales.in_first);
  const std::uint64_t lanes = kFirstLanes << Step32<F>::kScaleBytes * row;
  return WideV8{_mm512_mask_permutexvar_epi8(scales.raw, lanes, in.raw, heads.raw)};
}

/// (block, row): word `at` of each row's scale and minimum, from those of the rows 0..3 and 4..7.
template <std::size_t at>
HWY_INLINE WideV8 WordsOfRows(const WideV8* scales) {
  alignas(64) static constexpr auto kFrom = [] {
    std::array<std::uint16_t, 32> from{};
    for (std::size_t lane = 0; lane < 32; ++lane)
      from[lane] = static_cast<std::uint16_t>(lane % 8 / 4 * 32 + lane / 8 * 8 + lane % 4 * 2 + at);
    return from;
  }();
  const __m512i from = _mm512_load_si512(kFrom.data());
  return WideV8{_mm512_permutex2var_epi16(scales[0].raw, from, scales[1].raw)};
}

/// The activations of a step, in the order of the weights, and what the sums start from.
struct StepActivations {
  WideV8 low, high;
  WideV32 start;  // -bias * sum_x in Step32::kStartLanes
};

template <class F>
HWY_INLINE StepActivations LoadStepActivations(const PackedA32& token, std::size_t block) {
  const auto* q = reinterpret_cast<const std::uint8_t*>(token.q + 32 * block);
  const WideU8 d;
  const auto* sum = reinterpret_cast<const __m128i*>(token.sum + block);  // of two blocks or of four, no more
  const auto sums = _mm_mullo_epi32(Step32<F>::kBytes ? _mm_loadl_epi64(sum) : _mm_loadu_si128(sum),
                                    _mm_set1_epi32(-F::kBias));
  const auto a = hn::LoadU(d, q);
  const auto block_of_lane = Step32<F>::kBytes ? _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
                                               : _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const WideV32 start{
      _mm512_maskz_permutexvar_epi32(Step32<F>::kStartLanes, block_of_lane, _mm512_castsi128_si512(sums))};
  if constexpr (Step32<F>::kBytes) return {a, a, start};
  const auto b = hn::LoadU(d, q + 64);
  return {WideV8{_mm512_maskz_shuffle_i64x2(0xFF, a.raw, b.raw, 0x88)},
          WideV8{_mm512_maskz_shuffle_i64x2(0xFF, a.raw, b.raw, 0xDD)}, start};
}

/// Nibbles with their fifth bits: bit `begin` + i of the block's head for its lane i. (A mask of them by
/// vpshufbitqmb would be no faster, and the emulator that stands in for missing CPUs gets it wrong.)
template <std::size_t begin>
HWY_INLINE WideV8 AddFifthBits(WideV8 nibbles, WideV8 heads) {
  alignas(64) static constexpr auto kFrom = [] {  // of the head's qword: eight bits with the wanted one fifth
    std::array<std::uint8_t, 64> from{};
    for (std::size_t lane = 0; lane < 64; ++lane) from[lane] = static_cast<std::uint8_t>((begin + lane % 16 + 60) % 64);
    return from;
  }();
  const WideU8 d;
  return hn::OrAnd(nibbles, BitsFrom(heads, hn::Load(d, kFrom.data())), hn::Set(d, 16));
}

/// A row's products with a step's activations: 16 sums, the same number of each block. Those of bytes begin with the
/// start, those of nibbles get it when rows are added up.
template <class F>
HWY_INLINE WideV32 DotStep(WideV8 quants, WideV8 heads, const StepActivations& x) {
  if constexpr (Step32<F>::kBytes) {
    return WideV32{_mm512_dpbusd_epi32(x.start.raw, hn::Xor(quants, hn::Set(WideU8(), 128)).raw, x.low.raw)};
  } else {
    WideV8 low = hn::And(quants, hn::Set(WideU8(), 15)), high = hn::ShiftRight<4>(quants);
    if constexpr (F::kFifthBits != 0) low = AddFifthBits<0>(low, heads), high = AddFifthBits<16>(high, heads);
    const auto of_low = _mm512_dpbusd_epi32(_mm512_setzero_si512(), low.raw, x.low.raw);
    return WideV32{_mm512_dpbusd_epi32(of_low, high.raw, x.high.raw)};
  }
}

/// start + two lanes for each of two rows in every 128-bit block, from four lanes of each, which fit int16.
HWY_INLINE WideV32 FoldAsSmall(WideV32 start, WideV32 a, WideV32 b) {
  const hn::Repartition<std::int16_t, WideU8> d16;
  const auto both = hn::ReorderDemote2To(d16, a, b);
  return WideV32{_mm512_dpwssd_epi32(start.raw, both.raw, hn::Set(d16, 1).raw)};
}

/// (128-bit block, row of four) from four rows' sums in each block. By way of int16 where it holds them: Q4_0 is a
/// tenth faster in the first cache of a Zen 4 than with RowTree() alone.
template <class F>
HWY_INLINE WideV32 SumFourRows(WideV32 s0, WideV32 s1, WideV32 s2, WideV32 s3, WideV32 start) {
  const WideI32 d;
  if constexpr (Step32<F>::kBytes) return RowTree(s0, s1, s2, s3);
  if constexpr (Step32<F>::kPairsFit) {
    const auto zero = hn::Zero(d);
    return FoldAsSmall(start, FoldAsSmall(zero, s0, s1), FoldAsSmall(zero, s2, s3));
  }
  const auto even = FoldAsSmall(start, s0, s2), odd = FoldAsSmall(start, s1, s3);  // rows
  return hn::Add(hn::InterleaveEven(d, even, odd), hn::InterleaveOdd(d, even, odd));
}

HWY_INLINE __m256i LowerWords(WideV8 v) { return hn::LowerHalf(v).raw; }
HWY_INLINE __m256i UpperWords(WideV8 v) { return _mm512_maskz_extracti64x4_epi64(0xF, v.raw, 1); }
HWY_INLINE hn::VFromD<RowF32> UpperFloats(hn::VFromD<WideF32> v) {
  return hn::VFromD<RowF32>{_mm512_maskz_extractf32x8_ps(0xFF, v.raw, 1)};
}
HWY_INLINE hn::VFromD<WideF32> FloatsOfHalves(__m256i halves) {
  return hn::VFromD<WideF32>{_mm512_maskz_cvtph_ps(0xFFFF, halves)};
}

/// (block, row) for two blocks and eight rows: values that every row shares.
HWY_INLINE hn::VFromD<WideF32> OfTwoBlocks(float first, float second) {
  return hn::VFromD<WideF32>{_mm512_mask_broadcastss_ps(_mm512_set1_ps(first), 0xFF00, _mm_set_ss(second))};
}

/// The float steps of two blocks; sums, scales (as Half) and mins are (block, row).
template <bool kMin>
HWY_INLINE hn::VFromD<RowF32> AddTwoBlocks(WideV32 isum, __m256i scale, __m256i min, const PackedA32& token,
                                           std::size_t block, hn::VFromD<RowF32> acc) {
  const WideF32 d;
  const RowF32 dr;
  const auto d_x = OfTwoBlocks(token.d[block], token.d[block + 1]);
  const auto sum = hn::ConvertTo(d, isum);
  const auto by = hn::Mul(FloatsOfHalves(scale), d_x);
  const auto min_by = hn::Mul(FloatsOfHalves(min), d_x);
  const auto sum_x = [&](std::size_t b) EDGEK_UNIT_ATTR { return hn::Set(dr, static_cast<float>(token.sum[b])); };
  acc = Fma(hn::LowerHalf(sum), hn::LowerHalf(by), acc);
  if constexpr (kMin) acc = Fma(sum_x(block), hn::LowerHalf(min_by), acc);
  acc = Fma(UpperFloats(sum), UpperFloats(by), acc);
  return kMin ? Fma(sum_x(block + 1), UpperFloats(min_by), acc) : acc;
}

/// Adds the step whose first block is `block`, for all rows of a tile.
template <class F>
HWY_INLINE hn::VFromD<RowF32> AddStep32(TilePointers p, const PackedA32& token, std::size_t block,
                                        hn::VFromD<RowF32> acc) {
  using S = Step32<F>;
  const WideU8 d;
  const hn::Repartition<std::uint64_t, WideU8> d64;
  const StepActivations x = LoadStepActivations<F>(token, block);
  WideV8 scales[2] = {hn::Zero(d), hn::Zero(d)};  // (block, row of four): scale and minimum
  const auto row = [&](std::size_t r) EDGEK_UNIT_INLINE {
    const std::uint8_t* step = p[r] + block * S::kBlock;
    StepLoads loads{hn::LoadU(d, step), hn::LoadU(d, step + S::kSize - 64)};
    __asm__("" : "+v"(loads.first.raw));  // loaded once: unaligned, it costs more than any use of it
    const WideV8 heads = S::Heads(loads);
    scales[r / 4] = MergeRow<F>(scales[r / 4], r % 4, heads);
    return DotStep<F>(PickBytes<S::kQuants>(loads), heads, x);
  };
  const auto s0 = row(0), s1 = row(1), s2 = row(2), s3 = row(3);
  const auto lower = SumFourRows<F>(s0, s1, s2, s3, x.start);
  const auto s4 = row(4), s5 = row(5), s6 = row(6), s7 = row(7);
  const auto upper = SumFourRows<F>(s4, s5, s6, s7, x.start);
  const auto pair = [&](__m512i order) EDGEK_UNIT_ATTR {
    return WideV32{_mm512_permutex2var_epi64(lower.raw, order, upper.raw)};
  };
  WideV8 scale, min = hn::Zero(d);  // (block, row)
  if constexpr (F::kMin) {
    scale = WordsOfRows<0>(scales), min = WordsOfRows<1>(scales);
  } else {
    scale = hn::BitCast(d, hn::InterleaveLower(d64, hn::BitCast(d64, scales[0]), hn::BitCast(d64, scales[1])));
  }
  if constexpr (S::kBytes) {  // a block is two 128-bit blocks
    const auto sum = hn::Add(pair(_mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13)),
                             pair(_mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15)));
    return AddTwoBlocks<F::kMin>(sum, LowerWords(scale), LowerWords(min), token, block, acc);
  } else {
    acc = AddTwoBlocks<F::kMin>(pair(_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11)), LowerWords(scale), LowerWords(min),
                                token, block, acc);
    return AddTwoBlocks<F::kMin>(pair(_mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15)),
                                 UpperWords(scale), UpperWords(min), token, block + 2, acc);
  }
}

EDGEK_AFTER_UNIT

#endif  // HWY_TARGET == HWY_AVX3_DL

#endif  // EDGEK_KERNELS_WIDE32_INL_HPP_
