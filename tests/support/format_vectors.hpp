#ifndef EDGEK_TESTS_SUPPORT_FORMAT_VECTORS_HPP_
#define EDGEK_TESTS_SUPPORT_FORMAT_VECTORS_HPP_

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "edgek/core/format.hpp"

namespace edgek::test {

/// One file of tests/data/format_vectors; its layout is told in tests/data/make_format_vectors.py.
struct FormatVectors {
  std::vector<std::byte> blocks;        // to unpack
  std::vector<float> unpacked;          // what they unpack to
  std::vector<float> inputs;            // to pack
  std::vector<std::byte> packed;        // what they pack to, if that is defined bit for bit
  std::vector<double> customary_error;  // else the squared error of the customary search, per block
  bool complete = false;                // the file was there and had the right length
};

class VectorReader {
 public:
  explicit VectorReader(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    text_.assign(std::istreambuf_iterator<char>(in), {});
  }

  template <typename T>
  std::vector<T> take(std::size_t n) {
    std::vector<T> v(n);
    ok_ = ok_ && n * sizeof(T) <= text_.size() - at_;
    if (!ok_) return {};
    if (n != 0) std::memcpy(v.data(), text_.data() + at_, n * sizeof(T));
    at_ += n * sizeof(T);
    return v;
  }
  std::uint32_t number() {
    const auto v = take<std::uint32_t>(1);
    return v.empty() ? 0 : v[0];
  }
  bool complete() const { return ok_ && at_ == text_.size(); }

 private:
  std::string text_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

inline FormatVectors read_format_vectors(Format f) {
  std::string name(info(f).name);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  VectorReader in(std::string(EDGEK_TEST_DATA_DIR) + "/format_vectors/" + name + ".bin");
  FormatVectors v;
  const std::size_t blocks = in.number();
  v.blocks = in.take<std::byte>(blocks * info(f).block_bytes);
  v.unpacked = in.take<float>(blocks * info(f).block_weights);
  const std::size_t inputs = in.number();
  v.inputs = in.take<float>(inputs * info(f).block_weights);
  if (in.number() == 1) {
    v.packed = in.take<std::byte>(inputs * info(f).block_bytes);
  } else {
    v.customary_error = in.take<double>(inputs);
  }
  v.complete = in.complete() && blocks != 0 && inputs != 0;
  return v;
}

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_FORMAT_VECTORS_HPP_
