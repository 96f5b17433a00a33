#include "session.hpp"

#include <fmt/format.h>

#include "edgek/measure/clock.hpp"
#include "model_file.hpp"

namespace edgek::cli {

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("MODEL", options.model, "GGUF file")->required();
  command.add_option("--ctx", options.context, "Positions of the KV cache (default: the model's, at most 4096)")
      ->check(in_range(std::size_t{1}, std::size_t{1} << 24))
      ->type_name("N");
  command.add_option("--kv", options.kv, "Keys and values as f32 or f16 (default; exact mode: f32)")
      ->type_name("FORMAT");
}

KvFormat choose_kv(const ModelOptions& options, const CommonOptions& common) {
  if (common.exact && !options.kv.empty() && options.kv != "f32")
    throw UsageError("--exact keeps float keys and values: --kv " + options.kv + " contradicts it");
  if (options.kv == "q8_0" || options.kv == "q4_0") throw UsageError("--kv " + options.kv + " is not built yet");
  if (options.kv == "f32" || common.exact) return KvFormat::kF32;
  if (options.kv == "f16" || options.kv.empty()) return KvFormat::kF16;
  throw UsageError("--kv " + options.kv + ": known are f32, f16");
}

Session::Session(const ModelOptions& options, const CommonOptions& common)
    : common_(common),
      kernels_(choose_kernels(common)),
      pool_(common.threads),
      context_{.executor = pool_, .kernels = kernels_} {
  decoder_.context = options.context;
  decoder_.kv = choose_kv(options, common);
  decoder_.exact = common.exact;
  prompt_context_ = &context_;
  if (common.prompt_threads != 0 && common.prompt_threads != pool_.threads()) {
    prompt_pool_ = std::make_unique<ThreadPool>(common.prompt_threads);
    own_prompt_context_.reset(new Context{.executor = *prompt_pool_, .kernels = kernels_});
    prompt_context_ = own_prompt_context_.get();
  }
  const std::uint64_t start = now_ns();
  model_ = std::make_unique<Model>(options.model);
  tokenizer_ = std::make_unique<Tokenizer>(model_->gguf());
  // Otherwise the first token would pay for the pages, one fault after another.
  if (model_->file().bytes().size() < describe_machine().memory_bytes / 2) model_->file().populate();
  load_ms_ = to_ms(now_ns() - start);
  if (!common.verbose) return;
  fmt::print(stderr, "kernels {}, {} threads", kernels_.name, pool_.threads());
  if (pool_.threads() < pool_.requested()) fmt::print(stderr, " (of {} asked for)", pool_.requested());
  fmt::print(stderr, "; {} loaded in {:.1f} ms\n", base_name(options.model), load_ms_);
}

Provenance Session::provenance(std::size_t prompt_tokens, std::size_t context_tokens) const {
  Provenance p = provenance_of(common_, kernels_, pool_.threads());
  describe_model(model_->gguf(), p);
  p.prompt_tokens = prompt_tokens;
  p.context_tokens = context_tokens;
  return p;
}

}  // namespace edgek::cli
