#ifndef EDGEK_RUNTIME_CPU_HPP_
#define EDGEK_RUNTIME_CPU_HPP_

#include <cstdint>
#include <string_view>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace edgek {

/// What this CPU, and the operating system for its registers, offers to the kernels.
struct CpuFeatures {
  bool avx2 = false;      ///< AVX2, FMA, F16C, BMI2 and ymm state
  bool avx_vnni = false;  ///< vpdpbusd on ymm registers without AVX-512
  bool avx512 = false;    ///< Ice Lake's AVX-512: F, BW, DQ, VL, CD, VNNI, VBMI, VBMI2, BITALG, VPOPCNTDQ, GFNI, zmm state
  bool neon_dot = false;  ///< sdot, udot
  bool sve = false;
  bool sve2 = false;
};

namespace detail {

#if defined(__x86_64__) || defined(__i386__)

struct CpuidLeaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

inline CpuidLeaf cpuid(std::uint32_t leaf, std::uint32_t sub) noexcept {
  CpuidLeaf r;
  __cpuid_count(leaf, sub, r.eax, r.ebx, r.ecx, r.edx);
  return r;
}

/// Register state that the operating system saves (XCR0).
inline std::uint64_t saved_state() noexcept {
  std::uint32_t lo = 0, hi = 0;
  __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  return (static_cast<std::uint64_t>(hi) << 32) | lo;
}

constexpr bool has_all(std::uint64_t value, std::uint64_t bits) noexcept { return (value & bits) == bits; }
constexpr std::uint32_t bit(unsigned n) noexcept { return 1u << n; }

#endif

}  // namespace detail

#if defined(__x86_64__) || defined(__i386__)

/// Asks the CPU (cpuid, xgetbv). Bit numbers: Intel SDM volume 2A, CPUID.
inline CpuFeatures detect_cpu() noexcept {
  using detail::bit, detail::cpuid, detail::has_all;
  CpuFeatures f;
  const std::uint32_t max_leaf = cpuid(0, 0).eax;
  const detail::CpuidLeaf one = cpuid(1, 0);
  constexpr std::uint32_t kFma = bit(12), kOsxsave = bit(27), kAvx = bit(28), kF16c = bit(29);
  if (max_leaf < 7 || !has_all(one.ecx, kOsxsave | kAvx)) return f;
  const std::uint64_t state = detail::saved_state();
  const detail::CpuidLeaf seven = cpuid(7, 0);
  constexpr std::uint32_t kBmi1 = bit(3), kAvx2 = bit(5), kBmi2 = bit(8);
  f.avx2 = has_all(state, 0x6) && has_all(one.ecx, kFma | kF16c) && has_all(seven.ebx, kBmi1 | kAvx2 | kBmi2);
  if (!f.avx2) return f;
  if (seven.eax >= 1) f.avx_vnni = has_all(cpuid(7, 1).eax, bit(4));
  constexpr std::uint32_t kAvx512 = bit(16) | bit(17) | bit(28) | bit(30) | bit(31);               // F DQ CD BW VL
  constexpr std::uint32_t kIceLake = bit(1) | bit(6) | bit(8) | bit(9) | bit(10) | bit(11) | bit(12) | bit(14);
  f.avx512 = has_all(state, 0xE6) && has_all(seven.ebx, kAvx512) && has_all(seven.ecx, kIceLake);
  return f;
}

#elif defined(__aarch64__) && defined(__linux__)

/// Asks the kernel (getauxval). Bit numbers: Linux, arch/arm64/include/uapi/asm/hwcap.h.
inline CpuFeatures detect_cpu() noexcept {
  CpuFeatures f;
  const unsigned long hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
  f.neon_dot = (hwcap >> 20) & 1;
  f.sve = (hwcap >> 22) & 1;
  f.sve2 = (hwcap2 >> 1) & 1;
  return f;
}

#else

inline CpuFeatures detect_cpu() noexcept { return {}; }

#endif

/// Whether a CPU with these features runs the kernel set of this name.
constexpr bool can_run(const CpuFeatures& cpu, std::string_view set) noexcept {
  if (set == "AVX2") return cpu.avx2;
  if (set == "AVX2_VNNI") return cpu.avx2 && cpu.avx_vnni;
  if (set == "AVX3_DL") return cpu.avx512;
  if (set == "NEON_DOT") return cpu.neon_dot;
  if (set == "SVE") return cpu.sve;
  if (set == "SVE2") return cpu.sve2;
  return true;  // the baseline of the architecture, and SCALAR
}

}  // namespace edgek

#endif  // EDGEK_RUNTIME_CPU_HPP_
