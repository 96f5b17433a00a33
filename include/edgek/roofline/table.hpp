#ifndef EDGEK_ROOFLINE_TABLE_HPP_
#define EDGEK_ROOFLINE_TABLE_HPP_

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>

#include "edgek/measure/histogram.hpp"
#include "edgek/roofline/report.hpp"

namespace edgek {

namespace detail {

/// Appends printf-formatted text of at most 400 bytes.
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
inline void append(std::string& out, const char* format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  const int length = std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  out.append(text, static_cast<std::size_t>(std::clamp(length, 0, static_cast<int>(sizeof text) - 1)));
}

inline double mega(std::uint64_t bytes) noexcept { return static_cast<double>(bytes) * 1e-6; }

inline void append_head(std::string& out, const RooflineReport& r) {
  const Provenance& p = r.provenance;
  append(out, "%s (%s, %s, %.1f MB)\n", p.model_file.c_str(), p.architecture.c_str(), p.quantization.c_str(),
         mega(p.model_bytes));
  append(out, "%s, %zu cores, %zu threads, kernels %s; edgek %s (%s), %s, %s\n", p.cpu.c_str(), p.cores, p.threads,
         p.target.c_str(), p.version.c_str(), p.commit.c_str(), p.compiler.c_str(), p.time.c_str());
}

inline void append_roofs(std::string& out, const RooflineReport& r) {
  append(out, "\nRoofs, measured here with %zu threads\n  read GB/s  ", r.provenance.threads);
  const std::pair<const char*, double> levels[] = {
      {"L1", r.roofs.l1_gbps}, {"L2", r.roofs.l2_gbps}, {"L3", r.roofs.l3_gbps}, {"DRAM", r.roofs.dram_gbps}};
  for (const auto& [name, gbps] : levels)
    if (gbps > 0) append(out, "%s %.1f   ", name, gbps);
  const std::string battery = battery_text(r.roofs);
  append(out, "(best loop: %s%s%s)\n", to_string(r.roofs.loop).c_str(), battery.empty() ? "" : "; ", battery.c_str());
  const Replay& replay = r.roofs.replay;
  append(out, "  replay     %.1f GB/s: this model's bytes in decode order (%s); %zu passes between the tokens, %.1f to %.1f\n",
         replay.gbps, to_string(replay.loop).c_str(), replay.passes, replay.min_gbps, replay.max_gbps);
  for (const auto& [unit, gmacs] : r.peak_gmacs) append(out, "  compute    %.1f GMAC/s: %s\n", gmacs, unit.c_str());
}

inline void append_kernels(std::string& out, const RooflineReport& r) {
  append(out, "\nKernels, per token\n  %-18s %-6s %-9s %6s %8s %7s %7s %7s %8s %7s %7s  %s\n", "op", "format",
         "target", "calls", "weights", "scales", "KV", "act.", "ms", "GB/s", "% roof", "bound by");
  for (const KernelReport& k : r.generation.kernels) {
    const Traffic& t = k.traffic;
    const std::string format(k.has_format ? info(k.format).name : "-");
    append(out, "  %-18s %-6s %-9s %6.5g %8.3f %7.3f %7.3f %7.3f %8.3f %7.1f %7.1f  %s: %s\n", k.op.c_str(),
           format.c_str(), k.target.c_str(), k.calls, mega(t.weights), mega(t.scales), mega(t.kv_read + t.kv_write),
           mega(t.activations), k.ms, k.gbps, k.roof_pct, k.binds.c_str(), k.why.c_str());
  }
  out += "  (bytes in MB; % of the roof that binds the kernel)\n";
}

inline void append_part(std::string& out, const char* name, double ms, double wall) {
  append(out, "  %-22s %8.3f ms  %5.1f %%\n", name, ms, wall > 0 ? 100 * ms / wall : 0.0);
}

inline void append_split(std::string& out, const Attribution& a) {
  const TokenReport& t = a.token;
  append_part(out, "ideal (ceiling)", t.ideal_ms, t.wall_ms);
  append_part(out, "excess of kernels", t.excess_ms, t.wall_ms);
  for (const KernelReport& k : a.kernels) {
    if (streamed_bytes(k.traffic) == 0) continue;
    const std::string name = "  " + k.op + (k.has_format ? " " + std::string(info(k.format).name) : std::string());
    append_part(out, name.c_str(), k.excess_ms, t.wall_ms);
  }
  append_part(out, "fork, join, imbalance", t.fork_join_ms, t.wall_ms);
  append_part(out, "other", t.other_ms, t.wall_ms);
  for (const OtherItem& item : t.items) append_part(out, ("  " + item.name).c_str(), item.ms, t.wall_ms);
  append_part(out, "unattributed", t.unattributed_ms, t.wall_ms);
  append_part(out, "wall", t.wall_ms, t.wall_ms);
  if (t.dropped != 0) append(out, "  incomplete: %zu records found no room\n", t.dropped);
}

inline void append_splits(std::string& out, const RooflineReport& r) {
  append(out, "\nA token's time, mean of %zu at a context of %.0f\n", r.generation.token.tokens, r.context);
  append_split(out, r.generation);
  if (r.prompt.token.tokens == 0) return;
  append(out, "\nThe prompt's time: %zu tokens, %zu threads, %.1f tokens/s; ideal: bytes or arithmetic, whichever is longer\n",
         r.provenance.prompt_tokens, r.prompt_threads, prompt_rate(r));
  append_split(out, r.prompt);
}

inline void append_contexts(std::string& out, const std::vector<ContextPoint>& contexts) {
  if (contexts.empty()) return;
  append(out, "\nA token at other lengths of the context, ceiling: weights and KV at the replay roof\n"
         "  %9s %9s %9s %11s %9s %9s %9s %7s %13s\n", "positions", "tokens", "KV MB", "ceiling ms", "p50 ms", "p95 ms",
         "p99 ms", "% roof", "attention ms");
  for (const ContextPoint& c : contexts) {
    const TokenReport& t = c.generation.token;
    append(out, "  %9zu %9zu %9.3f %11.3f %9.3f %9.3f %9.3f %7.1f %13.3f\n", c.context, t.tokens, mega(c.kv_bytes()),
           c.ceiling_ms(), t.tpot_ms.p50, t.tpot_ms.p95, t.tpot_ms.p99, c.roof_pct(), c.kv_ms());
  }
}

/// A line of block characters, one for each bin.
inline void append_histogram(std::string& out, const TokenReport& t) {
  constexpr const char* kBlocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const Histogram h = histogram(t.latencies_ms);
  if (h.counts.empty()) return;
  const std::size_t most = *std::max_element(h.counts.begin(), h.counts.end());
  append(out, "           %.3f ", h.from);
  for (const std::size_t count : h.counts) out += kBlocks[(8 * count + most - 1) / most];
  append(out, " %.3f ms", h.from + h.width * static_cast<double>(h.counts.size()));
  if (h.above != 0) append(out, ", %zu above, up to %.3f ms", h.above, t.tpot_ms.max);
  out += '\n';
}

inline void append_thermal(std::string& out, const Thermal& t) {
  if (!t.known()) return append(out, "  thermal  not available here: %s\n", kNoThermal);
  out += "  thermal ";
  for (const Temperature& after : t.after) {
    const Temperature* before = zone_in(t.before, after.zone);
    append(out, " %s %.1f -> %.1f C;", after.zone.c_str(), before != nullptr ? before->celsius : after.celsius,
           after.celsius);
  }
  if (t.clock_after.mhz > 0)
    append(out, " CPUs %.0f -> %.0f of %.0f MHz", t.clock_before.mhz, t.clock_after.mhz, t.clock_after.max_mhz);
  out += "\n";
}

inline void append_metrics(std::string& out, const RooflineReport& r) {
  const TokenReport& t = r.generation.token;
  const FirstToken& f = r.ttft_ms;
  const MemoryParts& m = r.rss_bytes;
  append(out, "\n  ceiling  %.1f tokens/s (%.3f ms)   reached %.1f tokens/s, %.0f %%\n",
         t.ceiling_ms > 0 ? 1e3 / t.ceiling_ms : 0.0, t.ceiling_ms, t.wall_ms > 0 ? 1e3 / t.wall_ms : 0.0,
         t.wall_ms > 0 ? 100 * t.ceiling_ms / t.wall_ms : 0.0);
  append(out, "  TPOT     p50 %.3f   p95 %.3f   p99 %.3f ms\n", t.tpot_ms.p50, t.tpot_ms.p95, t.tpot_ms.p99);
  append_histogram(out, t);
  append(out, "  TTFT     %.1f ms from the start of the process: load %.1f, tokenize %.1f, prompt %.1f (%zu tokens), "
         "sample %.1f\n", f.total, f.load, f.tokenize, f.prompt, r.provenance.prompt_tokens, f.sample);
  append(out, "  memory   peak %.1f MB: weights %.1f, KV %.1f, arena %.1f, other %.1f\n", mega(m.peak),
         mega(m.weights), mega(m.kv), mega(m.arena), mega(m.other()));
  if (r.pages.known()) append(out, "  pages    %s\n", pages_text(r.pages).c_str());
  if (r.energy.source.empty())
    append(out, "  energy   not available here: %s\n", r.energy.why.c_str());
  else
    append(out, "  energy   %.3f J/token (%s: %s)\n", r.energy.joules / static_cast<double>(t.tokens),
           r.energy.domain.c_str(), r.energy.source.c_str());
  append_thermal(out, r.thermal);
}

inline void append_predictions(std::string& out, const RooflineReport& r) {
  const bool stated = r.stated_gbps > 0;
  append(out, "\nThe same model in other formats, at %.1f GB/s (%s)\n", predict_gbps(r), stated ? "given" : "replay roof");
  for (const Prediction& p : r.predict) {
    append(out, "  %-6s %10.3f MB/token   at most %8.1f tokens/s", info(p.format).name.data(), mega(p.bytes_per_token),
           p.ceiling_tokens_per_s);
    if (p.kept != 0) append(out, "   (%zu matrices stay as they are: row length)", p.kept);
    out += '\n';
  }
  append(out, "\nCeilings of other machines, tokens/s\n  %-22s %6s", "", "GB/s");
  for (const Prediction& p : r.predict) append(out, " %8s", info(p.format).name.data());
  for (const Device& d : kDevices) {
    append(out, "\n  %-22s %6.1f", d.name, d.usable_gbps());
    for (const Prediction& p : r.predict) append(out, " %8.1f", tokens_per_s(p.bytes_per_token, d.usable_gbps()));
    append(out, "  %s", d.source);
  }
  out += '\n';
}

}  // namespace detail

/// The report for a terminal, in lines of up to about 220 characters.
inline std::string to_table(const RooflineReport& r) {
  std::string out;
  detail::append_head(out, r);
  detail::append_roofs(out, r);
  detail::append_kernels(out, r);
  detail::append_splits(out, r);
  detail::append_metrics(out, r);
  detail::append_contexts(out, r.contexts);
  detail::append_predictions(out, r);
  return out;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_TABLE_HPP_
