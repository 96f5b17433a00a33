#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "common.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/model/sampler.hpp"
#include "model_file.hpp"
#include "process.hpp"
#include "session.hpp"

namespace edgek::cli {

namespace {

struct BenchCommand {
  CommonOptions common;
  ModelOptions model;
  TuningOptions tuning;
  OutputOptions output;
  std::size_t prompt = 512, tokens = 128, depth = 0, repeats = 5;
  CLI::Option* depth_option = nullptr;
  std::vector<std::size_t> threads;
};

/// One line of the results.
struct BenchResult {
  std::string test;  // "pp512", "tg128@d4096"
  std::size_t threads = 0;
  std::vector<double> tokens_per_s;  // of each repetition, in order
  Summary rate;                      // of these
  Summary token_ms;                  // tg: of every token; pp: of every repetition, divided by its tokens
};

/// Runs the tests with one number of threads. What is evaluated are drawn ids, and nothing is sampled:
/// speed does not depend on what is said.
class Bench {
 public:
  Bench(const BenchCommand& command, const Session& session, Decoder& decoder, std::size_t threads)
      : command_(command), decoder_(decoder), pool_(threads),
        context_{.executor = pool_, .kernels = choose_kernels(command.common)},
        ids_(command.depth + std::max(command.prompt, command.tokens)) {
    if (command.tokens != 0)
      tune_reading(context_, session.model(), session.decoder_options().kv, command.tuning, command.common);
    SplitMix64 random(command.common.seed);
    const std::uint64_t vocabulary = session.model().config().vocabulary;
    for (TokenId& id : ids_) id = static_cast<TokenId>(random.next() % vocabulary);
  }

  std::size_t threads() const noexcept { return pool_.threads(); }

  /// Adds the results. False: interrupted, and the test at hand is left out.
  bool run(Progress& progress, std::vector<BenchResult>& out) {
    decoder_.rewind(0);
    if (command_.depth != 0 && !evaluate(0, command_.depth, Logits::kNone)) return false;
    if (command_.prompt != 0 && !test("pp", command_.prompt, &Bench::prompt_once, progress, out)) return false;
    return command_.tokens == 0 || test("tg", command_.tokens, &Bench::generate_once, progress, out);
  }

 private:
  using Once = bool (Bench::*)(BenchResult& result);

  bool evaluate(std::size_t first, std::size_t count, Logits wanted) {
    return !decoder_.evaluate(context_, std::span(ids_).subspan(first, count), wanted).cancelled;
  }

  bool test(const char* kind, std::size_t tokens, Once once, Progress& progress, std::vector<BenchResult>& out) {
    BenchResult result;
    result.test = kind + std::to_string(tokens);
    if (command_.depth_option->count() != 0) result.test += "@d" + std::to_string(command_.depth);
    result.threads = threads();
    BenchResult warm_up;
    if (!(this->*once)(warm_up)) return false;
    times_.clear();
    for (std::size_t i = 0; i < command_.repeats; ++i) {
      progress.update(i, command_.repeats);
      if (!(this->*once)(result)) return false;
    }
    std::vector<double> rates = result.tokens_per_s;
    result.rate = summarize(rates);
    result.token_ms = summarize(times_);
    out.push_back(std::move(result));
    return true;
  }

  bool prompt_once(BenchResult& result) {
    decoder_.rewind(command_.depth);
    const std::uint64_t start = now_ns();
    if (!evaluate(command_.depth, command_.prompt, Logits::kLast)) return false;
    const double ms = to_ms(now_ns() - start);
    const auto tokens = static_cast<double>(command_.prompt);
    result.tokens_per_s.push_back(1e3 * tokens / ms);
    times_.push_back(ms / tokens);
    return true;
  }

  bool generate_once(BenchResult& result) {
    decoder_.rewind(command_.depth);
    const std::uint64_t start = now_ns();
    std::uint64_t last = start;
    for (std::size_t i = 0; i < command_.tokens; ++i) {
      if (!evaluate(command_.depth + i, 1, Logits::kLast)) return false;
      const std::uint64_t now = now_ns();
      times_.push_back(to_ms(now - last));
      last = now;
    }
    result.tokens_per_s.push_back(1e3 * static_cast<double>(command_.tokens) / to_ms(last - start));
    return true;
  }

  const BenchCommand& command_;
  Decoder& decoder_;
  ThreadPool pool_;
  Context context_;
  std::vector<TokenId> ids_;
  std::vector<double> times_;
};

std::string to_table(const std::vector<BenchResult>& results, const Provenance& p) {
  std::string out = fmt::format("{} ({}, {:.1f} MB), kernels {}, {}\n", p.model_file, p.quantization,
                                static_cast<double>(p.model_bytes) * 1e-6, p.target, p.cpu);
  out += fmt::format("{:16} {:>7}   {:>10} {:>10} {:>8}   {:>8} {:>8} {:>8}\n", "test", "threads", "tokens/s", "mean",
                     "sd", "p50 ms", "p95 ms", "p99 ms");
  for (const BenchResult& r : results)
    out += fmt::format("{:16} {:7}   {:10.2f} {:10.2f} {:8.2f}   {:8.3f} {:8.3f} {:8.3f}\n", r.test, r.threads,
                       r.rate.p50, r.rate.mean, r.rate.sd, r.token_ms.p50, r.token_ms.p95, r.token_ms.p99);
  return out;
}

std::string to_markdown(const std::vector<BenchResult>& results, const Provenance& p) {
  std::string out = "| model | size | kernels | threads | test | tokens/s | sd | token p50 / p95 / p99 |\n"
                    "|---|---:|---|---:|---|---:|---:|---:|\n";
  for (const BenchResult& r : results)
    out += fmt::format("| {} | {:.1f} MB | {} | {} | {} | {:.2f} | {:.2f} | {:.3f} / {:.3f} / {:.3f} ms |\n",
                       p.model_file, static_cast<double>(p.model_bytes) * 1e-6, p.target, r.threads, r.test,
                       r.rate.p50, r.rate.sd, r.token_ms.p50, r.token_ms.p95, r.token_ms.p99);
  return out;
}

std::string to_csv(const std::vector<BenchResult>& results, const Provenance& p) {
  std::string out = "target,test,threads,median,mean,sd,p50_ms,p95_ms,p99_ms\n";
  for (const BenchResult& r : results)
    out += fmt::format("{},{},{},{:.7g},{:.7g},{:.7g},{:.7g},{:.7g},{:.7g}\n", p.target, r.test, r.threads, r.rate.p50,
                       r.rate.mean, r.rate.sd, r.token_ms.p50, r.token_ms.p95, r.token_ms.p99);
  return out;
}

nlohmann::ordered_json to_json(const std::vector<BenchResult>& results, const Provenance& provenance) {
  nlohmann::ordered_json json = document("bench", provenance);
  json["results"] = nlohmann::ordered_json::array();
  for (const BenchResult& r : results) {
    nlohmann::ordered_json entry{{"test", r.test}, {"threads", r.threads}};
    entry["tokens_per_s"] = {
        {"median", r.rate.p50}, {"mean", r.rate.mean}, {"sd", r.rate.sd}, {"samples", r.tokens_per_s}};
    entry["token_ms"] = percentiles_json(r.token_ms);
    json["results"].push_back(std::move(entry));
  }
  return json;
}

void show(const std::vector<BenchResult>& results, const Provenance& provenance, const std::string& output) {
  if (output == "json") print_json(to_json(results, provenance));
  else if (output == "csv") print(to_csv(results, provenance));
  else print(output == "md" ? to_markdown(results, provenance) : to_table(results, provenance));
}

int run(const BenchCommand& c) {
  const std::string output = choose_output(c.output, c.common);
  if (c.prompt == 0 && c.tokens == 0) throw UsageError("nothing to measure: -p and -n are both 0");
  CommonOptions loading = c.common;
  loading.threads = 1;  // the pools that measure are made below
  Session session(c.model, loading);
  session.finish_loading();
  DecoderOptions options = session.decoder_options();
  options.context = std::max(options.context, c.depth + std::max(c.prompt, c.tokens));
  Decoder decoder(session.model(), options);
  const InterruptGuard guard;
  decoder.set_cancel([] { return InterruptGuard::interrupted(); });
  std::vector<std::size_t> threads = c.threads;
  if (threads.empty()) threads.push_back(describe_machine().cores);
  std::vector<BenchResult> results;
  Provenance provenance = session.provenance(c.prompt, options.context);
  provenance.threads = 0;
  bool complete = true;
  for (std::size_t i = 0; complete && i < threads.size(); ++i) {
    Bench bench(c, session, decoder, threads[i]);
    provenance.threads = std::max(provenance.threads, bench.threads());
    Progress progress(fmt::format("measuring with {} threads", bench.threads()));
    complete = bench.run(progress, results);
  }
  show(results, provenance, output);
  return complete ? kDone : kInterrupted;
}

CLI::Option* add_count(CLI::App& sub, const char* flags, std::size_t& value, const char* what, std::size_t least,
                       std::size_t most) {
  return sub.add_option(flags, value, what)->check(in_range(least, most))->type_name("N");
}

}  // namespace

void add_bench(CLI::App& app, Command& chosen) {
  constexpr std::size_t kMostTokens = std::size_t{1} << 24;
  auto c = std::make_shared<BenchCommand>();
  CLI::App* sub = app.add_subcommand("bench", "How fast a model reads prompts and writes tokens");
  add_model_options(*sub, c->model);
  add_count(*sub, "-p,--prompt-tokens", c->prompt, "Tokens of the prompt, pp; 0: no such test (default: 512)", 0,
            kMostTokens);
  add_count(*sub, "-n,--tokens", c->tokens, "Tokens written, tg; 0: no such test (default: 128)", 0, kMostTokens);
  c->depth_option = add_count(*sub, "-d,--depth", c->depth, "Tokens that the context holds before", 0, kMostTokens);
  add_count(*sub, "-r,--repeats", c->repeats, "Repetitions, after one that does not count (default: 5)", 1, 10000);
  sub->add_option("-t,--threads", c->threads, "Thread counts, as 1,2 (default: one for every CPU)")
      ->delimiter(',')
      ->check(in_range(1, 1024))
      ->type_name("N,..");
  add_output_option(*sub, c->output, {"table", "md", "csv", "json"});
  add_tuning_options(*sub, c->tuning);
  add_common_options(*sub, c->common, false);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
