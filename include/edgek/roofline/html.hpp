#ifndef EDGEK_ROOFLINE_HTML_HPP_
#define EDGEK_ROOFLINE_HTML_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/measure/histogram.hpp"
#include "edgek/roofline/context_chart.hpp"
#include "edgek/roofline/picture.hpp"
#include "edgek/roofline/report.hpp"
#include "edgek/roofline/table.hpp"

// The report as one file for a browser: no script, no network, light and dark, on paper and on a phone. Bars
// are pictures whose lengths are percentages, so they follow the width of the page.

namespace edgek {

namespace detail {

inline constexpr std::string_view kPageStyle = R"(<style>
:root{color-scheme:light dark;--page:#fff;--text:#1c1c1e;--soft:#5f6368;--line:#dadce0;--card:#f5f6f8;--ideal:#167d4a;
--excess:#c5362b;--join:#b26a00;--other:#3b6fd4;--lost:#777;--roof:#c5362b;--compute:#3b6fd4}
@media(prefers-color-scheme:dark){:root{--page:#141416;--text:#ececee;--soft:#a0a4aa;--line:#3a3c40;--card:#1f2023;
--ideal:#3cc98a;--excess:#ff6f61;--join:#f0a63c;--other:#7aa7ff;--lost:#999;--roof:#ff6f61;--compute:#7aa7ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1rem;background:var(--page);color:var(--text);font:16px/1.45 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.2em 0}h2{font-size:1.15rem;margin:2em 0 .4em;border-top:1px solid var(--line);padding-top:.8em}
h3{font-size:1rem;margin:1.2em 0 .3em}p{margin:.4em 0}.soft,small,caption{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(3,1fr);gap:.6rem;margin:1rem 0}
.card{background:var(--card);border-radius:.5rem;padding:.6rem .8rem}.card b{display:block;font-size:1.3rem}
.row{display:grid;grid-template-columns:16rem 1fr 9.5rem;gap:.7rem;align-items:center;margin:.15rem 0}
.row.part{font-size:.9rem}.row.part .name{padding-left:1.2rem;color:var(--soft)}
.row .value{text-align:right;font-variant-numeric:tabular-nums}
svg{display:block;width:100%}svg.bar{height:1.05rem;background:var(--card)}svg.chart{height:auto}
svg text{font:12px system-ui,sans-serif;fill:var(--text)}.tick,.roof{fill:var(--soft)!important}
.chart text{stroke:var(--page);stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.title{font-weight:600}.mid{text-anchor:middle}.end{text-anchor:end}
.grid{stroke:var(--line)}.main{stroke:var(--roof);stroke-width:2.5}.cache{stroke:var(--roof);stroke-dasharray:5 4}
.compute{stroke:var(--compute);stroke-dasharray:5 4}.ridge{fill:none;stroke:var(--text);stroke-width:2}
.curve{fill:none;stroke-linejoin:round}.measured{stroke:var(--ideal);stroke-width:2.5}
.dot{fill:var(--ideal);fill-opacity:.75;stroke:var(--page)}.number{font-weight:600;text-anchor:middle}
.ideal{fill:var(--ideal)}.excess{fill:var(--excess)}.join{fill:var(--join)}.other{fill:var(--other)}.lost{fill:var(--lost)}
.whole{fill:var(--line)}.mark{stroke:var(--text);stroke-dasharray:3 3}
.series{fill:var(--other);fill-opacity:.25;stroke:var(--other);stroke-width:1.5;vector-effect:non-scaling-stroke}
.wide{overflow-x:auto}table{border-collapse:separate;border-spacing:0;font-size:.84rem;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .4rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child,td.words{text-align:left}
th:first-child,td:first-child{position:sticky;left:0;background:var(--page)}
td.words{white-space:normal;min-width:11rem}td.words,th.words{text-align:left}
dl{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
code{font-size:.92em;overflow-wrap:anywhere}
@media(max-width:40rem){body{font-size:15px}.cards{grid-template-columns:1fr 1fr}.card b{font-size:1.05rem}
td.words{white-space:nowrap}.row{grid-template-columns:1fr auto;gap:0 .7rem;margin:.1rem 0 .6rem}
.row svg{grid-column:1/3;grid-row:2}svg.chart text{font-size:22px}}
@media print{h2,h3,h2+p,h3+p{break-after:avoid;break-inside:avoid}
:root{--page:#fff;--text:#000;--soft:#444;--line:#bbb;--card:#f2f2f2;--ideal:#167d4a;--excess:#c5362b;
--join:#b26a00;--other:#3b6fd4;--lost:#777;--roof:#c5362b;--compute:#3b6fd4}body{max-width:none;font-size:10pt;padding:0}
.row,svg,tr,.card{break-inside:avoid}.wide{overflow:visible}table{font-size:7.5pt}
th,td{padding:.15rem .3rem;white-space:normal}td.words{min-width:8rem}}
</style>
)";

/// Escaped text between two tags.
inline void put(std::string& html, std::string_view open, std::string_view text, std::string_view close) {
  html.append(open).append(xml_escaped(text)).append(close);
}

inline void put_card(std::string& html, std::string_view value, std::string_view what) {
  put(html, "<div class=\"card\"><b>", value, "</b>");
  put(html, "<small>", what, "</small></div>\n");
}

/// One line of a bar chart: a name, a bar from `begin` to `end` (shares of the width), and what it stands for.
inline void put_bar(std::string& html, std::string_view row, std::string_view name, const char* colour, double begin,
                    double end, std::string_view value) {
  const double left = 100 * std::clamp(std::min(begin, end), 0.0, 1.0);
  const double right = 100 * std::clamp(std::max(begin, end), 0.0, 1.0);
  html.append("<div class=\"").append(row).append("\">");
  put(html, "<span class=\"name\">", name, "</span>");
  append(html, "<svg class=\"bar\" aria-hidden=\"true\"><rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"100%%\"/></svg>",
         colour, left, std::max(right - left, 0.15));
  put(html, "<span class=\"value\">", value, "</span></div>\n");
}

/// Bars that follow one another, each beginning where the last one ended.
class Waterfall {
 public:
  Waterfall(std::string& html, double whole) noexcept : html_(html), whole_(whole) {}

  /// A part of the whole; moves on.
  void part(std::string_view name, const char* colour, double ms) {
    bar("row", name, colour, at_, ms);
    at_ += ms;
  }
  /// What a part consists of, drawn from where that part begins.
  void detail(std::string_view name, const char* colour, double& from, double ms) {
    bar("row part", name, colour, from, ms);
    from += ms;
  }
  double at() const noexcept { return at_; }

 private:
  void bar(std::string_view row, std::string_view name, const char* colour, double from, double ms) {
    const double share = whole_ > 0 ? 1 / whole_ : 0;
    put_bar(html_, row, name, colour, from * share, (from + ms) * share,
            formatted("%.3f ms", ms) + formatted(", %.1f %%", 100 * ms * share));
  }

  std::string& html_;
  const double whole_;
  double at_ = 0;
};

inline void put_split(std::string& html, const Attribution& a, std::string_view ideal) {
  const TokenReport& t = a.token;
  Waterfall bars(html, std::max(t.wall_ms, t.split_ms()));
  bars.part(ideal, "ideal", t.ideal_ms);
  double from = bars.at();
  bars.part("excess of kernels", "excess", t.excess_ms);
  for (const KernelReport& k : a.kernels)
    if (streamed_bytes(k.traffic) != 0) bars.detail(name_of(k), "excess", from, k.excess_ms);
  bars.part("fork, join, imbalance", "join", t.fork_join_ms);
  from = bars.at();
  bars.part("other", "other", t.other_ms);
  for (const OtherItem& item : t.items) bars.detail(item.name, "other", from, item.ms);
  bars.part("unattributed", "lost", t.unattributed_ms);
  put_bar(html, "row", "wall", "whole", 0, 1, formatted("%.3f ms", t.wall_ms));
  append(html, "<p class=\"soft\">The parts are sums of timed, named items and make %.1f %% of the wall time, which a clock "
         "outside them takes.", 100 * t.closure());
  if (t.dropped != 0) append(html, " Incomplete: %zu records found no room.", t.dropped);
  html += "</p>\n";
}

inline void put_heading(std::string& html, const RooflineReport& r) {
  const TokenReport& t = r.generation.token;
  const Provenance& p = r.provenance;
  put(html, "<h1>", p.model_file, "</h1>\n");
  put(html, "<p>", p.architecture + ", " + p.quantization + formatted(", %.1f MB; ", mega(p.model_bytes)) + p.cpu + ", " +
      std::to_string(p.threads) + " threads, kernels " + p.target, "</p>\n<div class=\"cards\">\n");
  const double reached = t.wall_ms > 0 ? 1e3 / t.wall_ms : 0, ceiling = t.ceiling_ms > 0 ? 1e3 / t.ceiling_ms : 0;
  put_card(html, formatted("%.1f tokens/s", reached), formatted("mean of %.0f tokens", static_cast<double>(t.tokens)));
  put_card(html, formatted("%.1f tokens/s", ceiling), formatted("ceiling: %.1f GB/s, replay of these bytes", r.roofs.replay.gbps));
  put_card(html, formatted("%.0f %%", ceiling > 0 ? 100 * reached / ceiling : 0), "of the ceiling");
  put_card(html, formatted("%.2f ms", t.tpot_ms.p50), formatted("a token, p50; p95 %.2f, p99 %.2f ms", t.tpot_ms.p95, t.tpot_ms.p99));
  put_card(html, formatted("%.0f ms", r.ttft_ms.total), "to the first token, from the start of the process");
  put_card(html, formatted("%.0f MB", mega(r.rss_bytes.peak)), "peak resident memory");
  html += "</div>\n";
}

inline void put_chart(std::string& html, const RooflineReport& r, const std::vector<Dot>& dots) {
  html += "<h2>The roofline</h2>\n<p class=\"soft\">Both axes in powers of ten. Slanted: how fast bytes arrive, measured in "
          "this process. Level: how fast a kernel computes with its operands in cache. A dot is a kernel, its area the "
          "time it takes of a token; the number is its row below. The ring is the ridge: left of it bytes bind, right "
          "of it arithmetic.</p>\n<svg class=\"chart\" viewBox=\"0 0 920 540\" role=\"img\">\n";
  put(html, "<title>", "Roofline of " + r.provenance.model_file, "</title>\n");
  const Plane plane = plane_of(r, dots);
  draw_axes(html, plane);
  draw_roofs(html, r, plane);
  draw_ridge(html, r, plane);
  draw_dots(html, dots, plane, true);
  html += "</svg>\n";
}

inline void put_kernels(std::string& html, const std::vector<KernelReport>& kernels, const std::vector<Dot>& dots) {
  html += "<div class=\"wide\"><table><thead><tr><th>op</th><th>calls</th><th>weights MB</th><th>scales MB</th>"
          "<th>KV MB</th><th>act. MB</th><th>ms</th><th>GB/s</th><th>GMAC/s</th><th>% roof</th>"
          "<th class=\"words\">bound by</th></tr></thead><tbody>\n";
  for (const KernelReport& k : kernels) {
    const Traffic& t = k.traffic;
    const std::string number = number_of(dots, name_of(k));
    put(html, "<tr><td>", (number.empty() ? "" : number + ". ") + name_of(k), "</td>");
    append(html, "<td>%.5g</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td><td>%.3f</td>", k.calls,
           mega(t.weights), mega(t.scales), mega(t.kv_read + t.kv_write), mega(t.activations), k.ms);
    append(html, "<td>%.1f</td><td>%.1f</td><td>%.1f</td>", k.gbps, k.gmacs, k.roof_pct);
    put(html, "<td class=\"words\">", k.binds + ": " + k.why, "</td></tr>\n");
  }
  html += "</tbody></table></div>\n";
}

/// x of a value in a picture from `from` to `to`, in percent.
inline double percent_between(double value, double from, double to) noexcept {
  return to > from ? 100 * std::clamp((value - from) / (to - from), 0.0, 1.0) : 50;
}

inline void put_histogram(std::string& html, const TokenReport& t) {
  const Histogram h = histogram(t.latencies_ms);
  if (h.counts.empty()) return;
  const double from = h.from, to = h.from + h.width * static_cast<double>(h.counts.size());
  const std::size_t most = std::max<std::size_t>(*std::max_element(h.counts.begin(), h.counts.end()), 1);
  html += "<h3>Histogram</h3>\n<svg style=\"height:8rem\" role=\"img\"><title>Histogram of token times</title>\n";
  for (std::size_t i = 0; i < h.counts.size(); ++i) {
    const double height = 100.0 * static_cast<double>(h.counts[i]) / static_cast<double>(most);
    const double width = 100.0 / static_cast<double>(h.counts.size());
    append(html, "<rect class=\"other\" x=\"%.2f%%\" y=\"%.2f%%\" width=\"%.2f%%\" height=\"%.2f%%\"/>\n",
           width * static_cast<double>(i) + 0.1, 100 - height, width - 0.2, height);
  }
  for (const double p : {t.tpot_ms.p50, t.tpot_ms.p95, t.tpot_ms.p99}) {
    const double x = percent_between(p, from, to);
    append(html, "<line class=\"mark\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"100%%\"/>\n", x, x);
  }
  append(html, "</svg>\n<p class=\"soft\">%.3f to %.3f ms, %zu bins of %.4f ms, the fullest holds %zu tokens", from, to,
         h.counts.size(), h.width, most);
  append(html, "; dashed: p50 %.3f, p95 %.3f, p99 %.3f ms", t.tpot_ms.p50, t.tpot_ms.p95, t.tpot_ms.p99);
  if (h.above != 0) append(html, "; slower than that, and not drawn: %zu, up to %.3f ms", h.above, t.tpot_ms.max);
  html += "</p>\n";
}

inline void put_time_line(std::string& html, const TokenReport& t) {
  if (t.latencies_ms.size() < 2) return;
  const double top = 1.05 * t.tpot_ms.max;
  html += "<h3>One token after another</h3>\n<svg style=\"height:8rem\" viewBox=\"0 0 1000 100\" "
          "preserveAspectRatio=\"none\" role=\"img\"><title>Token times in order</title>\n<polygon class=\"series\" "
          "points=\"0,100 ";
  const double step = 1000.0 / static_cast<double>(t.latencies_ms.size() - 1);
  for (std::size_t i = 0; i < t.latencies_ms.size(); ++i)
    append(html, "%.1f,%.2f ", step * static_cast<double>(i), 100 - percent_between(t.latencies_ms[i], 0, top));
  append(html, "1000,100\"/>\n</svg>\n<p class=\"soft\">From the first measured token to number %zu, bottom 0, top %.3f ms.</p>\n",
         t.latencies_ms.size(), top);
}

inline void put_contexts(std::string& html, const std::vector<ContextPoint>& contexts) {
  if (contexts.empty()) return;
  html += "<h2>A longer context</h2>\n<p class=\"soft\">A token reads the same weights at every length, and the keys "
          "and values of every position that it looks at. The ceiling is both at the replay roof.</p>\n"
          "<svg class=\"chart\" viewBox=\"0 0 920 375\" role=\"img\">"
          "<title>Time of a token against its context</title>\n";
  draw_contexts(html, contexts);
  html += "</svg>\n<div class=\"wide\"><table><thead><tr><th>positions</th><th>tokens</th><th>KV MB</th>"
          "<th>ceiling ms</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>% roof</th><th>attention ms</th></tr></thead><tbody>\n";
  for (const ContextPoint& c : contexts) {
    const TokenReport& t = c.generation.token;
    append(html, "<tr><td>%zu</td><td>%zu</td><td>%.3f</td><td>%.3f</td><td>%.3f</td>", c.context, t.tokens,
           mega(c.kv_bytes()), c.ceiling_ms(), t.tpot_ms.p50);
    append(html, "<td>%.3f</td><td>%.3f</td><td>%.1f</td><td>%.3f</td></tr>\n", t.tpot_ms.p95, t.tpot_ms.p99,
           c.roof_pct(), c.kv_ms());
  }
  html += "</tbody></table></div>\n";
}

inline void put_first_token(std::string& html, const RooflineReport& r) {
  const FirstToken& f = r.ttft_ms;
  html += "<h2>The prompt and the first token</h2>\n";
  Waterfall bars(html, f.total);
  bars.part("start of the process", "lost", f.total - f.load - f.tokenize - f.prompt - f.sample);
  bars.part("load", "other", f.load);
  bars.part("tokenize", "join", f.tokenize);
  bars.part("prompt", "ideal", f.prompt);
  bars.part("first sample", "excess", f.sample);
  const TokenReport& t = r.prompt.token;
  if (t.tokens == 0) return;
  append(html, "<h3>The prompt against the roofs</h3>\n<p>%zu tokens with %zu threads in %.3f ms: %.1f tokens/s. Ideal is, kernel "
         "by kernel, the longer of its bytes at the replay roof and its arithmetic at its rate in cache.</p>\n",
         r.provenance.prompt_tokens, r.prompt_threads, t.wall_ms, prompt_rate(r));
  put_split(html, r.prompt, "ideal (bytes or arithmetic)");
  put_kernels(html, r.prompt.kernels, {});
}

inline void put_memory(std::string& html, const MemoryParts& m, const PageReport& pages) {
  html += "<h2>Memory</h2>\n";
  const std::pair<const char*, std::uint64_t> parts[] = {
      {"weights (the mapped file)", m.weights}, {"keys and values", m.kv}, {"arena", m.arena}, {"other", m.other()}};
  double at = 0;
  for (const auto& [name, bytes] : parts) {
    const double share = m.peak != 0 ? static_cast<double>(bytes) / static_cast<double>(m.peak) : 0;
    put_bar(html, "row", name, "other", at, at + share, formatted("%.1f MB, %.1f %%", mega(bytes), 100 * share));
    at += share;
  }
  put_bar(html, "row", "peak resident set", "whole", 0, 1, formatted("%.1f MB", mega(m.peak)));
  if (pages.known()) put(html, "<p>Pages: ", pages_text(pages), ".</p>\n");
}

inline void put_predictions(std::string& html, const RooflineReport& r) {
  const bool stated = r.stated_gbps > 0;
  html += "<h2>Other formats, other machines</h2>\n<p class=\"soft\">A token takes at least its bytes divided by the bandwidth: "
          "weights with their scales, the output matrix, keys and values. These are ceilings, not measurements.</p>\n"
          "<div class=\"wide\"><table><thead><tr><th>format</th><th>MB a token</th>";
  append(html, "<th>at %.1f GB/s (%s)</th>", predict_gbps(r), stated ? "given" : "replay roof here");
  for (const Device& d : kDevices) {
    put(html, "<th>", d.name, formatted(", %.1f GB/s</th>", d.usable_gbps()));
  }
  html += "</tr></thead><tbody>\n";
  for (const Prediction& p : r.predict) {
    append(html, "<tr><td>%s%s</td><td>%.3f</td><td>%.1f</td>", info(p.format).name.data(), p.kept != 0 ? " *" : "",
           mega(p.bytes_per_token), p.ceiling_tokens_per_s);
    for (const Device& d : kDevices) append(html, "<td>%.1f</td>", tokens_per_s(p.bytes_per_token, d.usable_gbps()));
    html += "</tr>\n";
  }
  html += "</tbody></table></div>\n<p class=\"soft\">In tokens/s.";
  for (const Prediction& p : r.predict)
    if (p.kept != 0) append(html, " * %s: %zu matrices stay as they are (row length).", info(p.format).name.data(), p.kept);
  html += "</p>\n<ul class=\"soft\">\n";
  for (const Device& d : kDevices) put(html, "<li>", std::string(d.name) + ": " + d.source, "</li>\n");
  html += "</ul>\n";
}

inline void put_energy(std::string& html, const RooflineReport& r) {
  html += "<h2>Energy</h2>\n";
  if (r.energy.source.empty()) return put(html, "<p>Not available here: ", r.energy.why, "</p>\n");
  const double joules = r.energy.joules / static_cast<double>(std::max<std::size_t>(r.generation.token.tokens, 1));
  put(html, formatted("<p>%.3f J a token (", joules), r.energy.domain + ": " + r.energy.source, ")</p>\n");
}

inline void put_thermal(std::string& html, const Thermal& t) {
  html += "<h2>Temperature</h2>\n";
  if (!t.known()) return put(html, "<p>Not available here: ", kNoThermal, "</p>\n");
  html += "<ul>\n";
  for (const Temperature& after : t.after) {
    const Temperature* before = zone_in(t.before, after.zone);
    put(html, "<li>", after.zone, formatted(" %.1f &rarr; ", before != nullptr ? before->celsius : after.celsius));
    html += formatted("%.1f &deg;C</li>\n", after.celsius);
  }
  if (t.clock_after.mhz > 0) append(html, "<li>CPUs %.0f &rarr; %.0f of %.0f MHz</li>\n", t.clock_before.mhz,
                                    t.clock_after.mhz, t.clock_after.max_mhz);
  html += "</ul>\n";
}

inline void put_provenance(std::string& html, const RooflineReport& r) {
  const Provenance& p = r.provenance;
  const std::pair<const char*, std::string> lines[] = {
      {"edgek", p.version + ", commit " + p.commit + ", " + p.compiler},
      {"CPU", p.cpu + ", " + std::to_string(p.cores) + " cores, governor " + p.governor},
      {"kernels", p.target + ", " + std::to_string(p.threads) + " threads"},
      {"model", p.model_file + ", " + std::to_string(p.model_bytes) + " bytes, " + p.architecture + ", " + p.quantization},
      {"tokens", std::to_string(p.prompt_tokens) + " of prompt, then " + std::to_string(r.generation.token.tokens) +
                     " measured; " + std::to_string(p.context_tokens) + " positions at the end"},
      {"read loop", to_string(r.roofs.loop) + "; replay: " + to_string(r.roofs.replay.loop)},
      {"read roofs", battery_text(r.roofs)},
      {"time", p.time}};
  html += "<h2>Where these numbers come from</h2>\n<dl>\n";
  for (const auto& [name, text] : lines) {
    if (text.empty()) continue;
    put(html, "<dt>", name, "</dt>");
    put(html, "<dd>", text, "</dd>\n");
  }
  put(html, "<dt>command</dt><dd><code>", p.command, "</code></dd>\n</dl>\n");
}

}  // namespace detail

/// The report as one HTML file that needs nothing else: no script, no network. Follows the reader's light or
/// dark preference, and reads on paper and on a phone.
inline std::string to_html(const RooflineReport& r) {
  std::string html = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n";
  detail::put(html, "<title>", "Roofline of " + r.provenance.model_file, "</title>\n");
  html.append(detail::kPageStyle).append("</head><body>\n");
  detail::put_heading(html, r);
  html += "<h2>Where a token's time went</h2>\n";
  detail::append(html, "<p class=\"soft\">Mean of %zu tokens at a context of %.0f positions.</p>\n", r.generation.token.tokens,
                 r.context);
  detail::put_split(html, r.generation, "ideal (bytes at the replay roof)");
  const std::vector<detail::Dot> dots = detail::dots_of(r);
  detail::put_chart(html, r, dots);
  detail::put_kernels(html, r.generation.kernels, dots);
  html += "<h2>From token to token</h2>\n";
  detail::put_histogram(html, r.generation.token);
  detail::put_time_line(html, r.generation.token);
  detail::put_contexts(html, r.contexts);
  detail::put_first_token(html, r);
  detail::put_memory(html, r.rss_bytes, r.pages);
  detail::put_predictions(html, r);
  detail::put_energy(html, r);
  detail::put_thermal(html, r.thermal);
  detail::put_provenance(html, r);
  return html + "</body></html>\n";
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_HTML_HPP_
