#include "edgek/runtime/arena.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <gtest/gtest.h>

namespace {

using edgek::Arena;
using edgek::CheckedSize;
using edgek::Status;

constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();

TEST(CheckedSize, RemembersOverflow) {
  EXPECT_TRUE((CheckedSize(kMax - 1) + 1).ok());
  EXPECT_FALSE((CheckedSize(kMax) + 1).ok());
  EXPECT_FALSE((CheckedSize(1) + (CheckedSize(kMax) + 1)).ok());
  EXPECT_EQ((CheckedSize(3) * 5 + 2).value(), 17u);
  EXPECT_TRUE((CheckedSize(kMax) * 0).ok());
  EXPECT_TRUE((CheckedSize(0) * kMax).ok());
  EXPECT_FALSE((CheckedSize(std::size_t{1} << 32) * (std::size_t{1} << 32)).ok());
  EXPECT_FALSE(((CheckedSize(kMax) + 1) * 0).ok());
  EXPECT_FALSE(Arena::bytes_for<float>(kMax / 4).ok());
}

TEST(Arena, HandsOutAlignedRoomInOrder) {
  Arena arena;
  EXPECT_EQ(arena.take<float>(1), nullptr);
  ASSERT_EQ(arena.reset(Arena::bytes_for<float>(3) + Arena::bytes_for<double>(8)), Status::kOk);
  auto* a = arena.take<float>(3);
  auto* b = arena.take<double>(8);
  ASSERT_NE(a, nullptr);
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a) % Arena::kAlignment, 0u);
  EXPECT_EQ(reinterpret_cast<std::byte*>(b) - reinterpret_cast<std::byte*>(a), 64);
  EXPECT_EQ(arena.take<char>(1), nullptr);
  EXPECT_EQ(arena.used(), 128u);
}

TEST(Arena, GrowsOnlyWhenAsked) {
  Arena arena;
  ASSERT_EQ(arena.reset(1000), Status::kOk);
  const std::byte* first = arena.take<std::byte>(1);
  const std::size_t capacity = arena.capacity();
  ASSERT_EQ(arena.reset(10), Status::kOk);
  EXPECT_EQ(arena.take<std::byte>(1), first);
  EXPECT_EQ(arena.capacity(), capacity);
  ASSERT_EQ(arena.reset(100'000), Status::kOk);
  EXPECT_GE(arena.capacity(), 100'000u);
}

TEST(Arena, ReportsWhatItCannotHave) {
  Arena arena;
  ASSERT_EQ(arena.reset(64), Status::kOk);
  EXPECT_EQ(arena.reset(CheckedSize(kMax) + 1), Status::kOutOfMemory);
  EXPECT_EQ(arena.reset(kMax), Status::kOutOfMemory);
  EXPECT_EQ(arena.reset(std::size_t{1} << 62), Status::kOutOfMemory);
  EXPECT_NE(arena.take<std::byte>(64), nullptr);
}

TEST(Arena, Moves) {
  Arena a;
  ASSERT_EQ(a.reset(64), Status::kOk);
  Arena b = std::move(a);
  EXPECT_EQ(b.capacity(), 64u);
  EXPECT_EQ(a.capacity(), 0u);
  a = std::move(b);
  EXPECT_EQ(a.capacity(), 64u);
}

}  // namespace
