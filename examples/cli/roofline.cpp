#include "edgek/roofline.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "answer.hpp"
#include "common.hpp"
#include "context_sweep.hpp"
#include "edgek/model/decode_order.hpp"
#include "process.hpp"
#include "roof_cache.hpp"
#include "watch.hpp"

namespace edgek::cli {

namespace {

struct RooflineCommand {
  CommonOptions common;
  ModelOptions model;
  TuningOptions tuning;
  std::string prompt = "Explain in two sentences why memory limits how fast a language model can write.";
  std::size_t tokens = 64;
  std::vector<std::size_t> contexts;  // of the sweep
  OutputOptions output;
  std::string file;
  double stated_gbps = 0;
};

/// A generation that ledgers watch. The first token is the prompt's: those after it are measured.
struct Measured {
  explicit Measured(std::size_t tokens) : prompt(1), generation(tokens) {}

  Watch prompt, generation;
  double context = 0;  // mean positions that a token looks at
  Replay replay;
  FirstToken first;
  Energy energy;
  Thermal thermal;
};

// Where the prompt and all tokens do not fit, the report would be about fewer than asked for.
void require_room(const RooflineCommand& c, const Decoder& decoder, std::size_t prompt) {
  const auto refuse = [&](const std::string& wanted) {
    throw Error(c.model.model, "context", wanted, fmt::format("at most {} positions", decoder.capacity()));
  };
  if (prompt > decoder.capacity() || c.tokens > decoder.capacity() - prompt)
    refuse(fmt::format("{} + {} tokens", prompt, c.tokens));
  if (!c.contexts.empty() && c.contexts.back() > decoder.capacity()) refuse(std::to_string(c.contexts.back()));
}

/// The session's, with room for the longest context of the sweep where --ctx says nothing.
DecoderOptions decoder_options(const RooflineCommand& c, const Session& session) {
  DecoderOptions options = session.decoder_options();
  constexpr std::size_t kUsual = 4096;
  if (options.context == 0 && !c.contexts.empty() && c.contexts.back() > kUsual) options.context = c.contexts.back();
  return options;
}

/// The prompt and its token. False: interrupted.
bool begin(Session& session, Generator& generator, std::span<const TokenId> prompt, Measured& out) {
  RecordingLedger& prompt_ledger = out.prompt.ledger;
  session.prompt_context().ledger = &prompt_ledger;
  prompt_ledger.begin_token();
  const bool begun = generator.begin(session.prompt_context(), prompt);
  prompt_ledger.end_token();
  session.prompt_context().ledger = nullptr;
  if (!begun) return false;
  const std::uint64_t evaluated = now_ns();
  if (!generator.next(session.context())) return false;
  const std::uint64_t chosen = now_ns();
  out.first.prompt = to_ms(prompt_ledger.tokens()[0].wall_ns());
  out.first.sample = to_ms(chosen - evaluated);
  out.first.total = to_ms(chosen - process_start_ns());
  return true;
}

/// Replays take turns with tokens: one after so many of `tokens`.
std::size_t tokens_per_replay(std::size_t tokens) {
  constexpr std::size_t kMostReplays = ProbeOptions::kMaxPasses, kUsual = 4;
  return std::max((tokens + kMostReplays - 1) / kMostReplays, std::min(kUsual, tokens));
}

/// The tokens after the first. False: interrupted.
bool go_on(Context& ctx, const Decoder& decoder, Generator& generator, Replayer& replayer, Measured& out) {
  RecordingLedger& ledger = out.generation.ledger;
  ctx.ledger = &ledger;
  out.thermal.before = read_temperatures();
  out.thermal.clock_before = read_cpu_clock();
  EnergyMeter meter;
  bool more = true;
  const std::size_t tokens = out.generation.spans.size(), turn = tokens_per_replay(tokens);
  for (std::size_t i = 0; more && i < tokens; ++i) {
    ledger.begin_token();
    more = generator.next(ctx).has_value();
    ledger.end_token();
    meter.sample();
    out.context += static_cast<double>(decoder.position()) / static_cast<double>(tokens);
    if ((i + 1) % turn != 0) continue;
    meter.pause();
    replayer.pass();
    meter.resume();
  }
  out.energy = meter.read();
  out.thermal.after = read_temperatures();
  out.thermal.clock_after = read_cpu_clock();
  out.replay = replayer.result();
  ctx.ledger = nullptr;
  return more;
}

/// False: interrupted.
bool generate(Session& session, Decoder& decoder, Sampler& sampler, std::span<const TokenId> prompt, Measured& out) {
  Generator generator(decoder, sampler, session.tokenizer(),
                      {.max_tokens = out.generation.spans.size() + 1, .ignore_end = true});
  if (!begin(session, generator, prompt, out)) return false;
  Context& ctx = session.context();
  Replayer replayer(ctx.kernels, ctx.executor, spans_in_decode_order(session.model()));
  return go_on(ctx, decoder, generator, replayer, out);
}

double& read_roof(Roofs& roofs, std::string_view level) {
  if (level == "l1") return roofs.l1_gbps;
  if (level == "l2") return roofs.l2_gbps;
  return level == "l3" ? roofs.l3_gbps : roofs.dram_gbps;
}

/// The formats that the model multiplies with.
const MatmulKernels& kernels_of(const Context& ctx, Format format, bool exact) {
  return (exact ? ctx.kernels.exact : ctx.kernels.by_format)[index_of(format)];
}

/// Multiply-adds per second of both kernels of every format, by the threads of `ctx`.
std::vector<UnitPeak> measure_peaks(const Context& ctx, const std::vector<Format>& formats, bool exact) {
  std::vector<UnitPeak> peaks;
  for (const Unit unit : {Unit::kRows, Unit::kPanel})
    for (const Format f : formats) peaks.push_back(measure_peak(ctx.kernels, ctx.executor, f, unit, exact));
  return peaks;
}

/// The roofs of prompts, which may have threads of their own.
Roofs prompt_roofs(Session& session, const Roofs& roofs, const std::vector<Format>& formats, bool exact) {
  const Context& ctx = session.prompt_context();
  if (ctx.executor.threads() == session.threads()) return roofs;
  Roofs own = roofs;
  own.replay = measure_replay(ctx.kernels, ctx.executor, spans_in_decode_order(session.model()));
  own.peaks = measure_peaks(ctx, formats, exact);
  return own;
}

/// The best loop at every level, measured now: of all of them, or the cached winner alone.
Battery measure_reads(const Context& ctx, const RooflineCommand& c, Progress& progress, RooflineReport& report) {
  const std::size_t threads = ctx.executor.threads();
  const RoofCache cache(report.machine, ctx.kernels.name);
  const std::optional<Battery> cached = c.tuning.cache.reads() ? cache.find(threads) : std::nullopt;
  Battery battery{cached ? cached->measured_s : seconds_now(), {}};
  const std::vector<MemoryLevel> levels = memory_levels(report.machine, threads);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const std::span<const ReadLoop> loops = cached ? std::span(&cached->best[i].loop, 1) : std::span(kReadLoops);
    battery.best.push_back(best_of(probe_reads(ctx.kernels, ctx.executor, levels[i].footprint, {}, loops)));
    progress.update(i + 1, levels.size() + 1);
  }
  if (!cached && !c.tuning.cache.off) cache.store(threads, battery);
  report.roofs.battery_time = utc_text(battery.measured_s);
  report.roofs.battery_cached = cached.has_value();
  return battery;
}

// After the tokens: the probes' own memory must not count as the model's.
void measure_roofs(Session& session, const RooflineCommand& c, RooflineReport& report) {
  const Context& ctx = session.context();
  const bool exact = c.common.exact;
  const std::vector<MemoryLevel> levels = memory_levels(report.machine, session.threads());
  Progress progress("measuring roofs");
  bool reached = false;  // the level that the weights are read from; nearer ones come first
  report.roofs.level = level_of(report.roofs.replay.bytes, report.machine, session.threads());
  const Battery battery = measure_reads(ctx, c, progress, report);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    read_roof(report.roofs, levels[i].name) = battery.best[i].gbps;
    if (!reached) report.roofs.loop = battery.best[i].loop;
    reached = reached || std::string_view(levels[i].name) == report.roofs.level;
  }
  report.roofs.peaks = measure_peaks(ctx, formats_of(session.model()), exact);
  for (const UnitPeak& peak : report.roofs.peaks) {
    report.peak_gmacs.emplace_back(unit_name(kernels_of(ctx, peak.format, exact), peak.format, peak.unit), peak.gmacs);
  }
}

/// How generating reads the model's formats.
std::vector<std::pair<Format, ReadLoop>> reads_of(Session& session, bool exact) {
  std::vector<std::pair<Format, ReadLoop>> reads;
  const Context& ctx = session.context();
  for (const Format format : formats_of(session.model())) {
    const ReadPattern& read = ctx.tuning.read[index_of(format)];
    reads.push_back({format, {read.streams == 0 ? kernels_of(ctx, format, exact).row_tile : read.streams,
                              read.prefetch == ReadPattern::kUsual ? ctx.kernels.prefetch : read.prefetch}});
  }
  return reads;
}

std::string shown_as(const RooflineReport& report, const std::string& output) {
  if (output == "json") return to_json(report);
  if (output == "csv") return to_csv(report);
  if (output == "html") return to_html(report);
  return output == "svg" ? to_svg(report) : to_table(report);
}

int run(RooflineCommand c) {
  std::sort(c.contexts.begin(), c.contexts.end());
  c.contexts.erase(std::unique(c.contexts.begin(), c.contexts.end()), c.contexts.end());
  const std::string output = choose_output(c.output, c.common);
  Session session(c.model, c.common);
  session.finish_loading();
  session.tune(c.tuning);
  const std::uint64_t start = now_ns();
  const std::vector<TokenId> prompt = session.tokenizer().tokenize(c.prompt);
  Measured measured(c.tokens);
  measured.first.load = session.load_ms();
  measured.first.tokenize = to_ms(now_ns() - start);
  Decoder decoder(session.model(), decoder_options(c, session));
  require_room(c, decoder, prompt.size());
  Sampler sampler(session.model().config().vocabulary, {.seed = c.common.seed});
  RooflineReport report;
  std::deque<WatchedContext> contexts;
  {
    const InterruptGuard guard;
    decoder.set_cancel([] { return InterruptGuard::interrupted(); });
    if (!generate(session, decoder, sampler, prompt, measured)) return kInterrupted;
    // Before the sweep: its positions must not count as the generation's.
    report.rss_bytes = memory_parts(session, decoder);
    report.pages = page_report(session.model().file().bytes());
    report.provenance = session.provenance(prompt.size(), decoder.position());
    if (!sweep_contexts(session.context(), decoder, sampler, prompt.back(), c.contexts, c.tokens, contexts))
      return kInterrupted;
  }
  report.machine = describe_machine();
  report.roofs.replay = measured.replay;
  measure_roofs(session, c, report);
  report.generation = attribute(measured.generation.ledger, report.roofs);
  report.prompt = attribute(measured.prompt.ledger,
                            prompt_roofs(session, report.roofs, formats_of(session.model()), c.common.exact),
                            Ideal::kRoofs);
  report.contexts = attribute_contexts(contexts, report.roofs);
  report.reads = reads_of(session, c.common.exact);
  report.prompt_threads = session.prompt_context().executor.threads();
  report.context = measured.context;
  report.ttft_ms = measured.first;
  report.energy = measured.energy;
  report.thermal = measured.thermal;
  report.stated_gbps = c.stated_gbps;
  const Traffic& traffic = report.generation.token.traffic;
  report.predict = predict_all(weight_uses(session.model()), traffic.kv_read + traffic.kv_write,
                               c.stated_gbps > 0 ? c.stated_gbps : report.roofs.replay.gbps);
  const std::string text = shown_as(report, output);
  if (c.file.empty()) print(text);
  else write_file(c.file, text);
  return kDone;
}

}  // namespace

void add_roofline(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<RooflineCommand>();
  CLI::App* sub = app.add_subcommand("roofline", "Where the time of a token goes, and how far the machine allows");
  add_model_options(*sub, c->model);
  sub->add_option("-p,--prompt", c->prompt, "Text that the tokens follow, as it is (default: a sentence)")
      ->type_name("TEXT");
  sub->add_option("-n,--tokens", c->tokens, "Tokens to measure, after the first (default: 64)")
      ->check(in_range(1, 1 << 20))
      ->type_name("N");
  sub->add_option("--context-sweep", c->contexts, "Measure tokens that look at so many positions too: 128,1024")
      ->delimiter(',')
      ->check(in_range(std::size_t{1}, std::size_t{1} << 24))
      ->type_name("N,..");
  add_output_option(*sub, c->output, {"table", "csv", "json", "html", "svg"});
  sub->add_option("--out", c->file, "Write the report to a file instead of standard output")->type_name("FILE");
  sub->add_option("--bandwidth", c->stated_gbps, "GB/s of another machine, for the predictions (default: replay roof)")
      ->check(in_range(1e-3, 1e6))
      ->type_name("GB/s");
  add_tuning_options(*sub, c->tuning);
  add_common_options(*sub, c->common);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
