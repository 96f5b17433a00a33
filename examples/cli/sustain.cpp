#include <algorithm>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "common.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/measure/sensors.hpp"
#include "edgek/model/sampler.hpp"
#include "edgek/roofline/energy.hpp"
#include "edgek/roofline/sustain.hpp"
#include "process.hpp"
#include "session.hpp"

namespace edgek::cli {

namespace {

struct SustainCommand {
  CommonOptions common;
  ModelOptions model;
  TuningOptions tuning;
  OutputOptions output;
  double minutes = 10, window_s = 5;
};

/// Tokens that follow each other before the context begins anew: every one costs about the same.
constexpr std::size_t kSpan = 128;

/// A run: its windows, and the time of every token, window by window.
struct Sustained {
  std::vector<SustainWindow> windows;
  std::vector<std::vector<double>> token_ms;
  Energy energy;
  std::size_t tokens = 0;
  bool interrupted = false;

  /// The latencies of the windows [begin, end).
  Summary latencies(std::size_t begin, std::size_t end) const {
    std::vector<double> all;
    for (std::size_t w = begin; w < end; ++w) all.insert(all.end(), token_ms[w].begin(), token_ms[w].end());
    return summarize(all);
  }
};

double hottest() {
  double celsius = 0;
  for (const Temperature& t : read_temperatures()) celsius = std::max(celsius, t.celsius);
  return celsius;
}

double seconds_between(std::uint64_t from_ns, std::uint64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) * 1e-9;
}

void close_window(Sustained& run, std::vector<double>& token_ms, double seconds, double at_s) {
  std::vector<double> sorted = token_ms;
  const double rate = static_cast<double>(token_ms.size()) / seconds;
  run.windows.push_back({at_s, rate, summarize(sorted), hottest(), read_cpu_clock().mhz});
  run.tokens += token_ms.size();
  run.token_ms.push_back(std::exchange(token_ms, {}));
}

/// Writes tokens until the time is up; what is evaluated are drawn ids, as `edgek bench` does it.
Sustained sustain(const SustainCommand& c, Session& session, Decoder& decoder) {
  SplitMix64 random(c.common.seed);
  std::vector<TokenId> ids(std::min(kSpan, decoder.capacity()));
  for (TokenId& id : ids) id = static_cast<TokenId>(random.next() % session.model().config().vocabulary);
  Sustained run;
  Progress progress("sustaining");
  EnergyMeter meter;
  std::vector<double> token_ms;
  const std::uint64_t start = now_ns();
  const double total_s = c.minutes * 60;
  std::uint64_t last = start, window_start = start;
  while (seconds_between(start, last) < total_s) {
    const std::size_t at = (run.tokens + token_ms.size()) % ids.size();
    if (at == 0) decoder.rewind(0);
    if (decoder.evaluate(session.context(), std::span(ids).subspan(at, 1), Logits::kLast).cancelled) {
      run.interrupted = true;
      break;
    }
    const std::uint64_t now = now_ns();
    token_ms.push_back(to_ms(now - std::exchange(last, now)));
    meter.sample(now);
    if (seconds_between(window_start, now) < c.window_s) continue;
    close_window(run, token_ms, seconds_between(window_start, now), seconds_between(start, now));
    window_start = last = now_ns();  // reading sensors is no token's time
    progress.update(last - start, static_cast<std::uint64_t>(total_s * 1e9));
  }
  // What is left is a window if it is long enough to compare.
  const double left_s = seconds_between(window_start, last);
  if (!token_ms.empty() && (run.windows.empty() || left_s > c.window_s / 2))
    close_window(run, token_ms, left_s, seconds_between(start, last));
  run.energy = meter.read();
  return run;
}

std::string latencies_text(const Summary& s) {
  return fmt::format("p50 {:.3f}, p95 {:.3f}, p99 {:.3f} ms", s.p50, s.p95, s.p99);
}

std::string to_table(const Sustained& run, const Provenance& p) {
  std::string out = fmt::format("{} ({}), kernels {}, {} threads, {}\n", p.model_file, p.quantization, p.target,
                                p.threads, p.cpu);
  out += fmt::format("{:>9} {:>10} {:>9} {:>9} {:>9} {:>7} {:>6}\n", "seconds", "tokens/s", "p50 ms", "p95 ms",
                     "p99 ms", "C", "MHz");
  const auto sensor = [](double value) { return value > 0 ? fmt::format("{:.0f}", value) : std::string("-"); };
  double most = 0;
  for (const SustainWindow& w : run.windows) most = std::max(most, w.tokens_per_s);
  for (const SustainWindow& w : run.windows)
    out += fmt::format("{:9.1f} {:10.2f} {:9.3f} {:9.3f} {:9.3f} {:>7} {:>6}  {}\n", w.at_s, w.tokens_per_s,
                       w.token_ms.p50, w.token_ms.p95, w.token_ms.p99, sensor(w.celsius), sensor(w.mhz),
                       std::string(static_cast<std::size_t>(40 * w.tokens_per_s / most), '#'));
  const Knee knee = find_knee(rates_of(run.windows));
  if (knee.found) {
    out += fmt::format("\nthrottles after {:.1f} s: {:.2f} -> {:.2f} tokens/s, {:.0f} % less\n",
                       run.windows[knee.at - 1].at_s, knee.before, knee.after, 100 * knee.drop());
    out += "  before  " + latencies_text(run.latencies(0, knee.at)) + "\n";
    out += "  after   " + latencies_text(run.latencies(knee.at, run.windows.size())) + "\n";
  } else {
    out += fmt::format("\nno knee: throughput does not fall and stay lower by 5 % in {} windows\n", run.windows.size());
    out += "  all     " + latencies_text(run.latencies(0, run.windows.size())) + "\n";
  }
  if (run.energy.source.empty()) return out + "  energy  not available here: " + run.energy.why + "\n";
  return out + fmt::format("  energy  {:.3f} J/token ({}: {})\n", run.energy.joules / static_cast<double>(run.tokens),
                           run.energy.domain, run.energy.source);
}

std::string to_csv(const Sustained& run) {
  std::string out = "at_s,tokens_per_s,p50_ms,p95_ms,p99_ms,celsius,mhz\n";
  for (const SustainWindow& w : run.windows)
    out += fmt::format("{:.7g},{:.7g},{:.7g},{:.7g},{:.7g},{:.7g},{:.7g}\n", w.at_s, w.tokens_per_s, w.token_ms.p50,
                       w.token_ms.p95, w.token_ms.p99, w.celsius, w.mhz);
  return out;
}

nlohmann::ordered_json to_json(const Sustained& run, const Provenance& provenance) {
  const auto known = [](double value) { return value > 0 ? nlohmann::ordered_json(value) : nlohmann::ordered_json(); };
  nlohmann::ordered_json json = document("sustain", provenance);
  json["tokens"] = run.tokens;
  json["windows"] = nlohmann::ordered_json::array();
  for (const SustainWindow& w : run.windows)
    json["windows"].push_back({{"at_s", w.at_s},
                               {"tokens_per_s", w.tokens_per_s},
                               {"token_ms", percentiles_json(w.token_ms)},
                               {"celsius", known(w.celsius)},
                               {"cpu_mhz", known(w.mhz)}});
  json["token_ms"] = percentiles_json(run.latencies(0, run.windows.size()));
  json["knee"] = nullptr;
  const Knee knee = find_knee(rates_of(run.windows));
  const auto side = [&](double rate, std::size_t begin, std::size_t end) {
    return nlohmann::ordered_json{{"tokens_per_s", rate}, {"token_ms", percentiles_json(run.latencies(begin, end))}};
  };
  if (knee.found)
    json["knee"] = {{"at_s", run.windows[knee.at - 1].at_s},
                    {"before", side(knee.before, 0, knee.at)},
                    {"after", side(knee.after, knee.at, run.windows.size())}};
  if (run.energy.source.empty())
    json["energy"] = {{"source", nullptr}, {"why", run.energy.why}};
  else
    json["energy"] = {{"joule_per_token", run.energy.joules / static_cast<double>(run.tokens)},
                      {"source", run.energy.source}, {"domain", run.energy.domain}};
  return json;
}

int run(const SustainCommand& c) {
  const std::string output = choose_output(c.output, c.common);
  Session session(c.model, c.common);
  session.finish_loading();
  session.tune(c.tuning);
  Decoder decoder(session.model(), session.decoder_options());
  const InterruptGuard guard;
  decoder.set_cancel([] { return InterruptGuard::interrupted(); });
  const Sustained result = sustain(c, session, decoder);
  if (result.windows.empty()) return kInterrupted;
  const Provenance provenance = session.provenance(0, decoder.position());
  if (output == "json") print_json(to_json(result, provenance));
  else print(output == "csv" ? to_csv(result) : to_table(result, provenance));
  return result.interrupted ? kInterrupted : kDone;
}

}  // namespace

void add_sustain(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<SustainCommand>();
  CLI::App* sub = app.add_subcommand("sustain", "Write tokens for minutes: does the speed last, and when does it fall");
  add_model_options(*sub, c->model);
  sub->add_option("--minutes", c->minutes, "How long (default: 10)")->check(in_range(0.001, 10080.0))->type_name("M");
  sub->add_option("--window", c->window_s, "Seconds that one line is about (default: 5)")
      ->check(in_range(0.01, 3600.0))
      ->type_name("S");
  add_output_option(*sub, c->output, {"table", "csv", "json"});
  add_tuning_options(*sub, c->tuning);
  add_common_options(*sub, c->common);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
