#ifndef EDGEK_FORMATS_SIX_BIT_SCALES_HPP_
#define EDGEK_FORMATS_SIX_BIT_SCALES_HPP_

#include <cstddef>
#include <cstdint>

namespace edgek {

/// Eight scales and eight minimums of six bits, as Q4_K and Q5_K hold them in 12 bytes:
///
///   byte j      (j = 0..3)   bits 0-5 scale[j],          bits 6-7 upper two bits of scale[j + 4]
///   byte j + 4               bits 0-5 min[j],            bits 6-7 upper two bits of min[j + 4]
///   byte j + 8               bits 0-3 lower scale[j + 4], bits 4-7 lower bits of min[j + 4]
struct SixBitScales {
  std::uint8_t scale[8];  // 0..63
  std::uint8_t min[8];    // 0..63
};

constexpr SixBitScales unpack_six_bit_scales(const std::uint8_t (&s)[12]) noexcept {
  SixBitScales out{};
  for (std::size_t j = 0; j < 4; ++j) {
    out.scale[j] = s[j] & 63;
    out.min[j] = s[j + 4] & 63;
    out.scale[j + 4] = static_cast<std::uint8_t>((s[j + 8] & 15) | (s[j] >> 6) << 4);
    out.min[j + 4] = static_cast<std::uint8_t>((s[j + 8] >> 4) | (s[j + 4] >> 6) << 4);
  }
  return out;
}

constexpr void pack_six_bit_scales(const SixBitScales& in, std::uint8_t (&s)[12]) noexcept {
  for (std::size_t j = 0; j < 4; ++j) {
    s[j] = static_cast<std::uint8_t>(in.scale[j] | (in.scale[j + 4] >> 4) << 6);
    s[j + 4] = static_cast<std::uint8_t>(in.min[j] | (in.min[j + 4] >> 4) << 6);
    s[j + 8] = static_cast<std::uint8_t>((in.scale[j + 4] & 15) | (in.min[j + 4] & 15) << 4);
  }
}

}  // namespace edgek

#endif  // EDGEK_FORMATS_SIX_BIT_SCALES_HPP_
