// After the first token nothing is allocated: decoding, sampling and the text of a token included. This program's
// own malloc, calloc, realloc, aligned_alloc, posix_memalign and mmap count.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edgek/edgek.hpp"
#include "edgek/model/decoder.hpp"
#include "edgek/model/sampler.hpp"
#include "edgek/model/tokenizer.hpp"
#include "model/test_files.hpp"
#include "model/tiny_model.hpp"

namespace {
std::atomic<bool> counting{false};
std::atomic<std::size_t> allocations{0};

void count() noexcept {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EDGEK_TEST_COUNTS_ALLOCATIONS 1

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t items, std::size_t bytes) {
  count();
  return __libc_calloc(items, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  count();
  return __libc_realloc(old, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) {
  count();
  *out = __libc_memalign(alignment, bytes);
  return *out == nullptr ? ENOMEM : 0;
}
void* mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
  count();
  return reinterpret_cast<void*>(syscall(SYS_mmap, at, bytes, protection, flags, file, offset));
}
}
#endif

namespace {

using namespace edgek;
using edgek::testing::tiny_tokens;
using edgek::testing::TinyModel;

TEST(Allocations, TheCounterCounts) {
#ifndef EDGEK_TEST_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "NOT CHECKED: a sanitizer or another C library owns malloc";
#endif
  counting = true;
  allocations = 0;
  void* volatile some = std::malloc(100);  // volatile: else the compiler leaves the pair out
  std::free(some);
  some = std::calloc(10, 10);
  some = std::realloc(some, 1000);
  std::free(some);
  some = ::operator new(100);
  ::operator delete(some);
  some = std::aligned_alloc(64, 640);
  std::free(some);
  void* page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  counting = false;
  munmap(page, 4096);
  EXPECT_EQ(allocations.load(), 6u);
}

/// Allocations while `tokens` more tokens are decoded, sampled and turned into text.
std::size_t allocations_of(const TinyModel& tiny, const DecoderOptions& options, std::size_t tokens) {
  const std::string tokenizer_bytes = edgek::testing::read_file(edgek::testing::data_path("tiny_bpe.gguf"));
  const GgufReader tokenizer_file(edgek::testing::as_bytes(tokenizer_bytes), "tiny_bpe.gguf");
  const Tokenizer tokenizer(tokenizer_file);
  const std::vector<std::byte> bytes = tiny.bytes();
  const Model model(bytes, "tiny.gguf");
  ThreadPool pool(2);
  Context ctx{.executor = pool, .kernels = kernels()};
  Decoder decoder(model, options);
  decoder.set_cancel([] { return false; });
  SamplerOptions sampling;
  sampling.temperature = 0.8f;
  sampling.top_k = 20;
  sampling.top_p = 0.9f;
  Sampler sampler(model.config().vocabulary, sampling);
  std::size_t text = 0;
  std::int32_t next = 3;
  const auto one_token = [&] {
    const ConstRows logits = decoder.evaluate(ctx, {&next, 1}).logits;
    next = sampler.sample({logits.row(0), logits.cols});
    sampler.accept(next);
    text += tokenizer.piece(next).size();
  };
  const std::vector<std::int32_t> prompt = tiny_tokens(5);
  decoder.evaluate(ctx, prompt);
  one_token();
  counting = true;
  allocations = 0;
  for (std::size_t i = 0; i < tokens; ++i) one_token();
  counting = false;
  EXPECT_GT(text, 0u);
  return allocations.load();
}

// 300 tokens: the context grows beyond a chunk of attention, where more scratch is needed.
TEST(Allocations, NoneAfterTheFirstToken) {
#ifndef EDGEK_TEST_COUNTS_ALLOCATIONS
  GTEST_SKIP() << "NOT CHECKED: a sanitizer or another C library owns malloc";
#endif
  EXPECT_EQ(allocations_of({.format = Format::kQ4_0}, {}, 300), 0u);
  EXPECT_EQ(allocations_of({.format = Format::kQ6_K, .tied = false}, {}, 20), 0u);
  EXPECT_EQ(allocations_of({.format = Format::kF16}, {.exact = true}, 20), 0u);
}

}  // namespace
