#ifndef EDGEK_TESTS_CONSUMERS_PROGRAMS_ANSWER_HPP_
#define EDGEK_TESTS_CONSUMERS_PROGRAMS_ANSWER_HPP_

// What every file of the consumer programs computes with the edgek that it was compiled with: products of
// fixed pseudo-random matrices with a fixed vector, and a hash of the results' bits. Files built differently
// must give the same hash.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

struct Answer {
  const char* set;     // the chosen kernel set
  std::size_t sets;    // how many this file's edgek has for this CPU
  const void* table;   // the chosen set's address
  std::uint64_t best;  // hash of the results of the chosen set,
  std::uint64_t scalar;  // and of SCALAR
};

#ifdef EDGEK_EDGEK_HPP_  // in files that included edgek first
#include <array>
#include <vector>

namespace {

inline std::uint32_t next_random(std::uint32_t& state) {
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

inline std::uint64_t hash_of_products(const edgek::KernelSet& set) {
  constexpr std::size_t kRows = 37, kCols = 768;
  constexpr std::array kTried = {edgek::Format::kQ8_0, edgek::Format::kQ4_0, edgek::Format::kQ4_K, edgek::Format::kF16};
  std::uint32_t state = 7;
  std::vector<float> x(kCols), y(kRows);
  for (float& v : x) v = static_cast<float>(next_random(state) % 2001) / 1000.0f - 1.0f;
  std::uint64_t hash = 14695981039346656037u;
  edgek::InlineExecutor executor;
  edgek::Context ctx{.executor = executor, .kernels = set};
  for (const edgek::Format format : kTried) {
    std::vector<std::byte> w(kRows * edgek::row_bytes(format, kCols));
    for (std::byte& b : w) b = static_cast<std::byte>(next_random(state) & 0x3Bu);  // no infinities, no NaNs
    if (edgek::matvec(ctx, {format, w.data(), kRows, kCols}, x.data(), y.data()) != edgek::Status::kOk) return 0;
    for (const float v : y) {
      std::uint32_t bits;
      std::memcpy(&bits, &v, sizeof(bits));
      hash = (hash ^ bits) * 1099511628211u;
    }
  }
  return hash;
}

inline Answer make_answer() {
  const edgek::KernelSet& best = edgek::kernels();
  return {best.name, edgek::all_kernels().size(), &best, hash_of_products(best),
          hash_of_products(*edgek::find_kernels("SCALAR"))};
}

}  // namespace
#endif

/// Prints an answer; whether its hashes are those expected (0: whatever SCALAR gives) and were computed at all.
inline bool check(const char* who, const Answer& answer, std::uint64_t expected = 0) {
  std::printf("%-16s %-10s of %zu sets: %016llx, SCALAR %016llx\n", who, answer.set, answer.sets,
              static_cast<unsigned long long>(answer.best), static_cast<unsigned long long>(answer.scalar));
  if (expected == 0) expected = answer.scalar;
  return answer.best != 0 && answer.best == expected && answer.scalar == expected;
}

#endif  // EDGEK_TESTS_CONSUMERS_PROGRAMS_ANSWER_HPP_
