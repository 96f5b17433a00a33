#ifndef EDGEK_ROOFLINE_ATTRIBUTION_HPP_
#define EDGEK_ROOFLINE_ATTRIBUTION_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "edgek/core/format.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/measure/percentiles.hpp"
#include "edgek/measure/recording_ledger.hpp"
#include "edgek/roofline/peak.hpp"
#include "edgek/roofline/replay.hpp"

namespace edgek {

/// What the machine can do, measured in this process with the threads in use.
struct Roofs {
  double dram_gbps = 0, l3_gbps = 0, l2_gbps = 0, l1_gbps = 0;  ///< best of the battery; 0: no such level
  ReadLoop loop;               ///< the best loop at the level of the weights
  std::string battery_time;    ///< UTC, when the loops were compared; "": not known
  bool battery_cached = false; ///< compared by an earlier process: this one measured the winners alone
  Replay replay;               ///< of the model's own bytes
  const char* level = "dram";  ///< where the weights are read from, token after token
  std::vector<UnitPeak> peaks;
};

/// One kernel, mean over the tokens of the ledger: calls, bytes and times are per token.
struct KernelReport {
  std::string op, target;
  Format format = Format::kF32;
  bool has_format = false;   ///< whether it reads weights at all
  double calls = 0;
  Traffic traffic;           ///< rounded to whole bytes
  double ms = 0;             ///< as the caller of the op sees it: ideal + excess + fork_join
  double ideal_ms = 0;       ///< see Ideal
  double excess_ms = 0;      ///< kernel time above that (below 0: faster than the roof)
  double fork_join_ms = 0;   ///< starting threads, waiting for the slowest of them
  double gbps = 0;           ///< all of its bytes / ms
  double gmacs = 0;          ///< 10^9 multiply-adds a second
  double roof_pct = 0;       ///< of the roof that binds it
  std::string binds;         ///< "dram", "l3", "l2", "compute" or "latency"
  std::string why;           ///< the same in words
};

/// Something timed and named that streams no bytes: sampling, a norm without weights, ...
struct OtherItem {
  std::string name;
  double ms = 0;
};

/// What a kernel could have taken at best.
enum class Ideal {
  kStreams,  ///< its streamed bytes at the replay roof: what generating is judged by
  kRoofs,    ///< the longer of that and its arithmetic at its peak: what prompts are judged by
};

/// Where the time of a token went: means over the tokens of a ledger.
struct TokenReport {
  std::size_t tokens = 0;
  Traffic traffic;
  double ceiling_ms = 0;             ///< the sum of its kernels' ideal times
  Summary tpot_ms;
  std::vector<double> latencies_ms;  ///< of every token, in order
  double ideal_ms = 0, excess_ms = 0, fork_join_ms = 0, other_ms = 0;  ///< the split
  std::vector<OtherItem> items;      ///< what `other` consists of
  double wall_ms = 0;                ///< by a clock outside the ops
  double unattributed_ms = 0;        ///< wall - split
  std::size_t dropped = 0;           ///< records that found no room: not 0 means that the split is incomplete

  double split_ms() const noexcept { return ideal_ms + excess_ms + fork_join_ms + other_ms; }
  double closure() const noexcept { return wall_ms == 0 ? 0 : split_ms() / wall_ms; }
};

/// A token's report and its kernels, longest first.
struct Attribution {
  TokenReport token;
  std::vector<KernelReport> kernels;
};

namespace detail {

inline double per(std::uint64_t total, std::size_t tokens) noexcept {
  return static_cast<double>(total) / static_cast<double>(tokens);
}

inline Traffic mean_traffic(const Traffic& t, std::size_t tokens) noexcept {
  const auto mean = [tokens](std::uint64_t total) { return (total + tokens / 2) / tokens; };
  Traffic m;
  m.weights = mean(t.weights), m.scales = mean(t.scales), m.activations = mean(t.activations);
  m.kv_read = mean(t.kv_read), m.kv_write = mean(t.kv_write), m.flops = mean(t.flops);
  return m;
}

/// Arithmetic roof of the kernel that ran, 0 when none was measured.
inline double peak_of(const Roofs& roofs, const KernelTotals& k, Unit unit) noexcept {
  for (const UnitPeak& p : roofs.peaks)
    if (p.format == k.format && p.unit == unit) return p.gmacs;
  return 0;
}

inline std::string formatted(const char* format, double a, double b = 0) {
  char text[160];
  const int length = std::snprintf(text, sizeof text, format, a, b);
  return std::string(text, static_cast<std::size_t>(std::clamp(length, 0, static_cast<int>(sizeof text) - 1)));
}

/// The likeliest reason for standing below the roof, from what was counted.
inline std::string reason(const KernelReport& k, std::size_t min_cols) {
  const double megabytes = static_cast<double>(streamed_bytes(k.traffic)) / std::max(k.calls, 1.0) * 1e-6;
  if (k.fork_join_ms > 0.15 * k.ms)
    return formatted("starting and joining threads takes %.0f %% at %.2f MB a call", 100 * k.fork_join_ms / k.ms,
                     megabytes);
  if (k.has_format && row_bytes(k.format, min_cols) < 2048)
    return formatted("short rows (%.0f bytes)", static_cast<double>(row_bytes(k.format, min_cols)));
  if (megabytes < 0.25) return formatted("little to read at a time (%.3f MB a call)", megabytes);
  return "the loop itself";
}

/// Decides which roof binds a kernel and says why. Neither roof explains half of its time: latency.
inline void bind(KernelReport& k, const Roofs& roofs, double stream_ms, double compute_ms, std::size_t min_cols) {
  const double roof_ms = std::max(stream_ms, compute_ms);
  k.roof_pct = k.ms > 0 ? 100 * roof_ms / k.ms : 0;
  if (roof_ms == 0) {
    k.binds = "latency";
    k.why = formatted("%.1f us a call, no weights, no keys", 1e3 * k.ms / std::max(k.calls, 1e-9));
  } else if (roof_ms < 0.5 * k.ms) {
    k.binds = "latency";
    k.why = "neither bytes nor arithmetic explain half of it: " + reason(k, min_cols);
  } else if (compute_ms > stream_ms) {
    k.binds = "compute";
    k.why = formatted("%.0f %% of this kernel's rate with operands in cache", k.roof_pct);
  } else {
    k.binds = roofs.level;
    k.why = formatted(k.roof_pct > 100 ? "%.0f %% above the " : "%.0f %% below the ", std::abs(100 - k.roof_pct));
    k.why += std::string(roofs.level) + " roof" + (k.roof_pct < 97 ? ": " + reason(k, min_cols) : "");
  }
}

inline KernelReport report_kernel(const KernelTotals& t, std::size_t tokens, const Roofs& roofs, Ideal ideal) {
  KernelReport k;
  k.op = t.op, k.target = t.target, k.format = t.format;
  k.has_format = t.traffic.weights + t.traffic.scales != 0;
  k.calls = per(t.calls, tokens);
  k.traffic = mean_traffic(t.traffic, tokens);
  k.ms = 1e-6 * per(t.wall_ns, tokens);
  const double work_ms = 1e-6 * per(t.work_ns, tokens);
  if (k.ms > 0) {
    k.gbps = 1e-6 * per(t.traffic.bytes(), tokens) / k.ms;
    k.gmacs = 0.5e-6 * per(t.traffic.flops, tokens) / k.ms;
  }
  const double peak = k.has_format ? peak_of(roofs, t, t.max_tokens <= 1 ? Unit::kRows : Unit::kPanel) : 0;
  const double compute_ms = peak > 0 ? k.gmacs / peak * k.ms : 0;
  const double stream_ms =
      roofs.replay.gbps > 0 ? 1e-6 * per(streamed_bytes(t.traffic), tokens) / roofs.replay.gbps : 0;
  k.ideal_ms = ideal == Ideal::kStreams ? stream_ms : std::max(stream_ms, compute_ms);
  k.excess_ms = work_ms - k.ideal_ms;
  k.fork_join_ms = k.ms - work_ms;
  bind(k, roofs, stream_ms, compute_ms, k.has_format ? t.min_cols : 0);
  return k;
}

}  // namespace detail

/// Splits the time of the ledger's tokens (a prompt counts as one): ideal, excess of each kernel above it, fork-join
/// and imbalance, and other named items. All of them are sums of recorded times, so
///   wall = ideal + excess + fork_join + other + unattributed
/// holds exactly, and unattributed is what nobody recorded. Needs at least one token; else all is 0.
inline Attribution attribute(RecordingLedger& ledger, const Roofs& roofs, Ideal ideal = Ideal::kStreams) {
  Attribution a;
  TokenReport& token = a.token;
  token.tokens = ledger.tokens().size();
  token.dropped = ledger.dropped();
  if (token.tokens == 0) return a;
  for (const TokenSpan& span : ledger.tokens()) token.latencies_ms.push_back(to_ms(span.wall_ns()));
  std::vector<double> sorted = token.latencies_ms;
  token.tpot_ms = summarize(sorted);
  token.wall_ms = token.tpot_ms.mean;
  Traffic total;
  for (const KernelTotals& t : ledger.kernels()) {
    total += t.traffic;
    KernelReport k = detail::report_kernel(t, token.tokens, roofs, ideal);
    token.fork_join_ms += k.fork_join_ms;
    if (streamed_bytes(t.traffic) == 0) {
      token.items.push_back({k.op, k.excess_ms});
      token.other_ms += k.excess_ms;
    } else {
      token.ideal_ms += k.ideal_ms;
      token.excess_ms += k.excess_ms;
    }
    a.kernels.push_back(std::move(k));
  }
  std::sort(a.kernels.begin(), a.kernels.end(),
            [](const KernelReport& x, const KernelReport& y) { return x.ms > y.ms; });
  token.traffic = detail::mean_traffic(total, token.tokens);
  token.ceiling_ms = token.ideal_ms;
  token.unattributed_ms = token.wall_ms - token.split_ms();
  return a;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_ATTRIBUTION_HPP_
