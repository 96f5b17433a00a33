#ifndef EDGEK_TESTS_SUPPORT_GUARDED_BUFFER_HPP_
#define EDGEK_TESTS_SUPPORT_GUARDED_BUFFER_HPP_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

namespace edgek::test {

/// n elements whose last byte is the last one before a page that nobody may touch: reading or writing past
/// the end ends the program at once. The page before the first is such a page too. Filled with bytes 0xA5.
/// The start is aligned as far as n * sizeof(T) allows (n whole cache lines: to 64 bytes).
template <typename T>
class GuardedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit GuardedBuffer(std::size_t n) : size_(n) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = n * sizeof(T);
    const std::size_t inner = (bytes + page - 1) / page * page;
    mapped_ = inner + 2 * page;
    map_ = ::mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map_ == MAP_FAILED) std::abort();
    std::byte* first = static_cast<std::byte*>(map_) + page;
    if (inner > 0 && ::mprotect(first, inner, PROT_READ | PROT_WRITE) != 0) std::abort();
    if (inner > 0) std::memset(first, 0xA5, inner);
    data_ = reinterpret_cast<T*>(first + (inner - bytes));
  }
  explicit GuardedBuffer(std::span<const T> from) : GuardedBuffer(from.size()) {
    if (!from.empty()) std::memcpy(data_, from.data(), from.size_bytes());
  }
  GuardedBuffer(GuardedBuffer&& other) noexcept
      : map_(std::exchange(other.map_, MAP_FAILED)), mapped_(other.mapped_), data_(other.data_), size_(other.size_) {}
  GuardedBuffer& operator=(GuardedBuffer&&) = delete;
  ~GuardedBuffer() {
    if (map_ != MAP_FAILED) ::munmap(map_, mapped_);
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  void* map_ = MAP_FAILED;
  std::size_t mapped_ = 0;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_GUARDED_BUFFER_HPP_
