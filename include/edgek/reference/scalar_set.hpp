#ifndef EDGEK_REFERENCE_SCALAR_SET_HPP_
#define EDGEK_REFERENCE_SCALAR_SET_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "edgek/formats/bf16.hpp"
#include "edgek/formats/f16.hpp"
#include "edgek/formats/f32.hpp"
#include "edgek/formats/q4_0.hpp"
#include "edgek/formats/q4_1.hpp"
#include "edgek/formats/q4_k.hpp"
#include "edgek/formats/q5_0.hpp"
#include "edgek/formats/q5_1.hpp"
#include "edgek/formats/q5_k.hpp"
#include "edgek/formats/q6_k.hpp"
#include "edgek/formats/q8_0.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/reference/activation_functions.hpp"
#include "edgek/reference/activations.hpp"
#include "edgek/reference/attention.hpp"
#include "edgek/reference/half_rows.hpp"
#include "edgek/reference/matmul.hpp"
#include "edgek/reference/norm.hpp"
#include "edgek/reference/rope.hpp"
#include "edgek/reference/softmax.hpp"

namespace edgek {
namespace reference {

/// Natural order, whether a panel kernel will read it or not.
template <void (*Pack)(const float*, std::size_t, std::byte*) noexcept>
void pack_for_any(const float* x, std::size_t cols, bool /*panel*/, std::byte* out) noexcept {
  Pack(x, cols, out);
}

/// The sum of all bytes taken as 64-bit words, one after the other.
inline std::uint64_t stream(const std::byte* begin, const std::byte* end, std::size_t /*streams*/,
                            std::size_t /*prefetch*/) noexcept {
  std::uint64_t sum = 0;
  for (const std::byte* p = begin; p < end; p += 8) {
    std::uint64_t word = 0;
    const auto left = static_cast<std::size_t>(end - p);
    std::memcpy(&word, p, left < 8 ? left : 8);
    sum += word;
  }
  return sum;
}

template <Format F, Arithmetic A>
constexpr MatmulKernels scalar_matmul() noexcept {
  constexpr bool kExact = A == Arithmetic::kExact;
  return {.name = kExact ? "scalar loop, exact" : "scalar loop",
          .activation = kExact ? Activation::kF32 : info(F).activation,
          .rows = &matmul_rows<F, A>,
          .panel = &matmul_panel<F, A>,
          .max_row_tokens = 1,
          .row_tile = 1,
          .panel_rows = 1};
}

template <Format F>
constexpr void add_scalar_format(KernelSet& set) noexcept {
  set.by_format[index_of(F)] = scalar_matmul<F, Arithmetic::kPacked>();
  set.exact[index_of(F)] = scalar_matmul<F, Arithmetic::kExact>();
  set.unpack[index_of(F)] = &unpack_row<F>;
}

template <Format... kFormats>
constexpr KernelSet make_scalar_set(FormatList<kFormats...>) noexcept {
  KernelSet set = {
      .name = "SCALAR",
      .prefetch = 0,
      .by_format = {},
      .exact = {},
      .pack = {&pack_for_any<pack_f32>, &pack_for_any<pack_a32>, &pack_for_any<pack_a256>},
      .unpack = {},
      .rmsnorm = &rmsnorm,
      .add = &add,
      .silu_mul = &silu_mul,
      .gelu_mul = &gelu_mul,
      .softmax = &softmax,
      .to_half = &to_half_row,
      .from_half = &from_half_row,
      .argmax = &argmax,
      .rope = &rope,
      .attention_chunk = &attention_chunk,
      .attention_merge = &attention_merge,
      .attention_finish = &attention_finish,
      .stream = &stream,
  };
  (add_scalar_format<kFormats>(set), ...);
  return set;
}

}  // namespace reference

/// The set named SCALAR: the plain loops of formats/ and reference/, which define every answer bit for bit.
/// Needs neither Highway nor anything of the CPU. Of the formats named, or of all, as in kernels().
template <Format... kFormats>
const KernelSet& scalar_kernels() noexcept {
  static constexpr KernelSet kSet = reference::make_scalar_set(NamedFormats<kFormats...>());
  return kSet;
}

}  // namespace edgek

#endif  // EDGEK_REFERENCE_SCALAR_SET_HPP_
