#include "edgek/model/gguf.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "model/test_files.hpp"

namespace edgek {
namespace {

using testing::RawGguf;
using testing::as_bytes;
using Type = GgufValueType;

/// A valid file with a value of every type and tensors of three formats.
std::string small_file(std::uint32_t version = 3) {
  RawGguf f;
  f.header(3, 15, version);
  f.key("u8", Type::kUint8).put(std::uint8_t{250});
  f.key("i8", Type::kInt8).put(std::int8_t{-5});
  f.key("u16", Type::kUint16).put(std::uint16_t{65000});
  f.key("i16", Type::kInt16).put(std::int16_t{300});
  f.uint32("u32", 4000000000u);
  f.key("i32", Type::kInt32).put(std::int32_t{7});
  f.key("f32", Type::kFloat32).put(0.5f);
  f.key("yes", Type::kBool).put(std::uint8_t{1});
  f.key("text", Type::kString).string("abc");
  f.key("u64", Type::kUint64).put(std::numeric_limits<std::uint64_t>::max());
  f.key("i64", Type::kInt64).put(std::int64_t{1} << 40);
  f.key("f64", Type::kFloat64).put(1e300);
  f.array("words", Type::kString, 3).string("x").string("").string("yz");
  f.array("counts", Type::kInt16, 2).put(std::int16_t{3}).put(std::int16_t{9});
  f.array("empty", Type::kFloat32, 0);
  f.tensor("a", {3, 2}, 0, 0);       // F32: 24 bytes
  f.tensor("b", {32, 2, 2}, 8, 32);  // Q8_0: 4 rows of 34 bytes
  f.tensor("c", {5}, 1, 192);        // F16: 10 bytes
  f.pad();
  f.fill(24).pad().fill(136).pad().fill(10);
  return f.text();
}

std::string message(const std::string& file, auto&& use) {
  try {
    const GgufReader reader(as_bytes(file), "f.gguf");
    use(reader);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(GgufReader, ReadsBothVersions) {
  for (const std::uint32_t version : {2u, 3u}) {
    const std::string file = small_file(version);
    const GgufReader r(as_bytes(file), "f.gguf");
    EXPECT_EQ(r.version(), version);
    EXPECT_EQ(r.metadata().size(), 15u);
    EXPECT_EQ(r.tensors().size(), 3u);
    EXPECT_EQ(r.alignment(), 32u);
  }
}

TEST(GgufReader, ReadsNumbersOfEveryType) {
  const std::string file = small_file();
  const GgufReader r(as_bytes(file), "f.gguf");
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  const std::vector<std::pair<const char*, std::uint64_t>> wanted = {
      {"u8", 250}, {"u16", 65000}, {"i16", 300}, {"u32", 4000000000u},
      {"i32", 7},  {"u64", kMax},  {"i64", std::uint64_t{1} << 40}};
  for (const auto& [key, value] : wanted) EXPECT_EQ(r.require_uint(key, 0, kMax), value) << key;
  EXPECT_EQ(r.uint_or("absent", 42, 0, 1), 42u);
  EXPECT_EQ(r.require_float("f32", 0, 1), 0.5f);
  EXPECT_EQ(r.float_or("absent", 3.0f, 0, 1), 3.0f);
  EXPECT_TRUE(r.bool_or("yes", false));
  EXPECT_TRUE(r.bool_or("absent", true));
  EXPECT_EQ(r.require_string("text"), "abc");
  EXPECT_EQ(r.string_or("absent", "z"), "z");
}

TEST(GgufReader, ReadsArrays) {
  const std::string file = small_file();
  const GgufReader r(as_bytes(file), "f.gguf");
  EXPECT_EQ(r.require_strings("words"), (std::vector<std::string_view>{"x", "", "yz"}));
  EXPECT_EQ(r.require_uints("counts", 0, 9), (std::vector<std::uint64_t>{3, 9}));
  EXPECT_TRUE(r.require_floats("empty").empty());
}

TEST(GgufReader, FindsTensorsAndTheirBytes) {
  const std::string file = small_file();
  const GgufReader r(as_bytes(file), "f.gguf");
  const GgufTensor& b = r.require_tensor("b");
  EXPECT_EQ(b.cols(), 32u);
  EXPECT_EQ(b.rows(), 4u);
  EXPECT_EQ(b.dim_count, 3u);
  EXPECT_EQ(b.type, 8u);
  EXPECT_EQ(b.data.size(), 4u * 34u);
  const std::size_t at = static_cast<std::size_t>(b.data.data() - r.bytes().data());
  EXPECT_EQ(at % 32, 0u);
  EXPECT_EQ(r.find_tensor("c")->data.data(), r.bytes().data() + file.size() - 10) << "no copy: the file's own bytes";
  EXPECT_EQ(r.find_tensor("d"), nullptr);
}

TEST(GgufReader, CopiesNothingOfTheMetadata) {
  const std::string file = small_file();
  const GgufReader r(as_bytes(file), "f.gguf");
  const char* text = r.require_string("text").data();
  EXPECT_GE(text, file.data());
  EXPECT_LT(text, file.data() + file.size());
}

TEST(GgufReader, NamesWhatAGetterRefuses) {
  const std::string file = small_file();
  const auto says = [&](auto&& use) { return message(file, use); };
  EXPECT_EQ(says([](auto& r) { r.require_uint("absent", 0, 1); }), "f.gguf: absent: missing (this key is required)");
  EXPECT_EQ(says([](auto& r) { r.require_uint("i8", 0, 9); }), "f.gguf: i8: -5 (0 to 9)");
  EXPECT_EQ(says([](auto& r) { r.require_uint("u32", 1, 100); }), "f.gguf: u32: 4000000000 (1 to 100)");
  EXPECT_EQ(says([](auto& r) { r.require_uint("f32", 0, 9); }), "f.gguf: f32: float32 (an integer)");
  EXPECT_EQ(says([](auto& r) { r.uint_or("text", 0, 0, 9); }), "f.gguf: text: string (an integer)");
  EXPECT_EQ(says([](auto& r) { r.require_uint("counts", 0, 9); }),
            "f.gguf: counts: an array of int16 (a single number)");
  EXPECT_EQ(says([](auto& r) { r.require_float("f32", 1, 2); }), "f.gguf: f32: 0.5 (1 to 2)");
  EXPECT_EQ(says([](auto& r) { r.require_float("f64", 0, 1); }), "f.gguf: f64: 1e+300 (0 to 1)");
  EXPECT_EQ(says([](auto& r) { r.require_float("u8", 0, 1); }), "f.gguf: u8: uint8 (float32)");
  EXPECT_EQ(says([](auto& r) { r.bool_or("u8", true); }), "f.gguf: u8: uint8 (bool)");
  EXPECT_EQ(says([](auto& r) { r.require_string("u8"); }), "f.gguf: u8: uint8 (string)");
  EXPECT_EQ(says([](auto& r) { r.require_strings("counts"); }),
            "f.gguf: counts: an array of int16 (an array of string)");
  EXPECT_EQ(says([](auto& r) { r.require_uints("counts", 0, 8); }), "f.gguf: counts: 9 (0 to 8)");
  EXPECT_EQ(says([](auto& r) { r.require_floats("counts"); }),
            "f.gguf: counts: an array of int16 (an array of float32)");
  EXPECT_EQ(says([](auto& r) { r.require_floats("f32"); }), "f.gguf: f32: float32 (an array)");
  EXPECT_EQ(says([](auto& r) { r.require_tensor("q"); }), "f.gguf: tensor q: missing (this tensor is required)");
}

TEST(GgufReader, RefusesAFloatThatIsNotFinite) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    RawGguf f;
    f.header(0, 1).key("x", Type::kFloat32).put(value);
    constexpr float kMax = std::numeric_limits<float>::max();
    EXPECT_NE(message(f.text(), [](auto& r) { r.require_float("x", -kMax, kMax); }), "no error");
  }
}

TEST(GgufReader, LoadsATensorWithAZeroDimension) {
  RawGguf f;
  f.header(2, 0).tensor("none", {0, 7}, 0, 0).tensor("one", {1}, 0, 0).pad().fill(4);
  const GgufReader r(as_bytes(f.text()), "f.gguf");
  EXPECT_TRUE(r.require_tensor("none").data.empty());
  EXPECT_EQ(r.require_tensor("one").data.size(), 4u);
}

TEST(GgufReader, ObeysTheAlignmentOfTheFile) {
  for (const std::uint32_t alignment : {1u, 2u, 64u, 4096u}) {
    RawGguf f;
    const std::uint64_t second = (4 + alignment - 1) / alignment * alignment;
    f.header(2, 1).uint32("general.alignment", alignment).tensor("a", {1}, 0, 0).tensor("b", {1}, 0, second);
    f.pad(alignment).fill(4).pad(alignment).put(2.5f);
    const GgufReader r(as_bytes(f.text()), "f.gguf");
    EXPECT_EQ(r.alignment(), alignment);
    EXPECT_EQ(detail::load<float>(r.require_tensor("b").data.data()), 2.5f);
  }
}

TEST(GgufReader, FindsAmongManyKeysQuicklyAndExactly) {
  constexpr std::uint32_t kCount = 50000;
  RawGguf f;
  f.header(0, kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) f.uint32("key." + std::to_string((i * 7919u) % kCount), i);
  const GgufReader r(as_bytes(f.text()), "f.gguf");
  for (std::uint32_t i = 0; i < kCount; i += 97)
    EXPECT_EQ(r.require_uint("key." + std::to_string((i * 7919u) % kCount), 0, kCount), i);
  EXPECT_EQ(r.find("key."), nullptr);
  EXPECT_EQ(r.find(""), nullptr);
}

TEST(GgufTensorTypes, NameEveryIdThatEverWas) {
  for (const std::uint32_t id : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u}) {
    ASSERT_NE(find_gguf_tensor_type(id), nullptr);
    EXPECT_EQ(find_gguf_tensor_type(id)->block_bytes, 0u) << id;
  }
  EXPECT_EQ(find_gguf_tensor_type(43), nullptr);
  EXPECT_EQ(find_gguf_tensor_type(~0u), nullptr);
}

}  // namespace
}  // namespace edgek
