// Row kernels over floats: F32, F16 and BF16 weights, and exact mode, where weights of any format are unpacked
// to float first. A dot product is summed in 16 virtual lanes, k in lane k % 16, and one fixed tree.
#if defined(EDGEK_KERNELS_FLOAT_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_FLOAT_INL_HPP_
#undef EDGEK_KERNELS_FLOAT_INL_HPP_
#else
#define EDGEK_KERNELS_FLOAT_INL_HPP_
#endif

#include "edgek/kernels/rows-inl.hpp"
#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

// ---- weights stored as floats of some kind: a vector of them, or one

struct WeightsF32 {
  static constexpr std::size_t kBytes = 4;
  template <class D>
  static HWY_INLINE hn::VFromD<D> Load(D d, const std::uint8_t* row, std::size_t k) {
    return hn::LoadU(d, reinterpret_cast<const float*>(row) + k);
  }
  /// `left` of them, and zeros.
  template <class D>
  static HWY_INLINE hn::VFromD<D> LoadSome(D d, const std::uint8_t* row, std::size_t k, std::size_t left) {
    return LoadUpTo(d, reinterpret_cast<const float*>(row) + k, left);
  }
  static HWY_INLINE float Get(const std::uint8_t* row, std::size_t k) {
    float w;
    __builtin_memcpy(&w, row + 4 * k, sizeof w);
    return w;
  }
};

struct WeightsF16 {
  static constexpr std::size_t kBytes = 2;
  template <class D, class V16>
  static HWY_INLINE hn::VFromD<D> FromBits(D d, V16 bits) {
    return FloatFromHalf(d, bits);
  }
  template <class D>
  static HWY_INLINE hn::VFromD<D> Load(D d, const std::uint8_t* row, std::size_t k) {
    const hn::Rebind<std::uint16_t, D> d16;
    return FromBits(d, hn::LoadU(d16, reinterpret_cast<const std::uint16_t*>(row) + k));
  }
  template <class D>
  static HWY_INLINE hn::VFromD<D> LoadSome(D d, const std::uint8_t* row, std::size_t k, std::size_t left) {
    const hn::Rebind<std::uint16_t, D> d16;
    return FromBits(d, LoadUpTo(d16, reinterpret_cast<const std::uint16_t*>(row) + k, left));
  }
  static HWY_INLINE float Get(const std::uint8_t* row, std::size_t k) {
    Half w;
    __builtin_memcpy(&w, row + 2 * k, sizeof w);
    return to_float(w);
  }
};

struct WeightsBF16 {
  static constexpr std::size_t kBytes = 2;
  template <class D, class V16>
  static HWY_INLINE hn::VFromD<D> FromBits(D d, V16 bits) {
    return FloatFromBFloat16(d, bits);
  }
  template <class D>
  static HWY_INLINE hn::VFromD<D> Load(D d, const std::uint8_t* row, std::size_t k) {
    const hn::Rebind<std::uint16_t, D> d16;
    return FromBits(d, hn::LoadU(d16, reinterpret_cast<const std::uint16_t*>(row) + k));
  }
  static HWY_INLINE float Get(const std::uint8_t* row, std::size_t k) {
    BFloat16 w;
    __builtin_memcpy(&w, row + 2 * k, sizeof w);
    return to_float(w);
  }
};

// ---- four rows times one token

/// Rows that are multiplied together: enough independent sums to hide the latency of a multiply-add.
inline constexpr std::size_t kSumRows = 4;
inline constexpr std::size_t kSumFloats = kSumRows * 16;

template <std::size_t kParts, class V>
HWY_INLINE void LoadLanes(const float* lanes, V& s0, V& s1, V& s2, V& s3) {
  const PartTag<kParts> d;
  constexpr std::size_t kPart = 16 / kParts;
  s0 = hn::LoadU(d, lanes);
  if constexpr (kParts >= 2) s1 = hn::LoadU(d, lanes + kPart);
  if constexpr (kParts == 4) s2 = hn::LoadU(d, lanes + 2 * kPart);
  if constexpr (kParts == 4) s3 = hn::LoadU(d, lanes + 3 * kPart);
}

template <std::size_t kParts, class V>
HWY_INLINE void StoreLanes(V s0, V s1, V s2, V s3, float* lanes) {
  const PartTag<kParts> d;
  constexpr std::size_t kPart = 16 / kParts;
  hn::StoreU(s0, d, lanes);
  if constexpr (kParts >= 2) hn::StoreU(s1, d, lanes + kPart);
  if constexpr (kParts == 4) hn::StoreU(s2, d, lanes + 2 * kPart);
  if constexpr (kParts == 4) hn::StoreU(s3, d, lanes + 3 * kPart);
}

/// 16 products of one row.
template <std::size_t kParts, class W, class V>
HWY_INLINE void AddSixteen(const std::uint8_t* row, std::size_t k, V x0, V x1, V x2, V x3, V& s0, V& s1, V& s2, V& s3) {
  const PartTag<kParts> d;
  constexpr std::size_t kPart = 16 / kParts;
  s0 = Fma(W::Load(d, row, k), x0, s0);
  if constexpr (kParts >= 2) s1 = Fma(W::Load(d, row, k + kPart), x1, s1);
  if constexpr (kParts == 4) s2 = Fma(W::Load(d, row, k + 2 * kPart), x2, s2);
  if constexpr (kParts == 4) s3 = Fma(W::Load(d, row, k + 3 * kPart), x3, s3);
}

template <std::size_t kParts, class W>
HWY_INLINE void AddRowsIn(TilePointers p, std::size_t begin, std::size_t end, const float* x, bool fresh,
                          float* HWY_RESTRICT lanes) {
  const PartTag<kParts> d;
  const auto zero = hn::Zero(d);
  auto a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
  auto c0 = zero, c1 = zero, c2 = zero, c3 = zero, e0 = zero, e1 = zero, e2 = zero, e3 = zero;
  auto x0 = zero, x1 = zero, x2 = zero, x3 = zero;
  if (!fresh) {
    LoadLanes<kParts>(lanes, a0, a1, a2, a3);
    LoadLanes<kParts>(lanes + 16, b0, b1, b2, b3);
    LoadLanes<kParts>(lanes + 32, c0, c1, c2, c3);
    LoadLanes<kParts>(lanes + 48, e0, e1, e2, e3);
  }
  const std::uint8_t *row0 = p[0], *row1 = p[1], *row2 = p[2], *row3 = p[3];
  std::size_t k = begin;
  for (; k + 16 <= end; k += 16) {
    LoadLanes<kParts>(x + k, x0, x1, x2, x3);
    AddSixteen<kParts, W>(row0, k, x0, x1, x2, x3, a0, a1, a2, a3);
    AddSixteen<kParts, W>(row1, k, x0, x1, x2, x3, b0, b1, b2, b3);
    AddSixteen<kParts, W>(row2, k, x0, x1, x2, x3, c0, c1, c2, c3);
    AddSixteen<kParts, W>(row3, k, x0, x1, x2, x3, e0, e1, e2, e3);
  }
  StoreLanes<kParts>(a0, a1, a2, a3, lanes);
  StoreLanes<kParts>(b0, b1, b2, b3, lanes + 16);
  StoreLanes<kParts>(c0, c1, c2, c3, lanes + 32);
  StoreLanes<kParts>(e0, e1, e2, e3, lanes + 48);
  for (; k < end; ++k)
    for (std::size_t r = 0; r < kSumRows; ++r)
      lanes[16 * r + k % 16] = edgek::Fma(W::Get(p[r], k), x[k], lanes[16 * r + k % 16]);
}

/// lanes[r][k % 16] += row r's weight k times x[k], for k in [begin, end); begin % 16 == 0. `fresh`: the lanes
/// were zero, whatever they hold.
using AddRowsFn = void (*)(TilePointers p, std::size_t begin, std::size_t end, const float* x, bool fresh,
                           float* HWY_RESTRICT lanes);

template <class W>
HWY_NOINLINE void AddRows(TilePointers p, std::size_t begin, std::size_t end, const float* x, bool fresh,
                          float* HWY_RESTRICT lanes) {
  WithParts([&](auto parts) EDGEK_UNIT_ATTR {
    AddRowsIn<decltype(parts)::value, W>(p, begin, end, x, fresh, lanes);
  });
}

/// 16 lanes become four, by the first two additions of the tree.
HWY_INLINE hn::VFromD<DF4> FoldLanes(const float* l) {
  const DF4 d;
  return hn::Add(hn::Add(hn::LoadU(d, l), hn::LoadU(d, l + 8)), hn::Add(hn::LoadU(d, l + 4), hn::LoadU(d, l + 12)));
}

/// The other two additions for four sums, which are transposed for them.
HWY_INLINE hn::VFromD<DF4> SumFour(hn::VFromD<DF4> a, hn::VFromD<DF4> b, hn::VFromD<DF4> c, hn::VFromD<DF4> e) {
  const DF4 d;
  const auto ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const auto ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  return hn::Add(hn::ConcatLowerLower(d, ce, ab), hn::ConcatUpperUpper(d, ce, ab));
}

/// out[r] = the tree over lanes[r], for four rows.
HWY_INLINE void SumRows(const float* lanes, float* out) {
  const auto sums = SumFour(FoldLanes(lanes), FoldLanes(lanes + 16), FoldLanes(lanes + 32), FoldLanes(lanes + 48));
  hn::StoreU(sums, DF4(), out);
}

// ---- a tile of rows times some tokens

struct FloatSource;

/// to[r * stride + i] = weight k + i of row r, for the rows of a tile; k and count in whole blocks, or k a
/// multiple of 16. count is at most kFillWeights.
using FillFn = void (*)(const FloatSource& source, TilePointers p, std::size_t k, std::size_t count, float* to,
                        std::size_t stride);
inline constexpr std::size_t kFillWeights = 256;

struct Unpacked32;
struct Unpacked256;

/// One format's weights as floats. What follows block_bytes is for Fill32 and Fill256 (exact-inl.hpp).
struct FloatSource {
  AddRowsFn add_rows;  // reads the rows as they are; null for formats that are to be unpacked first
  FillFn fill;
  std::size_t block_weights;
  std::size_t block_bytes;
  void (*unpack32)(TilePointers p, std::size_t offset, Unpacked32* to);
  void (*unpack256)(TilePointers p, std::size_t offset, Unpacked256* to);
  std::int32_t bias;  // to be subtracted from unpacked weights
  bool min;           // whether there are minimums, added to blocks of 32, subtracted from sub-blocks of 256
  TileFn tile_of_one = nullptr;  // for one token, if that has a kernel of its own
};

HWY_INLINE const float* FloatToken(const MatmulJob& job, std::size_t t) {
  return reinterpret_cast<const float*>(job.x + t * job.x_stride);
}

/// The 16 lanes of a tile's rows and up to 8 tokens.
struct TileLanes {
  HWY_ALIGN float lanes[8 * kTileRows * 16];

  /// Adds weights [begin, end) of all rows times x + shift of every token.
  HWY_INLINE void Add(AddRowsFn add_rows, const MatmulJob& job, TilePointers p, std::size_t begin, std::size_t end,
                      std::size_t shift, bool fresh) {
    for (std::size_t r = 0; r < kTileRows; r += kSumRows)
      for (std::size_t t = 0; t < job.tokens; ++t)
        add_rows(p + r, begin, end, FloatToken(job, t) + shift, fresh, lanes + (t * kTileRows + r) * 16);
  }
  HWY_INLINE void Sum(const MatmulJob& job, float* out) const {
    for (std::size_t i = 0; i < job.tokens * kTileRows; i += kSumRows) SumRows(lanes + 16 * i, out + i);
  }
};

// ---- a tile times one token, row after row in turns

/// Parts of the 16 lanes, where the compiler knows their number; else 0, and kernels for any number of tokens serve.
inline constexpr std::size_t kFixedParts = HWY_HAVE_SCALABLE ? 0 : 16 / hn::MaxLanes(DF());

/// Weights of a row that are read before the next row's turn: two cache lines of halves.
inline constexpr std::size_t kRowTurn = 64;

/// StreamPrefetch, but dealt out evenly: every row asks for as much as it reads in a turn. In bursts, requests wait
/// for the few buffers that lines under way have (one core of a Sapphire Rapids: 97 % of the null kernel's rate, not
/// 93 %; Zen 3: 85 %, not 76 %).
template <std::size_t kRows>
class EvenPrefetch {
 public:
  /// For kRows rows of the tile from `first` on.
  HWY_INLINE EvenPrefetch(TilePointers p, std::size_t first, const MatmulJob& job, std::size_t turn_bytes)
      : turn_bytes_(turn_bytes), on_(job.prefetch != 0) {
    const TileShape<kTileRows> shape(job);
    const AskedAhead ahead(job, shape.adjacent);
    std::size_t place = first % shape.adjacent;
    for (std::size_t r = 0; r < kRows; ++r, place = place + 1 == shape.adjacent ? 0 : place + 1)
      near_[r] = p[first + r - place] + ahead.near + place * turn_bytes;
    farther_ = ahead.far - ahead.near;
    step_ = shape.adjacent * turn_bytes;
  }
  /// The turn of row first + r.
  HWY_INLINE void Ask(std::size_t r) const {
    if (!on_) return;
    for (std::size_t b = 0; b < turn_bytes_; b += 64) {
      __builtin_prefetch(near_[r] + at_ + farther_ + b, 0, 2);
      __builtin_prefetch(near_[r] + at_ + b);
    }
  }
  HWY_INLINE void NextTurn() { at_ += step_; }

 private:
  const std::uint8_t* near_[kRows];
  std::size_t turn_bytes_, farther_, step_, at_ = 0;
  bool on_;
};

/// lanes[r][k % 16] = the sum of row first + r's weights k times x[k], for whole turns of four rows. Returns where they
/// end.
template <std::size_t kParts, class W>
HWY_INLINE std::size_t MultiplyFourRows(const MatmulJob& job, TilePointers p, std::size_t first,
                                        float* HWY_RESTRICT lanes) {
  const PartTag<kParts> d;
  const float* x = FloatToken(job, 0);
  const auto zero = hn::Zero(d);
  auto a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
  auto c0 = zero, c1 = zero, c2 = zero, c3 = zero, e0 = zero, e1 = zero, e2 = zero, e3 = zero;
  auto x0 = zero, x1 = zero, x2 = zero, x3 = zero;
  EvenPrefetch<kSumRows> prefetch(p, first, job, kRowTurn * W::kBytes);
  const std::uint8_t *row0 = p[first], *row1 = p[first + 1], *row2 = p[first + 2], *row3 = p[first + 3];
  std::size_t k = 0;
  // Two rows at a time: they share what is read of x, and four sums hide more latency than two.
  const auto turn = [&](std::size_t r, const std::uint8_t* one, const std::uint8_t* two, auto& s0, auto& s1, auto& s2,
                        auto& s3, auto& t0, auto& t1, auto& t2, auto& t3) EDGEK_UNIT_ATTR {
    prefetch.Ask(r);
    prefetch.Ask(r + 1);
    for (std::size_t i = 0; i < kRowTurn; i += 16) {
      LoadLanes<kParts>(x + k + i, x0, x1, x2, x3);
      AddSixteen<kParts, W>(one, k + i, x0, x1, x2, x3, s0, s1, s2, s3);
      AddSixteen<kParts, W>(two, k + i, x0, x1, x2, x3, t0, t1, t2, t3);
    }
  };
  for (; k + kRowTurn <= job.cols; k += kRowTurn, prefetch.NextTurn()) {
    turn(0, row0, row1, a0, a1, a2, a3, b0, b1, b2, b3);
    turn(2, row2, row3, c0, c1, c2, c3, e0, e1, e2, e3);
  }
  StoreLanes<kParts>(a0, a1, a2, a3, lanes);
  StoreLanes<kParts>(b0, b1, b2, b3, lanes + 16);
  StoreLanes<kParts>(c0, c1, c2, c3, lanes + 32);
  StoreLanes<kParts>(e0, e1, e2, e3, lanes + 48);
  return k;
}

/// The same for eight rows, where 16 lanes are one vector: four rows would not hide the latency of a multiply-add.
template <class W>
HWY_INLINE std::size_t MultiplyEightRows(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT lanes) {
  const PartTag<1> d;
  const float* x = FloatToken(job, 0);
  const auto zero = hn::Zero(d);
  auto s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
  EvenPrefetch<kTileRows> prefetch(p, 0, job, kRowTurn * W::kBytes);
  std::size_t k = 0;
  const auto turn = [&](std::size_t r, auto& sum) EDGEK_UNIT_ATTR {
    prefetch.Ask(r);
    for (std::size_t i = k; i < k + kRowTurn; i += 16) sum = Fma(W::Load(d, p[r], i), hn::LoadU(d, x + i), sum);
  };
  for (; k + kRowTurn <= job.cols; k += kRowTurn, prefetch.NextTurn()) {
    turn(0, s0), turn(1, s1), turn(2, s2), turn(3, s3);
    turn(4, s4), turn(5, s5), turn(6, s6), turn(7, s7);
  }
  hn::StoreU(s0, d, lanes), hn::StoreU(s1, d, lanes + 16), hn::StoreU(s2, d, lanes + 32), hn::StoreU(s3, d, lanes + 48);
  lanes += 64;
  hn::StoreU(s4, d, lanes), hn::StoreU(s5, d, lanes + 16), hn::StoreU(s6, d, lanes + 32), hn::StoreU(s7, d, lanes + 48);
  return k;
}

/// TileFn for one token.
template <class W>
HWY_NOINLINE void TileOfOne(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out, const void* /*context*/) {
  TileLanes sums;
  std::size_t k = 0;
  if constexpr (kTileRows == 8 && kFixedParts == 1) {
    k = MultiplyEightRows<W>(job, p, sums.lanes);
  } else {
    for (std::size_t r = 0; r < kTileRows; r += kSumRows)
      k = MultiplyFourRows<kFixedParts, W>(job, p, r, sums.lanes + 16 * r);
  }
  if (k < job.cols) sums.Add(&AddRows<W>, job, p, k, job.cols, 0, false);
  sums.Sum(job, out);
}
template <class W>
constexpr TileFn TileOfOneOf() {
  if constexpr (kFixedParts != 0 && HWY_TARGET != HWY_SSE2) return &TileOfOne<W>;
  return nullptr;
}

// ---- the tiles of a FloatSource

/// TileFn of sources whose rows are read as they are.
inline HWY_NOINLINE void FloatTile(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out, const void* context) {
  const FloatSource& source = *static_cast<const FloatSource*>(context);
  if (job.tokens == 1 && source.tile_of_one != nullptr) return source.tile_of_one(job, p, out, context);
  constexpr std::size_t kStep = 256;  // weights between prefetches, and between tokens
  TileLanes sums;
  StreamPrefetch prefetch(p, job);
  std::size_t k = 0;
  do {
    const std::size_t end = HWY_MIN(k + kStep, job.cols);
    prefetch.Advance(end * source.block_bytes);
    sums.Add(source.add_rows, job, p, k, end, 0, k == 0);
    k = end;
  } while (k < job.cols);
  sums.Sum(job, out);
}

/// TileFn of the other sources: the tile's rows become floats, 256 weights at a time.
inline HWY_NOINLINE void UnpackedTile(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out,
                                      const void* context) {
  const FloatSource& source = *static_cast<const FloatSource*>(context);
  HWY_ALIGN float weights[kTileRows * kFillWeights];
  const std::uint8_t* unpacked[kTileRows];
  for (std::size_t r = 0; r < kTileRows; ++r)
    unpacked[r] = reinterpret_cast<const std::uint8_t*>(weights + r * kFillWeights);
  TileLanes sums;
  StreamPrefetch prefetch(p, job);
  std::size_t k = 0;
  do {
    const std::size_t count = HWY_MIN(kFillWeights, job.cols - k);
    prefetch.Advance((k + count) / source.block_weights * source.block_bytes);
    source.fill(source, p, k, count, weights, kFillWeights);
    sums.Add(&AddRows<WeightsF32>, job, unpacked, 0, count, k, k == 0);
    k += count;
  } while (k < job.cols);
  sums.Sum(job, out);
}

/// y[i] = weight i of a row, for F32, F16 and BF16.
template <class W>
HWY_INLINE void ConvertRow(const std::uint8_t* row, std::size_t k, std::size_t count, float* y) {
  const DF d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) hn::StoreU(W::Load(d, row, k + i), d, y + i);
  for (; i < count; ++i) y[i] = W::Get(row, k + i);
}

template <class W>
HWY_NOINLINE void FillFloats(const FloatSource&, TilePointers p, std::size_t k, std::size_t count, float* to,
                             std::size_t stride) {
  for (std::size_t r = 0; r < kTileRows; ++r) ConvertRow<W>(p[r], k, count, to + r * stride);
}

/// The source of F32, F16 and BF16. SSE2 unpacks halves first, to spare every including file the time of compiling
/// copies of the sum.
template <class W>
inline constexpr bool kReadAsTheyAre = HWY_TARGET != HWY_SSE2 || std::is_same_v<W, WeightsF32>;
template <class W>
constexpr AddRowsFn AddRowsOf() {
  if constexpr (kReadAsTheyAre<W>) return &AddRows<W>;
  return nullptr;
}
template <class W>
inline constexpr FloatSource kPlainSource = {
    AddRowsOf<W>(), &FillFloats<W>, 1, W::kBytes, nullptr, nullptr, 0, false, TileOfOneOf<W>()};

/// KernelSet::unpack of F32, F16 and BF16.
template <class W>
void UnpackFloats(const std::byte* row, std::size_t cols, float* y) noexcept {
  ConvertRow<W>(reinterpret_cast<const std::uint8_t*>(row), 0, cols, y);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_FLOAT_INL_HPP_
