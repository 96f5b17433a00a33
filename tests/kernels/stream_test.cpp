// The null kernel reads every byte it is given and none beyond.
#include "tests/support/kernel_tests.hpp"

namespace edgek::test {
namespace {

TEST(Stream, SumsEveryByteWhateverTheStreams) {
  for_each_set([](const KernelSet& set) {
    Random random(13);
    for (const std::size_t n : {0, 1, 7, 8, 63, 64, 127, 128, 129, 1000, 4096, 4097, 10007}) {
      const GuardedBuffer<std::byte> bytes(random.bytes(n));
      const std::uint64_t expected = scalar().stream(bytes.begin(), bytes.end(), 1, 0);
      for (std::size_t streams = 1; streams <= 8; ++streams)
        for (const std::size_t prefetch : {0, 64, 512, 4096})
          EXPECT_EQ(set.stream(bytes.begin(), bytes.end(), streams, prefetch), expected)
              << n << " bytes, " << streams << " streams, prefetch " << prefetch;
    }
  });
}

TEST(Stream, NoticesAChangeOfAnyByte) {
  for_each_set([](const KernelSet& set) {
    Random random(19);
    std::vector<std::byte> bytes = random.bytes(1500);
    const std::uint64_t before = set.stream(bytes.data(), bytes.data() + bytes.size(), 4, 0);
    for (std::byte& b : bytes) {
      b ^= std::byte{1};
      EXPECT_NE(set.stream(bytes.data(), bytes.data() + bytes.size(), 4, 0), before) << &b - bytes.data();
      b ^= std::byte{1};
    }
  });
}

}  // namespace
}  // namespace edgek::test
