#ifndef EDGEK_RUNTIME_ARENA_HPP_
#define EDGEK_RUNTIME_ARENA_HPP_

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <utility>

#include "edgek/core/status.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek {

/// a * b + c that remembers whether it ever left the range of size_t: for sizes that come from shapes.
class CheckedSize {
 public:
  constexpr CheckedSize(std::size_t value = 0) noexcept : value_(value) {}  // NOLINT: a size is a checked size

  constexpr CheckedSize& operator+=(CheckedSize b) noexcept {
    overflow_ = overflow_ || b.overflow_ || b.value_ > kMax - value_;
    value_ += b.value_;
    return *this;
  }
  constexpr CheckedSize& operator*=(CheckedSize b) noexcept {
    overflow_ = overflow_ || b.overflow_ || (b.value_ != 0 && value_ > kMax / b.value_);
    value_ *= b.value_;
    return *this;
  }
  friend constexpr CheckedSize operator+(CheckedSize a, CheckedSize b) noexcept { return a += b; }
  friend constexpr CheckedSize operator*(CheckedSize a, CheckedSize b) noexcept { return a *= b; }

  constexpr bool ok() const noexcept { return !overflow_; }
  constexpr std::size_t value() const noexcept { return value_; }  ///< meaningful when ok()

 private:
  static constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  std::size_t value_;
  bool overflow_ = false;
};

/// Scratch memory that is handed out in order and taken back all at once. It grows only when asked, so
/// the second call of an op with the same shapes allocates nothing. Moves, does not copy.
class Arena {
 public:
  static constexpr std::size_t kAlignment = 64;

  Arena() noexcept = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        capacity_(std::exchange(other.capacity_, 0)),
        used_(std::exchange(other.used_, 0)) {}
  Arena& operator=(Arena&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(used_, other.used_);
    return *this;
  }
  ~Arena() { std::free(data_); }

  /// What `count` objects of T take: a multiple of kAlignment.
  template <typename T>
  static constexpr CheckedSize bytes_for(CheckedSize count) noexcept {
    const CheckedSize bytes = count * sizeof(T) + (kAlignment - 1);
    return bytes.ok() ? CheckedSize(bytes.value() & ~(kAlignment - 1)) : bytes;
  }

  /// Takes everything back and makes sure that `bytes` can be handed out. What was handed out before is
  /// gone. On kOutOfMemory the arena is as it was, but empty.
  Status reset(CheckedSize bytes) noexcept {
    used_ = 0;
    if (!bytes.ok()) return Status::kOutOfMemory;
    return bytes.value() <= capacity_ ? Status::kOk : grow(bytes.value());
  }

  /// `count` objects of T, 64-byte aligned, contents undefined; nullptr when the arena has no room left.
  template <typename T>
  T* take(std::size_t count) noexcept {
    static_assert(alignof(T) <= kAlignment);
    const CheckedSize bytes = bytes_for<T>(count);
    if (!bytes.ok() || bytes.value() > capacity_ - used_) return nullptr;
    T* out = reinterpret_cast<T*>(data_ + used_);
    used_ += bytes.value();
    return out;
  }

  std::size_t capacity() const noexcept { return capacity_; }  ///< bytes
  std::size_t used() const noexcept { return used_; }          ///< bytes

 private:
  Status grow(std::size_t bytes) noexcept {
    const CheckedSize rounded = bytes_for<std::byte>(bytes);
    if (!rounded.ok()) return Status::kOutOfMemory;
    void* fresh = std::aligned_alloc(kAlignment, rounded.value());
    if (fresh == nullptr) return Status::kOutOfMemory;
    advise_huge_pages({static_cast<std::byte*>(fresh), rounded.value()});
    std::free(data_);
    data_ = static_cast<std::byte*>(fresh);
    capacity_ = rounded.value();
    return Status::kOk;
  }

  std::byte* data_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
};

}  // namespace edgek

#endif  // EDGEK_RUNTIME_ARENA_HPP_
