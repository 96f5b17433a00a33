#ifndef EDGEK_EXAMPLES_CLI_MODEL_FILE_HPP_
#define EDGEK_EXAMPLES_CLI_MODEL_FILE_HPP_

#include <string>

#include "edgek/measure/provenance.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek::cli {

/// A mapped GGUF file and its table of contents.
class ModelFile {
 public:
  explicit ModelFile(const std::string& path);

  const GgufReader& gguf() const noexcept { return gguf_; }
  const MappedFile& mapped() const noexcept { return mapped_; }

 private:
  MappedFile mapped_;
  GgufReader gguf_;
};

/// The format that holds most of the weights: "Q4_1".
std::string quantization_of(const GgufReader& gguf);

/// Adds file, size, architecture and quantization.
void describe_model(const GgufReader& gguf, Provenance& provenance);

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_MODEL_FILE_HPP_
