#ifndef EDGEK_MEASURE_PROVENANCE_HPP_
#define EDGEK_MEASURE_PROVENANCE_HPP_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>

#include "edgek/measure/json_writer.hpp"
#include "edgek/measure/machine.hpp"
#include "edgek/version.hpp"

namespace edgek {

/// Where a number comes from: enough to measure it again.
struct Provenance {
  std::string version = EDGEK_VERSION_STRING;
  std::string commit;    ///< of edgek's source, "unknown" outside a checkout
  std::string compiler;
  std::string cpu;
  std::size_t cores = 0;
  std::string governor;
  std::string target;    ///< kernel set in use
  std::size_t threads = 0;
  std::string model_file;          ///< "" where no model is concerned
  std::uint64_t model_bytes = 0;
  std::string architecture;        ///< "llama"
  std::string quantization;        ///< format of most of the weights
  std::size_t prompt_tokens = 0, context_tokens = 0;
  std::string time;                ///< UTC, ISO 8601
  std::string command;             ///< as a shell takes it; "" where a program, not a tool, measured
};

/// The compiler that built the calling file.
inline std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "g++ " __VERSION__;
#else
  return "unknown";
#endif
}

/// "2026-01-31T12:00:00Z"
inline std::string utc_text(std::time_t seconds) {
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return {};
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

inline std::time_t seconds_now() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}
inline std::string utc_now() { return utc_text(seconds_now()); }

/// Provenance of a measurement made now, on this machine; the caller adds target, threads and model.
///   commit  of the program's sources, if it knows
inline Provenance provenance_here(const Machine& machine, const std::string& commit = {}) {
  Provenance p;
  p.commit = commit.empty() ? "unknown" : commit;
  p.compiler = compiler_name();
  p.cpu = machine.cpu, p.cores = machine.cores, p.governor = machine.governor;
  p.time = utc_now();
  return p;
}

/// Writes the member "provenance".
inline void write(JsonWriter& json, const Provenance& p) {
  json.key("provenance").begin_object();
  json.member("version", p.version).member("commit", p.commit).member("compiler", p.compiler);
  json.member("cpu", p.cpu).member("cores", p.cores).member("governor", p.governor);
  json.member("target", p.target).member("threads", p.threads);
  json.key("model").begin_object();
  json.member("file", p.model_file).member("bytes", p.model_bytes).member("architecture", p.architecture);
  json.member("quantization", p.quantization).end_object();
  json.member("prompt_tokens", p.prompt_tokens).member("context_tokens", p.context_tokens).member("time", p.time);
  if (!p.command.empty()) json.member("command", p.command);
  json.end_object();
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_PROVENANCE_HPP_
