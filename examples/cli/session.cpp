#include "session.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "edgek/measure/clock.hpp"
#include "edgek/measure/machine.hpp"
#include "edgek/model/decode_order.hpp"
#include "edgek/roofline/read_loops.hpp"
#include "model_file.hpp"
#include "tuning_cache.hpp"

namespace edgek::cli {

void add_model_options(CLI::App& command, ModelOptions& options) {
  command.add_option("MODEL", options.model, "GGUF file")->required();
  command.add_option("--ctx", options.context, "Positions of the KV cache (default: the model's, at most 4096)")
      ->check(in_range(std::size_t{1}, std::size_t{1} << 24))
      ->type_name("N");
  command.add_option("--kv", options.kv, "Keys and values as f32 or f16 (default; exact mode: f32)")
      ->type_name("FORMAT");
}

void add_tuning_options(CLI::App& command, TuningOptions& options) {
  options.streams =
      command.add_option("--streams", options.read.streams, "Streams of weights that a thread reads at once, untuned")
          ->check(CLI::IsMember({1, 2, 4, 8}).description(""))
          ->type_name("N");
  options.prefetch =
      command.add_option("--prefetch", options.read.prefetch, "Bytes ahead of every stream, untuned; 0: no prefetch")
          ->check(in_range(0, 1 << 20))
          ->type_name("BYTES");
  command.add_flag("--no-tune", options.off, "Do not try out how this machine reads the model fastest");
  add_cache_options(command, options.cache);
}

namespace {

Status try_out(Context& ctx, const Model& model, KvFormat kv, const Machine& machine, bool exact) {
  std::vector<MatrixView> matrices;
  for (const NamedMatrix& m : matrices_in_decode_order(model)) matrices.push_back(m.view);
  const bool before = std::exchange(ctx.exact, exact);
  const std::size_t window = std::max<std::size_t>(64u << 20, 2 * machine.l3_bytes);
  Status status = tune_streams(ctx, matrices, {.window_bytes = window});
  ctx.exact = before;
  const ModelConfig& c = model.config();
  AttentionJob like{};
  like.heads = c.heads, like.kv_heads = c.kv_heads, like.head_dim = c.head_dim, like.half_kv = kv == KvFormat::kF16;
  if (status == Status::kOk) status = tune_attention(ctx, like, model.file().bytes(), {.window_bytes = window});
  return status;
}

void print_tuning(const StreamTuning& tuning, const Model& model, const std::string& when) {
  fmt::print(stderr, "reading tuned {}:", when);
  for (const Format format : formats_of(model)) {
    const ReadPattern& read = tuning.read[index_of(format)];
    if (read == ReadPattern()) fmt::print(stderr, " {} as usual;", info(format).name);
    else fmt::print(stderr, " {} {};", info(format).name, to_string(ReadLoop{read.streams, read.prefetch}));
  }
  fmt::print(stderr, " keys and values {}\n", tuning.kv_ahead ? "asked for ahead" : "left to the CPU");
}

/// False where neither the options nor the cache know.
bool recall(Context& ctx, const TuningCache& cache, const Model& model, const TuningOptions& options, bool verbose) {
  if (options.streams->count() + options.prefetch->count() != 0) {
    ctx.tuning.read.fill(options.read);
    ctx.tuning.kv_ahead = options.read.prefetch != 0;
    return true;
  }
  if (options.off) return true;
  if (!options.cache.reads()) return false;
  const std::optional<Tuned> cached = cache.find(ctx.executor.threads());
  if (!cached) return false;
  ctx.tuning = cached->tuning;
  if (verbose) print_tuning(ctx.tuning, model, "at " + utc_text(cached->measured_s));
  return true;
}

}  // namespace

void tune_reading(Context& ctx, const Model& model, KvFormat kv, const TuningOptions& options,
                  const CommonOptions& common, const std::function<void()>& before_trying) {
  const Machine machine = describe_machine();
  const TuningCache cache(machine, ctx.kernels.name, model, kv, common.exact);
  if (recall(ctx, cache, model, options, common.verbose)) return;
  before_trying();
  const std::uint64_t start = now_ns();
  const Status tuned = try_out(ctx, model, kv, machine, common.exact);
  if (tuned != Status::kOk) {
    if (common.verbose) fmt::print(stderr, "reading is not tuned: {}\n", to_string(tuned));
    return;
  }
  if (!options.cache.off) cache.store(ctx.executor.threads(), {seconds_now(), ctx.tuning});
  if (common.verbose) print_tuning(ctx.tuning, model, fmt::format("in {:.1f} ms", to_ms(now_ns() - start)));
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
  start_ns_ = now_ns();
  model_ = std::make_unique<Model>(options.model);
  // Otherwise the first token would pay for the pages, one fault after another.
  if (model_->file().bytes().size() < describe_machine().memory_bytes / 2) population_.emplace(model_->file().bytes());
  tokenizer_ = std::make_unique<Tokenizer>(model_->gguf());
  load_ms_ = to_ms(now_ns() - start_ns_);
  if (!common.verbose) return;
  fmt::print(stderr, "kernels {}, {} threads", kernels_.name, pool_.threads());
  if (pool_.threads() < pool_.requested()) fmt::print(stderr, " (of {} asked for)", pool_.requested());
  fmt::print(stderr, "; {} loaded in {:.1f} ms\n", base_name(options.model), load_ms_);
}

void Session::finish_loading() {
  if (!population_) return;
  population_->wait();
  population_.reset();
  load_ms_ = to_ms(now_ns() - start_ns_);
}

void Session::tune(const TuningOptions& options) {
  tune_reading(context_, *model_, decoder_.kv, options, common_, [this] { finish_loading(); });
  if (own_prompt_context_) own_prompt_context_->tuning = context_.tuning;
}

Provenance Session::provenance(std::size_t prompt_tokens, std::size_t context_tokens) const {
  Provenance p = provenance_of(common_, kernels_, pool_.threads());
  describe_model(model_->gguf(), p);
  p.prompt_tokens = prompt_tokens;
  p.context_tokens = context_tokens;
  return p;
}

}  // namespace edgek::cli
