#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "common.hpp"
#include "edgek/model/model.hpp"
#include "model_file.hpp"

namespace edgek::cli {

namespace {

using Json = nlohmann::ordered_json;

struct InspectCommand {
  CommonOptions common;
  std::string model;
  bool tensors = false;
};

template <typename T>
Json number_at(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Json fixed_at(GgufValueType type, const std::byte* at) {
  switch (type) {
    case GgufValueType::kUint8: return number_at<std::uint8_t>(at);
    case GgufValueType::kInt8: return number_at<std::int8_t>(at);
    case GgufValueType::kUint16: return number_at<std::uint16_t>(at);
    case GgufValueType::kInt16: return number_at<std::int16_t>(at);
    case GgufValueType::kUint32: return number_at<std::uint32_t>(at);
    case GgufValueType::kInt32: return number_at<std::int32_t>(at);
    case GgufValueType::kUint64: return number_at<std::uint64_t>(at);
    case GgufValueType::kInt64: return number_at<std::int64_t>(at);
    case GgufValueType::kFloat32: return number_at<float>(at);
    case GgufValueType::kFloat64: return number_at<double>(at);
    case GgufValueType::kBool: return *at != std::byte{0};
    default: return nullptr;
  }
}

/// The first `count` elements of a value.
Json elements(const GgufReader& gguf, const GgufValue& value, std::size_t count) {
  Json list = Json::array();
  if (value.element == GgufValueType::kString) {
    const auto strings = gguf.require_strings(value.key);
    for (std::size_t i = 0; i < count; ++i) list.push_back(std::string(strings[i]));
    return list;
  }
  const std::size_t bytes = info(value.element).bytes;
  for (std::size_t i = 0; i < count; ++i) list.push_back(fixed_at(value.element, value.data.data() + i * bytes));
  return list;
}

/// Long arrays (vocabularies) are shown by their beginning.
Json to_json(const GgufReader& gguf, const GgufValue& value) {
  constexpr std::size_t kShown = 8, kShort = 64;
  if (value.type == GgufValueType::kString) return std::string(gguf.require_string(value.key));
  if (value.type != GgufValueType::kArray) return fixed_at(value.type, value.data.data());
  if (value.count <= kShort) return elements(gguf, value, value.count);
  return {{"array", info(value.element).name}, {"count", value.count}, {"first", elements(gguf, value, kShown)}};
}

/// The kernel that multiplies with this tensor; "" where it is none that edgek multiplies with.
const char* kernel_of(const GgufTensor& t, const KernelSet& kernels, bool exact) {
  const FormatInfo* format = find_format_by_gguf_id(t.type);
  if (t.dim_count < 2 || format == nullptr) return "";
  return (exact ? kernels.exact : kernels.by_format)[index_of(format->format)].name;
}

Json to_json(const GgufTensor& t, const KernelSet& kernels, bool exact) {
  const char* kernel = kernel_of(t, kernels, exact);
  const bool none = *kernel == '\0';
  return {{"name", std::string(t.name)}, {"format", kGgufTensorTypes[t.type].name}, {"rows", t.rows()},
          {"cols", t.cols()}, {"bytes", t.data.size()}, {"kernel", none ? Json() : Json(kernel)},
          {"target", none ? Json() : Json(kernels.name)}};
}

std::string shown(const Json& value) {
  constexpr std::size_t kWidth = 90;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kWidth) text = to_valid_utf8(std::string_view(text).substr(0, kWidth)) + "...";
  return text;
}

void print_table(const InspectCommand& c, const GgufReader& gguf, const KernelSet& kernels, const Json& per_token) {
  print(fmt::format("{}: GGUF version {}, {} tensors, {:.1f} MB, mostly {}\n\n", c.model, gguf.version(),
                    gguf.tensors().size(), static_cast<double>(gguf.bytes().size()) * 1e-6, quantization_of(gguf)));
  for (const GgufValue& value : gguf.metadata())
    print(fmt::format("  {:44} {}\n", to_valid_utf8(value.key), shown(to_json(gguf, value))));
  if (c.tensors) {
    print(fmt::format("\n  {:36} {:6} {:>9} {:>9} {:>12}  {}\n", "tensor", "format", "rows", "cols", "bytes", "kernel"));
    for (const GgufTensor& t : gguf.tensors()) {
      const std::string kernel = kernel_of(t, kernels, c.common.exact);
      print(fmt::format("  {:36} {:6} {:9} {:9} {:12}  {}\n", to_valid_utf8(t.name), kGgufTensorTypes[t.type].name,
                        t.rows(), t.cols(), t.data.size(), kernel.empty() ? "-" : kernel + ", " + kernels.name));
    }
  }
  if (per_token.is_null()) print("\n  not a model that edgek runs\n");
  else print(fmt::format("\n  one token reads {:.3f} MB of weights\n", per_token.get<double>() * 1e-6));
}

/// Bytes of weights that one token reads; null, and why, where edgek does not run the model.
std::pair<Json, std::string> bytes_per_token(const ModelFile& file) {
  try {
    return {Model(file.gguf().bytes(), file.gguf().file()).bytes_per_token(), ""};
  } catch (const Error& error) {
    return {nullptr, error.what()};
  }
}

int run(const InspectCommand& c) {
  const KernelSet& kernels = choose_kernels(c.common);
  const ModelFile file(c.model);
  const GgufReader& gguf = file.gguf();
  const auto [per_token, why] = bytes_per_token(file);
  if (!c.common.json) {
    print_table(c, gguf, kernels, per_token);
    if (!why.empty()) print("  " + why + "\n");
    return kDone;
  }
  Provenance provenance = provenance_of(c.common, kernels, 1);
  describe_model(gguf, provenance);
  Json json = document("inspect", provenance);
  // Keys are unique already: looking each up among those before it would take the square of their number.
  Json::object_t metadata;
  for (const GgufValue& value : gguf.metadata()) metadata.push_back({std::string(value.key), to_json(gguf, value)});
  json["metadata"] = std::move(metadata);
  json["tensors"] = Json::array();
  for (const GgufTensor& t : gguf.tensors()) json["tensors"].push_back(to_json(t, kernels, c.common.exact));
  json["bytes_per_token"] = per_token;
  if (!why.empty()) json["not_runnable"] = why;
  print_json(json);
  return kDone;
}

}  // namespace

void add_inspect(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<InspectCommand>();
  CLI::App* sub = app.add_subcommand("inspect", "Metadata, tensors, and the kernel that will run on each");
  sub->add_option("MODEL", c->model, "GGUF file")->required();
  sub->add_flag("--tensors", c->tensors, "List the tensors too (always in JSON)");
  add_common_options(*sub, c->common, false);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
