#include "edgek/model/gguf_writer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/model/gguf.hpp"
#include "model/test_files.hpp"

namespace edgek {
namespace {

namespace fs = std::filesystem;
using testing::as_bytes;

/// A folder of its own for each test, gone afterwards.
class GgufWriterTest : public ::testing::Test {
 protected:
  GgufWriterTest()
      : folder_(fs::temp_directory_path() /
                ("edgek_writer_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()) + "_" +
                 std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~GgufWriterTest() override { fs::remove_all(folder_); }

  std::string path() const { return (folder_ / "model.gguf").string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

 private:
  fs::path folder_;
};

std::vector<std::byte> pattern(std::size_t bytes, unsigned seed) {
  std::vector<std::byte> out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<std::byte>(i * 31 + seed);
  return out;
}

constexpr std::array<std::uint64_t, 2> kQ8Dims = {64, 3};
constexpr std::array<std::uint64_t, 1> kF32Dims = {5};

void write_small(GgufWriter& out) {
  out.head().add_uint32("n", 7);
  out.head().add_float32("f", 0.25f);
  out.head().add_bool("b", true);
  out.head().add_string("s", "text");
  const std::array<std::string_view, 3> words = {"x", "", "yz"};
  out.head().add_strings("words", words);
  const std::array<float, 2> floats = {1.5f, -2.0f};
  out.head().add_floats("floats", floats);
  const std::array<std::int32_t, 2> ints = {4, 5};
  out.head().add_int32s("ints", ints);
  out.head().add_tensor("a", kQ8Dims, 8);
  out.head().add_tensor("b", kF32Dims, 0);
  const auto a = pattern(6 * 34, 1);
  out.write(std::span(a).first(100));
  out.write(std::span(a).subspan(100));
  out.end_tensor();
  out.write(pattern(20, 2));
  out.end_tensor();
}

TEST_F(GgufWriterTest, WritesWhatTheReaderReads) {
  GgufWriter out(path());
  write_small(out);
  out.commit();
  EXPECT_EQ(files(), 1u);
  const std::string bytes = testing::read_file(path());
  const GgufReader r(as_bytes(bytes), "model.gguf");
  EXPECT_EQ(r.require_uint("n", 0, 9), 7u);
  EXPECT_EQ(r.require_float("f", 0, 1), 0.25f);
  EXPECT_TRUE(r.bool_or("b", false));
  EXPECT_EQ(r.require_string("s"), "text");
  EXPECT_EQ(r.require_strings("words"), (std::vector<std::string_view>{"x", "", "yz"}));
  EXPECT_EQ(r.require_floats("floats"), (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(r.require_uints("ints", 0, 9), (std::vector<std::uint64_t>{4, 5}));
  const auto same = [](std::span<const std::byte> data, const std::vector<std::byte>& wanted) {
    return std::equal(data.begin(), data.end(), wanted.begin(), wanted.end());
  };
  EXPECT_TRUE(same(r.require_tensor("a").data, pattern(6 * 34, 1)));
  EXPECT_TRUE(same(r.require_tensor("b").data, pattern(20, 2)));
}

TEST_F(GgufWriterTest, CopiesMetadataByteForByteAndObeysItsAlignment) {
  testing::RawGguf source;
  source.header(0, 3).uint32("general.alignment", 128);
  source.array("mixed", GgufValueType::kBool, 3).raw(std::string_view("\0\1\1", 3));
  source.key("deep", GgufValueType::kFloat64).put(1e-300);
  const GgufReader old(as_bytes(source.text()), "old");
  GgufWriter out(path());
  for (const GgufValue& value : old.metadata()) out.head().add(value);
  out.head().add_tensor("a", kF32Dims, 0);
  out.head().add_tensor("b", kF32Dims, 0);
  for (unsigned i = 0; i < 2; ++i) {
    out.write(pattern(20, i));
    out.end_tensor();
  }
  out.commit();
  const std::string bytes = testing::read_file(path());
  const GgufReader r(as_bytes(bytes), "new");
  ASSERT_EQ(r.metadata().size(), old.metadata().size());
  for (std::size_t i = 0; i < r.metadata().size(); ++i) {
    const auto a = old.metadata()[i].entry;
    const auto b = r.metadata()[i].entry;
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
  EXPECT_EQ(r.alignment(), 128u);
  EXPECT_EQ(r.require_tensor("b").offset, 128u);
}

TEST_F(GgufWriterTest, LeavesTheOldFileUntilTheNewOneIsWhole) {
  { std::ofstream(path()) << "old"; }
  {
    GgufWriter out(path());
    write_small(out);
    EXPECT_EQ(testing::read_file(path()), "old");
    EXPECT_EQ(files(), 2u);
  }
  EXPECT_EQ(testing::read_file(path()), "old") << "never committed";
  EXPECT_EQ(files(), 1u) << "nothing half is left";
  GgufWriter out(path());
  write_small(out);
  out.commit();
  EXPECT_EQ(testing::read_file(path()).substr(0, 4), "GGUF");
  EXPECT_EQ(files(), 1u);
}

TEST_F(GgufWriterTest, TwoWritersOfOneNameDoNotMix) {
  GgufWriter first(path());
  GgufWriter second(path());
  write_small(first);
  write_small(second);
  first.commit();
  const std::string bytes = testing::read_file(path());
  second.commit();
  EXPECT_EQ(testing::read_file(path()), bytes);
  EXPECT_EQ(files(), 1u);
}

TEST_F(GgufWriterTest, NamesAFileItCannotMake) {
  try {
    GgufWriter out(path() + "/no/such/folder.gguf");
    FAIL() << "made a file without a folder";
  } catch (const Error& e) {
    EXPECT_EQ(e.file(), path() + "/no/such/folder.gguf");
    EXPECT_EQ(e.value(), "cannot be created");
  }
}

}  // namespace
}  // namespace edgek
