#ifndef EDGEK_REFERENCE_LANES_HPP_
#define EDGEK_REFERENCE_LANES_HPP_

#include <array>
#include <cstddef>

#include "edgek/reference/fma.hpp"

namespace edgek::reference {

/// The order of every float sum: 16 virtual lanes, element k goes to lane k % 16, and one fixed tree at the
/// end. A vector of 4, 8 or 16 floats holds some lanes each; lanes that got no element stay 0.
class Lanes {
 public:
  /// lane += a * b, fused.
  void add_product(std::size_t k, float a, float b) noexcept { lanes_[k % 16] = Fma(a, b, lanes_[k % 16]); }

  void add(std::size_t k, float a) noexcept { lanes_[k % 16] += a; }

  /// Lane i takes lane i + 8, then i + 4, i + 2, i + 1, by plain additions.
  float sum() const noexcept {
    std::array<float, 16> lanes = lanes_;
    for (std::size_t half = 8; half != 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    return lanes[0];
  }

 private:
  std::array<float, 16> lanes_{};
};

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_LANES_HPP_
