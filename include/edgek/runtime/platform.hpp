#ifndef EDGEK_RUNTIME_PLATFORM_HPP_
#define EDGEK_RUNTIME_PLATFORM_HPP_

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#endif

// Files, threads and memory as the operating system offers them: Linux today. Another system is
// another version of this file.

namespace edgek {

/// Returns when all pages of mapped memory are present, or the system declines. Later reads do not fault.
inline bool populate_pages(std::span<const std::byte> bytes) noexcept {
#ifdef MADV_POPULATE_READ
  constexpr int kPopulate = MADV_POPULATE_READ;
#else
  constexpr int kPopulate = 22;  // Linux 5.14; older headers lack the name, older kernels answer EINVAL
#endif
  return bytes.empty() || ::madvise(const_cast<std::byte*>(bytes.data()), bytes.size(), kPopulate) == 0;
}

/// The usual size on CPUs with pages of 4 KB.
inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

/// Asks for huge pages where whole ones fit: memory that is soon used from end to end costs fewer faults. Only a wish:
/// page_report() tells what came of it.
inline void advise_huge_pages(std::span<std::byte> bytes) noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  const std::size_t before = (kHugePageBytes - begin % kHugePageBytes) % kHugePageBytes;
  if (bytes.size() < before + kHugePageBytes) return;
  const std::size_t whole = (bytes.size() - before) / kHugePageBytes * kHugePageBytes;
  ::madvise(bytes.data() + before, whole, MADV_HUGEPAGE);
}

/// A file's bytes, read-only, as long as the object lives. The file must not shrink meanwhile (the
/// system ends a program that reads beyond the end). Moves, does not copy.
class MappedFile {
 public:
  MappedFile() noexcept = default;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  /// Maps a regular file. Returns 0, or the errno that says why not (EINVAL: not a regular file).
  int open(const char* path) noexcept {
    // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    const int file = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return errno;
    const int error = map(file);
    ::close(file);
    return error;
  }

  std::span<const std::byte> bytes() const noexcept { return bytes_; }  ///< page aligned; empty for an empty file

  /// Asks for the file to be read in the background.
  void advise_needed() const noexcept {
    if (!bytes_.empty()) ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_WILLNEED);
  }

  /// populate_pages() of all of them.
  bool populate() const noexcept { return populate_pages(bytes_); }

 private:
  int map(int file) noexcept {
    struct stat status {};
    if (::fstat(file, &status) != 0) return errno;
    if (S_ISDIR(status.st_mode)) return EISDIR;
    if (!S_ISREG(status.st_mode)) return EINVAL;
    MappedFile fresh;
    if (status.st_size > 0) {
      const auto size = static_cast<std::size_t>(status.st_size);
      void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
      if (data == MAP_FAILED) return errno;
      fresh.bytes_ = {static_cast<const std::byte*>(data), size};
    }
    std::swap(bytes_, fresh.bytes_);
    return 0;
  }

  std::span<const std::byte> bytes_;
};

/// Zeroed memory of its own pages, given back when the object ends. Pages cost nothing until they
/// are written, so a large cache may be asked for and slowly filled.
class PageBlock {
 public:
  PageBlock() noexcept = default;
  PageBlock(const PageBlock&) = delete;
  PageBlock& operator=(const PageBlock&) = delete;
  PageBlock(PageBlock&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  PageBlock& operator=(PageBlock&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PageBlock() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }

  /// Replaces what it held. False (and unchanged) when the system declines.
  bool allocate(std::size_t bytes) noexcept {
    PageBlock fresh;
    if (bytes > 0) {
      void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (data == MAP_FAILED) return false;
      fresh.bytes_ = {static_cast<std::byte*>(data), bytes};
    }
    std::swap(bytes_, fresh.bytes_);
    return true;
  }

  std::span<std::byte> bytes() const noexcept { return bytes_; }  ///< page aligned

 private:
  std::span<std::byte> bytes_;
};

/// A thread that reports failure to start instead of throwing. Must be joined before it ends.
class Thread {
 public:
  using Main = void* (*)(void*);

  /// False when the system gives no thread.
  bool start(Main main, void* arg) noexcept {
    started_ = ::pthread_create(&thread_, nullptr, main, arg) == 0;
    return started_;
  }
  void join() noexcept {
    if (std::exchange(started_, false)) ::pthread_join(thread_, nullptr);
  }

 private:
  pthread_t thread_{};
  bool started_ = false;
};

/// Brings the pages of mapped memory in while the program goes on; whoever needs one earlier brings it in itself. The
/// memory must stay mapped as long as the object lives.
class BackgroundPopulation {
 public:
  explicit BackgroundPopulation(std::span<const std::byte> bytes) noexcept : left_(bytes) {
    thread_.start(&run, this);  // without a thread, pages come as they are needed
  }
  BackgroundPopulation(const BackgroundPopulation&) = delete;
  BackgroundPopulation& operator=(const BackgroundPopulation&) = delete;
  /// Stops early.
  ~BackgroundPopulation() {
    stopped_.store(true, std::memory_order_relaxed);
    thread_.join();
  }

  /// Returns when all pages have been brought in, or the system declined.
  void wait() noexcept { thread_.join(); }

 private:
  /// Bytes at a time: whoever maps or unmaps memory meanwhile waits so long, malloc() too.
  static constexpr std::size_t kSlice = std::size_t{8} << 20;

  static void* run(void* self) noexcept {
    auto& population = *static_cast<BackgroundPopulation*>(self);
    while (!population.left_.empty() && !population.stopped_.load(std::memory_order_relaxed)) {
      const std::span<const std::byte> slice = population.left_.first(std::min(kSlice, population.left_.size()));
      if (!populate_pages(slice)) break;
      population.left_ = population.left_.subspan(slice.size());
    }
    return nullptr;
  }

  std::span<const std::byte> left_;
  std::atomic<bool> stopped_{false};
  Thread thread_;
};

/// CPUs that this process may run on; at least 1.
inline std::size_t cpu_count() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<std::size_t>(CPU_COUNT(&set));
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);  // more CPUs than the set has room for
  return online > 0 ? static_cast<std::size_t>(online) : 1;
}

/// Binds the calling thread to the index-th of the CPUs it may run on (modulo their number).
inline bool pin_this_thread(std::size_t index) noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  std::size_t left = index % static_cast<std::size_t>(CPU_COUNT(&allowed));
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return ::sched_setaffinity(0, sizeof one, &one) == 0;
  }
  return false;
}

/// Lets another thread have this CPU.
inline void yield_cpu() noexcept { ::sched_yield(); }

/// Tells the CPU that this is a waiting loop.
inline void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Largest resident set of this process so far.
inline std::size_t peak_rss_bytes() noexcept {
  rusage use{};
  if (::getrusage(RUSAGE_SELF, &use) != 0) return 0;
  return static_cast<std::size_t>(use.ru_maxrss) * 1024;
}

/// While it lives, this thread's float arithmetic rounds to nearest, keeps subnormals and raises no
/// traps, whatever the program has set; then the program's setting returns.
class ScopedFloatControl {
 public:
  ScopedFloatControl() noexcept : saved_(get()) {
    if (masked(saved_) != kWanted) set((saved_ & ~kControlBits) | kWanted);
  }
  ScopedFloatControl(const ScopedFloatControl&) = delete;
  ScopedFloatControl& operator=(const ScopedFloatControl&) = delete;
  ~ScopedFloatControl() {
    if (masked(saved_) != kWanted) set(saved_);
  }

  /// The control register, flags included: MXCSR, FPCR, or 0 where edgek knows none.
  static std::uint64_t get() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    return _mm_getcsr();
#elif defined(__aarch64__)
    std::uint64_t value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
#else
    return 0;
#endif
  }
  static void set(std::uint64_t value) noexcept {
#if defined(__x86_64__) || defined(__i386__)
    _mm_setcsr(static_cast<unsigned>(value));
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory");
#else
    static_cast<void>(value);
#endif
  }

 private:
#if defined(__x86_64__) || defined(__i386__)
  static constexpr std::uint64_t kControlBits = 0xFFC0;  // FTZ, rounding, exception masks, DAZ
  static constexpr std::uint64_t kWanted = 0x1F80;       // all masked, nothing else
#else
  // FPCR: AHP, DN, FZ, RMode, FZ16, traps, and the FEAT_AFP bits NEP, AH, FIZ.
  static constexpr std::uint64_t kControlBits = 0x07C89F07;
  static constexpr std::uint64_t kWanted = 0;
#endif
  static constexpr std::uint64_t masked(std::uint64_t value) noexcept { return value & kControlBits; }

  std::uint64_t saved_;
};

}  // namespace edgek

#endif  // EDGEK_RUNTIME_PLATFORM_HPP_
