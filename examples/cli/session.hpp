#ifndef EDGEK_EXAMPLES_CLI_SESSION_HPP_
#define EDGEK_EXAMPLES_CLI_SESSION_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "common.hpp"
#include "edgek/model/decoder.hpp"
#include "edgek/model/model.hpp"
#include "edgek/model/tokenizer.hpp"
#include "edgek/runtime/context.hpp"
#include "edgek/runtime/platform.hpp"
#include "edgek/runtime/thread_pool.hpp"
#include "machine_cache.hpp"

namespace edgek::cli {

/// How a model is run.
struct ModelOptions {
  std::string model;
  std::size_t context = 0;  // 0: the model's, at most 4096
  std::string kv;           // "": f16, in exact mode f32
};

/// MODEL, --ctx, --kv.
void add_model_options(CLI::App& command, ModelOptions& options);

/// How weights are read while generating: tried out, unless one of these says it.
struct TuningOptions {
  ReadPattern read;
  bool off = false;
  CacheOptions cache;
  CLI::Option* streams = nullptr;
  CLI::Option* prefetch = nullptr;
};

/// --streams, --prefetch, --no-tune, --fresh, --no-cache.
void add_tuning_options(CLI::App& command, TuningOptions& options);

/// Sets ctx.tuning as the options say (--no-tune: leaves it), else as the cache has it, else by trying it out on the
/// model's own bytes, which the cache keeps.
///   before_trying: called before that.
void tune_reading(Context& ctx, const Model& model, KvFormat kv, const TuningOptions& options,
                  const CommonOptions& common, const std::function<void()>& before_trying = [] {});

/// What is refused before the model is opened: --kv formats, --exact with another KV than f32. Throws UsageError.
KvFormat choose_kv(const ModelOptions& options, const CommonOptions& common);

/// A model that is ready, the threads that run it, and how long loading took.
class Session {
 public:
  Session(const ModelOptions& options, const CommonOptions& common);

  const Model& model() const noexcept { return *model_; }
  const Tokenizer& tokenizer() const noexcept { return *tokenizer_; }
  Context& context() noexcept { return context_; }                ///< for generating
  Context& prompt_context() noexcept { return *prompt_context_; } ///< for prompts: perhaps other threads
  std::size_t threads() const noexcept { return pool_.threads(); }
  double load_ms() const noexcept { return load_ms_; }
  /// Waits until the weights' pages are there, which come in the background, and counts that as loading.
  void finish_loading();
  /// Tunes both contexts' reading.
  void tune(const TuningOptions& options);
  /// Scratch memory of both contexts.
  std::size_t arena_bytes() const noexcept {
    return context_.scratch.capacity() + (own_prompt_context_ ? own_prompt_context_->scratch.capacity() : 0);
  }

  /// Options of a decoder with room for --ctx positions.
  DecoderOptions decoder_options() const noexcept { return decoder_; }

  /// Provenance of a measurement with this session.
  Provenance provenance(std::size_t prompt_tokens, std::size_t context_tokens) const;

 private:
  CommonOptions common_;
  DecoderOptions decoder_;
  const KernelSet& kernels_;
  ThreadPool pool_;
  std::unique_ptr<ThreadPool> prompt_pool_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Tokenizer> tokenizer_;
  Context context_;
  std::unique_ptr<Context> own_prompt_context_;
  Context* prompt_context_;
  std::optional<BackgroundPopulation> population_;  // after the model, whose bytes it reads
  std::uint64_t start_ns_;
  double load_ms_ = 0;
};

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_SESSION_HPP_
