#include "model_file.hpp"

#include <array>
#include <cstring>

#include "common.hpp"

namespace edgek::cli {

namespace {

MappedFile map(const std::string& path) {
  MappedFile file;
  if (const int error = file.open(path.c_str()); error != 0)
    throw Error(path, "file", std::strerror(error), "a readable GGUF file");
  return file;
}

}  // namespace

ModelFile::ModelFile(const std::string& path) : mapped_(map(path)), gguf_(mapped_.bytes(), path) {}

std::string quantization_of(const GgufReader& gguf) {
  std::array<std::uint64_t, kGgufTensorTypes.size()> weights{};
  std::size_t most = 0;
  for (const GgufTensor& t : gguf.tensors()) weights[t.type] += t.cols() * t.rows();
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > weights[most]) most = i;
  return std::string(kGgufTensorTypes[most].name);
}

void describe_model(const GgufReader& gguf, Provenance& provenance) {
  provenance.model_file = base_name(gguf.file());
  provenance.model_bytes = gguf.bytes().size();
  provenance.architecture = gguf.string_or("general.architecture", "");
  provenance.quantization = quantization_of(gguf);
}

}  // namespace edgek::cli
