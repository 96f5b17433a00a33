// Model files with a few wrong bytes: refused in one line, or loaded and run, without a sanitizer's report. The
// same files every time; tests/fuzz/gguf_fuzz.cpp goes further.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/model/sampler.hpp"
#include "fuzz/tiny_files.hpp"
#include "fuzz/use_model_file.hpp"

namespace edgek::testing {
namespace {

constexpr std::string_view kText = "Hello <|im_start|>user  \n 12 \xFF\xF0\x9F it's the other";

std::size_t below(SplitMix64& random, std::size_t end) { return static_cast<std::size_t>(random.next() % end); }

/// Numbers that counts, sizes and offsets go wrong at.
void put_number(std::vector<std::byte>& file, std::size_t at, SplitMix64& random) {
  constexpr std::uint64_t kNumbers[] = {0, 1, 2, 0x7F, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1ull << 32,
                                        1ull << 62, ~0ull >> 1, ~0ull, ~0ull - 31, 0x7FC00000, 0x7F800000};
  const auto bytes = std::bit_cast<std::array<std::byte, 8>>(kNumbers[below(random, std::size(kNumbers))]);
  const std::size_t width = std::size_t{1} << below(random, 4);
  for (std::size_t i = 0; i < width && at + i < file.size(); ++i) file[at + i] = bytes[i];
}

/// One to four changes below `end`: a bit, a byte, or a number.
void damage(std::vector<std::byte>& file, std::size_t end, SplitMix64& random) {
  for (std::size_t changes = 1 + below(random, 4); changes > 0; --changes) {
    const std::size_t at = below(random, end);
    switch (below(random, 3)) {
      case 0: file[at] ^= static_cast<std::byte>(1u << below(random, 8)); break;
      case 1: file[at] = static_cast<std::byte>(random.next() >> 56); break;
      default: put_number(file, at, random);
    }
  }
}

/// Damages `rounds` copies: every other one in the head alone.
std::array<std::size_t, 4> use_damaged(const TinyFile& whole, std::size_t rounds, std::uint64_t seed) {
  SplitMix64 random(seed);
  std::array<std::size_t, 4> reached{};
  for (std::size_t round = 0; round < rounds; ++round) {
    std::vector<std::byte> file = whole.bytes;
    damage(file, round % 2 == 0 ? whole.head : file.size(), random);
    ++reached[static_cast<std::size_t>(use_model_file(file, kText))];
  }
  return reached;
}

class DamagedModel : public ::testing::TestWithParam<Format> {};

TEST_P(DamagedModel, IsRefusedOrRun) {
  const std::size_t rounds = info(GetParam()).block_weights == 256 ? 24 : 64;  // those files are larger
  for (const char* vocabulary : {"tiny_bpe.gguf", "tiny_spm.gguf"}) {
    const TinyFile whole = tiny_file(vocabulary, GetParam());
    ASSERT_EQ(use_model_file(whole.bytes, kText), FileUse::kRun) << vocabulary;
    const auto reached = use_damaged(whole, rounds, 1 + static_cast<std::uint64_t>(GetParam()));
    EXPECT_GT(reached[static_cast<std::size_t>(FileUse::kRun)], 0u) << "nothing ran: the damage is too wild";
    EXPECT_LT(reached[static_cast<std::size_t>(FileUse::kRun)], rounds) << "nothing was refused";
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, DamagedModel, ::testing::ValuesIn([] {
                           std::vector<Format> all;
                           for (const FormatInfo& f : kFormats) all.push_back(f.format);
                           return all;
                         }()),
                         [](const auto& f) { return std::string(edgek::info(f.param).name); });

TEST(DamagedWeights, OfAnyBitsAreRun) {
  for (const FormatInfo& format : kFormats) {
    TinyFile file = tiny_file("tiny_bpe.gguf", format.format);
    SplitMix64 random(3);
    for (std::byte& b : std::span(file.bytes).subspan(file.head)) b = static_cast<std::byte>(random.next() >> 56);
    const FileUse reached = use_model_file(file.bytes, kText);
    EXPECT_TRUE(reached == FileUse::kRun || reached == FileUse::kTokenized) << format.name;
  }
}

TEST(CutModel, IsRefusedWhereverItEnds) {
  const TinyFile whole = tiny_file("tiny_bpe.gguf", Format::kQ4_0);
  const GgufReader reader(whole.bytes, "whole");
  const GgufTensor& last = reader.tensors().back();
  const auto end = static_cast<std::size_t>(last.data.data() + last.data.size() - reader.bytes().data());
  for (std::size_t bytes = 0; bytes < end; ++bytes) {
    const std::vector<std::byte> cut(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(bytes));
    ASSERT_EQ(use_model_file(cut, kText), FileUse::kRefused) << bytes << " of " << end;
  }
  const std::vector<std::byte> unpadded(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(end));
  EXPECT_EQ(use_model_file(unpadded, kText), FileUse::kRun);
}

}  // namespace
}  // namespace edgek::testing
