// The null kernel of the replay roof: reads every byte at full width and does nothing with it but a sum.
#if defined(EDGEK_KERNELS_STREAM_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_STREAM_INL_HPP_
#undef EDGEK_KERNELS_STREAM_INL_HPP_
#else
#define EDGEK_KERNELS_STREAM_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

/// Bytes that are read of one stream before the next one's turn: two cache lines.
inline constexpr std::size_t kStreamTurn = 128;
inline constexpr std::size_t kMaxStreams = 8;

/// KernelSet::stream. [begin, end) is cut into `streams` (1..8) bands, read side by side. The sum of all
/// bytes taken as 64-bit words, which does not depend on their order, so it is the reference's.
inline std::uint64_t Stream(const std::byte* begin, const std::byte* end, std::size_t streams,
                            std::size_t prefetch) noexcept {
  const hn::CappedTag<std::uint64_t, 8> d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t turn = kStreamTurn / 8;  // in words
  auto a = hn::Zero(d), b = hn::Zero(d);
  const auto read = [&](const std::byte* bytes) EDGEK_UNIT_ATTR {
    const auto* words = reinterpret_cast<const std::uint64_t*>(bytes);
    for (std::size_t i = 0; i < turn; i += 2 * lanes) {
      a = hn::Add(a, hn::LoadU(d, words + i));
      b = hn::Add(b, hn::LoadU(d, words + i + lanes));
    }
  };
  const std::size_t bytes = static_cast<std::size_t>(end - begin);
  streams = HWY_MAX(std::size_t{1}, HWY_MIN(streams, kMaxStreams));
  const std::size_t band = bytes / streams / kStreamTurn * kStreamTurn;
  for (std::size_t at = 0; at < band; at += kStreamTurn) {
    for (std::size_t s = 0; s < streams; ++s) {
      const std::byte* p = begin + s * band + at;
      if (prefetch != 0) {
        __builtin_prefetch(p + prefetch);
        __builtin_prefetch(p + prefetch + 64);
      }
      read(p);
    }
  }
  std::size_t at = streams * band;
  for (; bytes - at >= kStreamTurn; at += kStreamTurn) read(begin + at);
  HWY_ALIGN std::byte rest[kStreamTurn] = {};
  __builtin_memcpy(rest, begin + at, bytes - at);
  read(rest);
  HWY_ALIGN std::uint64_t sums[8] = {};
  hn::Store(hn::Add(a, b), d, sums);
  std::uint64_t sum = 0;
  for (const std::uint64_t s : sums) sum += s;
  return sum;
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_STREAM_INL_HPP_
