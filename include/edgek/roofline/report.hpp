#ifndef EDGEK_ROOFLINE_REPORT_HPP_
#define EDGEK_ROOFLINE_REPORT_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "edgek/core/format.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/measure/histogram.hpp"
#include "edgek/measure/json_writer.hpp"
#include "edgek/measure/machine.hpp"
#include "edgek/measure/pages.hpp"
#include "edgek/measure/provenance.hpp"
#include "edgek/measure/sensors.hpp"
#include "edgek/roofline/attribution.hpp"
#include "edgek/roofline/context_sweep.hpp"
#include "edgek/roofline/energy.hpp"
#include "edgek/roofline/predict.hpp"

namespace edgek {

/// Time to the first token and its parts, milliseconds.
struct FirstToken {
  double load = 0, tokenize = 0, prompt = 0, sample = 0;
  double total = 0;  ///< from the start of the process; more than the parts: start-up and what was not timed
};

/// Peak resident memory and its parts, bytes.
struct MemoryParts {
  std::uint64_t peak = 0, weights = 0, kv = 0, arena = 0;
  std::uint64_t other() const noexcept {
    const std::uint64_t known = weights + kv + arena;
    return peak > known ? peak - known : 0;
  }
};

/// Temperatures and clock before and after the measured tokens.
struct Thermal {
  std::vector<Temperature> before, after;
  CpuClock clock_before, clock_after;

  bool known() const noexcept { return !after.empty() || clock_after.mhz > 0; }
};

/// All that `edgek roofline` shows.
struct RooflineReport {
  Provenance provenance;
  Machine machine;
  Roofs roofs;
  std::vector<std::pair<std::string, double>> peak_gmacs;  ///< by unit name, as roofs.peaks
  std::vector<std::pair<Format, ReadLoop>> reads;  ///< how each format of the model was read while generating
  Attribution generation;
  Attribution prompt;          ///< one "token": the whole prompt, judged by Ideal::kRoofs; none: not recorded
  std::size_t prompt_threads = 0;
  double context = 0;          ///< mean positions in the cache while generating
  std::vector<ContextPoint> contexts;  ///< the same at chosen lengths, shortest first; none: not asked for
  FirstToken ttft_ms;
  MemoryParts rss_bytes;
  PageReport pages;            ///< the model file's and all that was allocated, when the tokens were measured
  Energy energy;
  Thermal thermal;
  std::vector<Prediction> predict;
  double stated_gbps = 0;      ///< bandwidth that the predictions use instead of the replay roof; 0: none
};

namespace detail {

/// When the read loops were compared, as far as it is known.
inline std::string battery_text(const Roofs& roofs) {
  if (roofs.battery_time.empty()) return {};
  return roofs.battery_cached ? "loops compared " + roofs.battery_time + " (cached), the winners measured in this run"
                              : "loops compared in this run, " + roofs.battery_time;
}

/// What the system gave of what was asked for: the mapped file in memory, huge pages for what is allocated.
inline std::string pages_text(const PageReport& pages) {
  const auto mb = [](std::uint64_t bytes) { return static_cast<double>(bytes) * 1e-6; };
  std::string text = formatted("file %.1f MB, %.1f of them present", mb(pages.file.mapped), mb(pages.file.resident));
  text += formatted(" (%.1f in huge pages); allocated", mb(pages.file.huge));
  text += formatted(" %.1f MB present (%.1f in huge pages)", mb(pages.allocated.resident), mb(pages.allocated.huge));
  return pages.policy.empty() ? text : text + "; the system's policy for huge pages: " + pages.policy;
}

/// The bandwidth of the predictions.
inline double predict_gbps(const RooflineReport& r) noexcept {
  return r.stated_gbps > 0 ? r.stated_gbps : r.roofs.replay.gbps;
}

/// Prompt tokens per second.
inline double prompt_rate(const RooflineReport& r) noexcept {
  const double wall_ms = r.prompt.token.wall_ms;
  return wall_ms > 0 ? 1e3 * static_cast<double>(r.provenance.prompt_tokens) / wall_ms : 0;
}

inline void write(JsonWriter& json, const char* name, const Traffic& t, bool with_total) {
  json.key(name).begin_object();
  json.member("weights", t.weights).member("scales", t.scales).member("kv_read", t.kv_read);
  json.member("kv_write", t.kv_write).member("activations", t.activations);
  if (with_total) json.member("total", t.bytes());
  json.end_object();
}

inline void write_machine(JsonWriter& json, const RooflineReport& r) {
  json.key("machine").begin_object();
  json.member("cpu", r.machine.cpu).member("cores", r.machine.cores).member("threads", r.provenance.threads);
  json.member("target", r.provenance.target).member("memory_bytes", r.machine.memory_bytes);
  json.member("l3_bytes", r.machine.l3_bytes).end_object();
}

inline void write_roofs(JsonWriter& json, const RooflineReport& r) {
  const std::pair<const char*, double> levels[] = {
      {"dram", r.roofs.dram_gbps}, {"l3", r.roofs.l3_gbps}, {"l2", r.roofs.l2_gbps}, {"l1", r.roofs.l1_gbps}};
  json.key("roofs").begin_object().key("read_gbps").begin_object();
  for (const auto& [name, gbps] : levels) {
    if (gbps > 0) json.member(name, gbps);
    else json.key(name).null();
  }
  json.end_object().member("replay_gbps", r.roofs.replay.gbps).key("peak_gmacs").begin_object();
  for (const auto& [unit, gmacs] : r.peak_gmacs) json.member(unit, gmacs);
  const Replay& replay = r.roofs.replay;
  json.end_object().member("loop", to_string(r.roofs.loop)).member("replay_loop", to_string(replay.loop));
  json.member("replay_passes", replay.passes).member("replay_min_gbps", replay.min_gbps);
  json.member("replay_max_gbps", replay.max_gbps).member("level", r.roofs.level).key("battery").begin_object().member("time", r.roofs.battery_time);
  json.member("cached", r.roofs.battery_cached).end_object().end_object().key("reads").begin_array();
  for (const auto& [format, loop] : r.reads)
    json.begin_object().member("format", info(format).name).member("loop", to_string(loop)).end_object();
  json.end_array();
}

/// Where a time went: what tokens and prompts have in common.
inline void write_split(JsonWriter& json, const TokenReport& t) {
  json.key("split_ms").begin_object().member("ideal", t.ideal_ms).member("excess", t.excess_ms);
  json.member("fork_join", t.fork_join_ms).member("other", t.other_ms).end_object();
  json.key("items").begin_array();
  for (const OtherItem& item : t.items)
    json.begin_object().member("name", item.name).member("ms", item.ms).end_object();
  json.end_array().member("unattributed_ms", t.unattributed_ms).member("wall_ms", t.wall_ms);
  json.member("closure", t.closure()).member("dropped_records", t.dropped);
}

inline void write_latencies(JsonWriter& json, const TokenReport& t) {
  json.key("latencies_ms").begin_array();
  for (const double ms : t.latencies_ms) json.value(ms);
  const Histogram h = histogram(t.latencies_ms);
  json.end_array().key("histogram").begin_object().member("from_ms", h.from).member("bin_ms", h.width);
  json.key("counts").begin_array();
  for (const std::size_t count : h.counts) json.value(count);
  json.end_array().member("above", h.above).end_object();
}

/// Bytes, ceiling and latencies: what a token is judged by, at any length of the context.
inline void write_cost(JsonWriter& json, const TokenReport& t) {
  write(json, "bytes", t.traffic, false);
  json.member("ceiling_ms", t.ceiling_ms).key("tpot_ms").begin_object();
  json.member("p50", t.tpot_ms.p50).member("p95", t.tpot_ms.p95).member("p99", t.tpot_ms.p99).end_object();
}

inline void write_token(JsonWriter& json, const RooflineReport& r) {
  const TokenReport& t = r.generation.token;
  json.key("token").begin_object();
  write_cost(json, t);
  write_split(json, t);
  json.member("context", r.context).member("tokens", t.tokens);
  write_latencies(json, t);
  json.end_object();
}

inline void write_kernels(JsonWriter& json, const std::vector<KernelReport>& kernels) {
  json.key("kernels").begin_array();
  for (const KernelReport& k : kernels) {
    json.begin_object().member("op", k.op);
    if (k.has_format) json.member("format", info(k.format).name);
    else json.key("format").null();
    json.member("target", k.target).member("calls", k.calls);
    write(json, "bytes", k.traffic, true);
    json.member("ms", k.ms).member("ideal_ms", k.ideal_ms).member("excess_ms", k.excess_ms);
    json.member("fork_join_ms", k.fork_join_ms).member("gbps", k.gbps).member("roof_pct", k.roof_pct);
    json.member("gmacs", k.gmacs).member("binds", k.binds).member("why", k.why).end_object();
  }
  json.end_array();
}

inline void write_contexts(JsonWriter& json, const std::vector<ContextPoint>& contexts) {
  json.key("context_sweep").begin_array();
  for (const ContextPoint& c : contexts) {
    json.begin_object().member("context", c.context).member("tokens", c.generation.token.tokens);
    write_cost(json, c.generation.token);
    json.member("roof_pct", c.roof_pct()).member("kv_ms", c.kv_ms());
    write_split(json, c.generation.token);
    write_kernels(json, c.generation.kernels);
    json.end_object();
  }
  json.end_array();
}

inline void write_prompt(JsonWriter& json, const RooflineReport& r) {
  if (r.prompt.token.tokens == 0) return;
  json.key("prompt").begin_object().member("tokens", r.provenance.prompt_tokens).member("threads", r.prompt_threads);
  json.member("tokens_per_s", prompt_rate(r)).member("ceiling_ms", r.prompt.token.ceiling_ms);
  write_split(json, r.prompt.token);
  write_kernels(json, r.prompt.kernels);
  json.end_object();
}

inline void write_pages(JsonWriter& json, const PageReport& pages) {
  const std::pair<const char*, const PageUse*> uses[] = {{"file", &pages.file}, {"allocated", &pages.allocated}};
  json.key("pages").begin_object().member("huge_page_policy", pages.policy);
  for (const auto& [name, use] : uses) {
    json.key(name).begin_object().member("mapped", use->mapped).member("resident", use->resident);
    json.member("huge", use->huge).end_object();
  }
  json.end_object();
}

inline void write_process(JsonWriter& json, const RooflineReport& r) {
  json.key("ttft_ms").begin_object().member("load", r.ttft_ms.load).member("tokenize", r.ttft_ms.tokenize);
  json.member("prompt", r.ttft_ms.prompt).member("sample", r.ttft_ms.sample).member("total", r.ttft_ms.total);
  json.end_object();
  json.key("rss_bytes").begin_object().member("peak", r.rss_bytes.peak).member("weights", r.rss_bytes.weights);
  json.member("kv", r.rss_bytes.kv).member("arena", r.rss_bytes.arena).member("other", r.rss_bytes.other());
  json.end_object();
  write_pages(json, r.pages);
  json.key("energy").begin_object();
  if (r.energy.source.empty()) {
    json.key("source").null().member("why", r.energy.why);
  } else {
    const double tokens = static_cast<double>(r.generation.token.tokens);
    json.member("joule_per_token", r.energy.joules / tokens).member("source", r.energy.source);
    json.member("domain", r.energy.domain);
  }
  json.end_object();
}

/// A zone's temperature in a list, or nullptr: zones come and go.
inline const Temperature* zone_in(const std::vector<Temperature>& zones, const std::string& name) noexcept {
  for (const Temperature& t : zones)
    if (t.zone == name) return &t;
  return nullptr;
}

inline constexpr const char* kNoThermal = "this machine shows no thermal zone and no cpufreq";

inline void write_thermal(JsonWriter& json, const Thermal& t) {
  json.key("thermal").begin_object();
  if (!t.known()) json.member("why", kNoThermal);
  json.key("zones").begin_array();
  for (const Temperature& after : t.after) {
    json.begin_object().member("name", after.zone);
    if (const Temperature* before = zone_in(t.before, after.zone)) json.member("before_c", before->celsius);
    json.member("after_c", after.celsius).end_object();
  }
  json.end_array().key("cpu_mhz").begin_object();
  if (t.clock_after.mhz > 0)
    json.member("before", t.clock_before.mhz).member("after", t.clock_after.mhz).member("max", t.clock_after.max_mhz);
  json.end_object().end_object();
}

inline void write_predictions(JsonWriter& json, const RooflineReport& r) {
  json.key("predict").begin_array();
  for (const Prediction& p : r.predict) {
    json.begin_object().member("format", info(p.format).name).member("bytes_per_token", p.bytes_per_token);
    json.member("ceiling_tokens_per_s", p.ceiling_tokens_per_s).member("matrices_kept", p.kept).end_object();
  }
  json.end_array().member("predict_gbps", predict_gbps(r));
  json.key("devices").begin_array();
  for (const Device& d : kDevices) {
    json.begin_object().member("name", d.name).member("nominal_gbps", d.nominal_gbps).key("measured_gbps");
    if (d.measured_gbps > 0) json.value(d.measured_gbps);
    else json.null();
    json.member("source", d.source).key("ceiling_tokens_per_s").begin_object();
    for (const Prediction& p : r.predict)
      json.member(info(p.format).name, tokens_per_s(p.bytes_per_token, d.usable_gbps()));
    json.end_object().end_object();
  }
  json.end_array();
}

inline void append_csv(std::string& text, const std::vector<KernelReport>& kernels, double context) {
  for (const KernelReport& k : kernels) {
    const Traffic& t = k.traffic;
    text += k.op + "," + (k.has_format ? std::string(info(k.format).name) : std::string()) + "," + k.target;
    text.append(",").append(formatted("%.7g", k.calls));
    for (const std::uint64_t bytes : {t.weights, t.scales, t.kv_read, t.kv_write, t.activations, t.bytes()})
      text.append(",").append(std::to_string(bytes));
    for (const double x : {k.ms, k.ideal_ms, k.excess_ms, k.fork_join_ms, k.gbps, k.roof_pct, k.gmacs})
      text.append(",").append(formatted("%.7g", x));
    text.append(",").append(k.binds).append(formatted(",%.7g\n", context));
  }
}

}  // namespace detail

/// The report as one JSON document, schema "edgek.roofline/1" (docs/roofline_json.md). Bytes, calls and milliseconds of kernels are
/// means per generated token; gbps counts all bytes of a kernel, roof_pct what it streams or computes.
inline std::string to_json(const RooflineReport& r) {
  JsonWriter json;
  json.begin_object().member("schema", "edgek.roofline/1");
  write(json, r.provenance);
  detail::write_machine(json, r);
  detail::write_roofs(json, r);
  detail::write_token(json, r);
  detail::write_kernels(json, r.generation.kernels);
  detail::write_contexts(json, r.contexts);
  detail::write_prompt(json, r);
  detail::write_process(json, r);
  detail::write_thermal(json, r.thermal);
  detail::write_predictions(json, r);
  return json.end_object().text() + "\n";
}

/// The kernels as comma-separated values, one line each after a heading; the columns of the JSON, and the context that
/// they are about: the mean of the generation, then every length of the sweep.
inline std::string to_csv(const RooflineReport& r) {
  std::string text =
      "op,format,target,calls,weights,scales,kv_read,kv_write,activations,total,ms,ideal_ms,excess_ms,"
      "fork_join_ms,gbps,roof_pct,gmacs,binds,context\n";
  detail::append_csv(text, r.generation.kernels, r.context);
  for (const ContextPoint& c : r.contexts)
    detail::append_csv(text, c.generation.kernels, static_cast<double>(c.context));
  return text;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_REPORT_HPP_
