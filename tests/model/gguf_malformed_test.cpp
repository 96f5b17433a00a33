// Files that have broken other loaders, each built here field by field, and the sentence each gets.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/model/gguf.hpp"
#include "model/test_files.hpp"

namespace edgek {
namespace {

using testing::RawGguf;
using testing::as_bytes;
using Type = GgufValueType;

constexpr std::uint64_t kMinusOne = ~std::uint64_t{0};
constexpr std::uint64_t kTwoTo32 = std::uint64_t{1} << 32;
constexpr std::uint64_t kTwoTo63 = std::uint64_t{1} << 63;
constexpr std::uint64_t kNearlyAll = 0x7FFFFFFFFFFFFFC0u;
constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kI8 = 24;
constexpr std::uint32_t kI64 = 27;

struct Case {
  const char* name;
  RawGguf file;
  const char* sentence;  // after "bad.gguf: "; a trailing * stands for any rest
};

/// A file of one tensor whose data is 64 bytes.
RawGguf one_tensor(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                   std::uint64_t offset = 0) {
  return RawGguf().header(1, 0).tensor(name, dims, type, offset).pad().fill(64);
}

/// Tensors a and b of one type, a at offset 0, with 128 bytes of data.
RawGguf two_tensors(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b, std::uint32_t type,
                    std::uint64_t offset_of_b) {
  return RawGguf().header(2, 0).tensor("a", a, type, 0).tensor("b", b, type, offset_of_b).pad().fill(128);
}

std::vector<Case> cases() {
  std::vector<Case> c;
  // Header.
  c.push_back({"empty file", RawGguf(), "magic: 4 bytes at byte 0 (the file ends at byte 0)"});
  c.push_back({"bad magic", RawGguf().raw("GGML").put(3u).fill(64), "magic: GGML (GGUF)"});
  c.push_back({"magic of control characters",
               RawGguf().raw("\n\r\x01\xff").fill(64),
               "magic: \\x0a\\x0d\\x01\\xff (GGUF)"});
  c.push_back({"version 0", RawGguf().header(0, 0, 0), "version: 0, byte order reversed or 0 (2 or 3, little-endian)"});
  c.push_back({"version 1", RawGguf().header(0, 0, 1), "version: 1, too old: convert the model anew (2 or 3, *"});
  c.push_back({"version 4", RawGguf().header(0, 0, 4), "version: 4 (2 or 3, little-endian)"});
  c.push_back({"byte-swapped version",
               RawGguf().header(0, 0, 0x03000000u),
               "version: 50331648, byte order reversed *"});
  c.push_back({"n_tensors -1", RawGguf().header(kMinusOne, 0), "n_tensors: 18446744073709551615 (at most 0 fit *"});
  c.push_back({"n_kv -1", RawGguf().header(0, kMinusOne), "n_kv: 18446744073709551615 (at most 0 fit *"});
  c.push_back({"n_kv 2^63", RawGguf().header(0, kTwoTo63).fill(100), "n_kv: 9223372036854775808 (at most 7 fit *"});
  c.push_back({"n_tensors x overhead wraps", RawGguf().header(kMinusOne / 368 + 1, 0).fill(100), "n_tensors: *"});
  c.push_back({"n_kv one more than there are", RawGguf().header(0, 2).uint32("a", 1).pad(), "metadata entry 1 key: *"});

  // Metadata.
  c.push_back({"key length -1", RawGguf().header(0, 1).put(kMinusOne).fill(40),
               "metadata entry 0 key: a string of 18446744073709551615 bytes (at most 40 bytes here)"});
  c.push_back({"empty key",
               RawGguf().header(0, 1).uint32("", 1).fill(40),
               "metadata entry 0 key: empty (at least 1 byte)"});
  c.push_back({"value type 13", RawGguf().header(0, 1).key("k", 13).fill(40), "k: value type 13 (at most 12)"});
  c.push_back({"value type -1",
               RawGguf().header(0, 1).key("k", ~0u).fill(40),
               "k: value type 4294967295 (at most 12)"});
  c.push_back({"duplicate key", RawGguf().header(0, 3).uint32("k", 1).uint32("j", 2).uint32("k", 3),
               "metadata k: given twice (each name once)"});
  c.push_back({"string length 2^63", RawGguf().header(0, 1).key("k", Type::kString).put(kTwoTo63).raw("x"),
               "k: a string of 9223372036854775808 bytes (at most 1 bytes here)"});
  c.push_back({"string one byte longer than the file",
               RawGguf().header(0, 1).key("k", Type::kString).put(std::uint64_t{6}).raw("abcde"),
               "k: a string of 6 bytes (at most 5 bytes here)"});
  c.push_back({"array length 2^63", RawGguf().header(0, 1).array("k", Type::kUint8, kTwoTo63),
               "k: an array of 9223372036854775808 elements (at most 0 here)"});
  c.push_back({"array whose bytes wrap", RawGguf().header(0, 1).array("k", Type::kUint64, kTwoTo63 / 4 + 1).fill(40),
               "k: an array of 2305843009213693953 elements (at most 5 here)"});
  c.push_back({"array of strings longer than the file can be",
               RawGguf().header(0, 1).array("k", Type::kString, 6).fill(40),
               "k: an array of 6 elements (at most 5 here)"});
  c.push_back({"array of strings, one too long",
               RawGguf().header(0, 1).array("k", Type::kString, 2).string("a").put(kMinusOne - 7).fill(8),
               "k: a string of 18446744073709551608 bytes (at most 8 bytes here)"});
  c.push_back({"nested array", RawGguf().header(0, 1).array("k", Type::kArray, kTwoTo63 / 2).fill(40),
               "k: an array of arrays (arrays of single values only)"});
  c.push_back({"array of type 13",
               RawGguf().header(0, 1).array("k", static_cast<Type>(13), 1).fill(40),
               "k: value type 13 *"});
  c.push_back({"bool 2", RawGguf().header(0, 1).key("k", Type::kBool).put(std::uint8_t{2}), "k: bool 2 (0 or 1)"});
  c.push_back({"bool 255 in an array",
               RawGguf().header(0, 1).array("k", Type::kBool, 2).put(std::uint16_t{0xFF01}),
               "k: bool 255 (0 or 1)"});
  c.push_back({"alignment 13",
               RawGguf().header(0, 1).uint32("general.alignment", 13),
               "general.alignment: 13 (a power of two)"});
  c.push_back({"alignment 0",
               RawGguf().header(0, 1).uint32("general.alignment", 0),
               "general.alignment: 0 (a power of two)"});
  c.push_back({"alignment as int32",
               RawGguf().header(0, 1).key("general.alignment", Type::kInt32).put(32),
               "general.alignment: int32 (uint32)"});
  c.push_back({"alignment as an array", RawGguf().header(0, 1).array("general.alignment", Type::kUint32, 1).put(32u),
               "general.alignment: an array of uint32 (uint32)"});

  // Tensors.
  c.push_back({"name of 64 bytes",
               one_tensor(std::string(64, 'n'), {4}, kF32),
               "name of tensor 0: a string of 64 bytes (at most 63 bytes here)"});
  c.push_back({"empty name", one_tensor("", {4}, kF32), "name of tensor 0: empty (at least 1 byte)"});
  c.push_back({"5 dimensions", one_tensor("t", {1, 1, 1, 1, 1}, kF32), "tensor t: 5 dimensions (at most 4)"});
  c.push_back({"a billion dimensions",
               RawGguf().header(1, 0).string("t").put(1000000000u).fill(80),
               "tensor t: 1000000000 dimensions (at most 4)"});
  c.push_back({"dimension -1",
               one_tensor("t", {kMinusOne}, kF32),
               "tensor t: dimension 0 of 18446744073709551615 (at most *"});
  c.push_back({"dimension -1 beside a zero",
               one_tensor("t", {0, kMinusOne}, kF32),
               "tensor t: dimension 1 of 18446744073709551615 *"});
  c.push_back({"dimension -32 in Q8_0",
               one_tensor("t", {kMinusOne - 31}, 8),
               "tensor t: dimension 0 of 18446744073709551584 *"});
  c.push_back({"4 * INT32_MAX squared",
               one_tensor("t", {4ull * 0x7FFFFFFF, 4ull * 0x7FFFFFFF}, kF32),
               "tensor t: dimension 1 of 8589934588 *"});
  c.push_back({"2^32 x 2^32: count and bytes wrap to 0", one_tensor("t", {kTwoTo32, kTwoTo32}, kF32),
               "tensor t: dimension 1 of 4294967296 (at most 1073741824 here)"});
  c.push_back({"2^16 four times",
               one_tensor("t", {1 << 16, 1 << 16, 1 << 16, 1 << 16}, kF32),
               "tensor t: dimension 3 of 65536 *"});
  c.push_back({"2^42 + 1 rows: the stride wraps",
               one_tensor("t", {1 << 20, (1ull << 42) + 1}, kF32),
               "tensor t: dimension 1 of 4398046511105 *"});
  c.push_back({"I64 whose bytes wrap",
               one_tensor("t", {(1ull << 61) + 4}, kI64),
               "tensor t: 2305843009213693956 blocks of 8 bytes at byte 64 (the file ends at byte 128)"});
  c.push_back({"an exabyte in F32",
               one_tensor("t", {1ull << 31, 1ull << 29}, kF32),
               "tensor t: 1152921504606846976 blocks of 4 bytes *"});
  c.push_back({"two tensors whose padded sizes wrap",
               two_tensors({kNearlyAll}, {kNearlyAll}, kI8, kNearlyAll),
               "tensor a: dimension 0 of 9223372036854775744 *"});
  c.push_back({"type 43", one_tensor("t", {32}, 43), "tensor t: type 43 (at most 42)"});
  c.push_back({"type -1", one_tensor("t", {32}, ~0u), "tensor t: type 4294967295 (at most 42)"});
  c.push_back({"withdrawn Q4_2",
               one_tensor("t", {32}, 4),
               "tensor t: type Q4_2 (GGUF withdrew this type: convert the model anew)"});
  c.push_back({"withdrawn Q4_3", one_tensor("t", {32}, 5), "tensor t: type Q4_3 *"});
  c.push_back({"withdrawn Q4_0_4_4", one_tensor("t", {32}, 31), "tensor t: type Q4_0_4_4 *"});
  c.push_back({"withdrawn Q4_0_4_8", one_tensor("t", {32}, 32), "tensor t: type Q4_0_4_8 *"});
  c.push_back({"withdrawn Q4_0_8_8", one_tensor("t", {32}, 33), "tensor t: type Q4_0_8_8 *"});
  c.push_back({"withdrawn IQ4_NL_4_4", one_tensor("t", {32}, 36), "tensor t: type IQ4_NL_4_4 *"});
  c.push_back({"withdrawn IQ4_NL_4_8", one_tensor("t", {32}, 37), "tensor t: type IQ4_NL_4_8 *"});
  c.push_back({"withdrawn IQ4_NL_8_8", one_tensor("t", {32}, 38), "tensor t: type IQ4_NL_8_8 *"});
  c.push_back({"a row that splits a block",
               one_tensor("t", {33, 2}, 8),
               "tensor t: rows of 33 weights (a multiple of 32 in Q8_0)"});
  c.push_back({"rows that fill blocks only together", one_tensor("t", {16, 2}, 8), "tensor t: rows of 16 weights *"});
  c.push_back({"offset -1",
               one_tensor("t", {4}, kF32, kMinusOne),
               "tensor t: offset 18446744073709551615 (must be 0, *"});
  c.push_back({"offset off the alignment", one_tensor("t", {4}, kF32, 4), "tensor t: offset 4 (must be 0, *"});
  c.push_back({"offset beyond the file", one_tensor("t", {4}, kF32, 4096), "tensor t: offset 4096 (must be 0, *"});
  c.push_back({"second tensor inside the first",
               two_tensors({16}, {4}, kF32, 32),
               "tensor b: offset 32 (must be 64, where the tensor before it ends, padded to 32)"});
  c.push_back({"a gap before the second tensor",
               two_tensors({4}, {4}, kF32, 64),
               "tensor b: offset 64 (must be 32, *"});
  c.push_back({"second tensor at offset 0",
               two_tensors({4}, {4}, kF32, 0),
               "tensor b: offset 0 (must be 32, *"});
  c.push_back({"offsets of another alignment than the file's",
               RawGguf().header(2, 1).uint32("general.alignment", 64).tensor("a", {4}, kF32, 0)
                   .tensor("b", {4}, kF32, 32).pad(64).fill(128),
               "tensor b: offset 32 (must be 64, *"});
  c.push_back({"duplicate tensor",
               RawGguf().header(2, 0).tensor("t", {4}, kF32, 0).tensor("t", {4}, kF32, 32).pad().fill(128),
               "tensor t: given twice (each name once)"});
  c.push_back({"one byte short", RawGguf().header(1, 0).tensor("t", {16}, kF32, 0).pad().fill(63),
               "tensor t: 16 blocks of 4 bytes at byte 64 (the file ends at byte 127)"});
  c.push_back({"no data at all",
               RawGguf().header(1, 0).tensor("t", {16}, kF32, 0),
               "tensor t: 16 blocks of 4 bytes at byte 64 (the file ends at byte 57)"});
  c.push_back({"alignment of 2^31 over a small file",
               RawGguf().header(1, 1).uint32("general.alignment", 1u << 31).tensor("t", {1}, kF32, 0).fill(64),
               "tensor t: 1 blocks of 4 bytes at byte 2147483648 (the file ends at byte *"});
  return c;
}

bool matches(std::string_view text, std::string_view pattern) {
  if (!pattern.ends_with('*')) return text == pattern;
  return text.starts_with(pattern.substr(0, pattern.size() - 1));
}

TEST(MalformedGguf, EachIsRefusedWithItsSentence) {
  for (const Case& c : cases()) {
    try {
      // A buffer of exactly this size: one byte too far is the sanitizer's.
      const std::vector<char> exact(c.file.text().begin(), c.file.text().end());
      const GgufReader reader(std::as_bytes(std::span(exact)), "bad.gguf");
      ADD_FAILURE() << c.name << ": not refused";
    } catch (const Error& e) {
      EXPECT_TRUE(matches(e.what(), std::string("bad.gguf: ") + c.sentence)) << c.name << ": " << e.what();
      EXPECT_EQ(std::string_view(e.what()).find('\n'), std::string_view::npos) << c.name;
      EXPECT_EQ(e.file(), "bad.gguf");
      EXPECT_FALSE(e.field().empty() || e.value().empty() || e.limit().empty()) << c.name;
    }
  }
}

TEST(MalformedGguf, ManyEqualKeysAreRefusedAsQuicklyAsTwo) {
  RawGguf f;
  constexpr std::uint64_t kCount = 1000000;
  f.header(0, kCount);
  for (std::uint64_t i = 0; i < kCount; ++i) f.key("k", Type::kUint8).put(std::uint8_t{0});
  EXPECT_THROW(GgufReader(as_bytes(f.text()), "f"), Error);
}

}  // namespace
}  // namespace edgek
