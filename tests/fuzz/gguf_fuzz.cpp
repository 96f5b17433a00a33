// Coverage-guided fuzzing of all that reads and runs a model file. Built as gguf_fuzz where the compiler is clang
// and has libFuzzer:
//
//   mkdir -p corpus && build/clang/tests/gguf_fuzz -max_len=20000 -max_total_time=600 corpus tests/data
//
// A crash, a sanitizer's report, an exception other than edgek::Error or a broken promise is a find.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "fuzz/use_model_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const std::string_view end = text.substr(bytes - std::min<std::size_t>(bytes, 64));
  edgek::testing::use_model_file(std::as_bytes(std::span(data, bytes)), end);
  return 0;
}
