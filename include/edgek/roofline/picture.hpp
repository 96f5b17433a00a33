#ifndef EDGEK_ROOFLINE_PICTURE_HPP_
#define EDGEK_ROOFLINE_PICTURE_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/roofline/report.hpp"
#include "edgek/roofline/table.hpp"

namespace edgek {

namespace detail {

/// Text fit for an XML document.
inline std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : to_valid_utf8(text)) {
    if (c == '<') out += "&lt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

/// The log-log plane: flops per byte to the right, GFLOP/s upwards, whole decades.
class Plane {
 public:
  static constexpr double kLeft = 70, kRight = 880, kTop = 70, kBottom = 480;

  Plane(double min_x, double max_x, double min_y, double max_y) noexcept
      : x0_(std::floor(std::log10(min_x))), x1_(std::ceil(std::log10(max_x))), y0_(std::floor(std::log10(min_y))),
        y1_(std::ceil(std::log10(max_y))) {
    x1_ = std::max(x1_, x0_ + 1), y1_ = std::max(y1_, y0_ + 1);
  }
  double x(double intensity) const noexcept {
    return kLeft + (std::log10(intensity) - x0_) / (x1_ - x0_) * (kRight - kLeft);
  }
  double y(double gflops) const noexcept {
    return kBottom - (std::log10(gflops) - y0_) / (y1_ - y0_) * (kBottom - kTop);
  }
  double min_x() const noexcept { return std::pow(10, x0_); }
  double max_x() const noexcept { return std::pow(10, x1_); }
  double min_y() const noexcept { return std::pow(10, y0_); }
  double max_y() const noexcept { return std::pow(10, y1_); }
  int first_x() const noexcept { return static_cast<int>(x0_); }
  int last_x() const noexcept { return static_cast<int>(x1_); }
  int first_y() const noexcept { return static_cast<int>(y0_); }
  int last_y() const noexcept { return static_cast<int>(y1_); }

 private:
  double x0_, x1_, y0_, y1_;
};

/// One kernel in the plane.
struct Dot {
  std::string label;
  double intensity = 0, gflops = 0;
  double ms = 0;
};

/// "matvec Q4_0", "attention"
inline std::string name_of(const KernelReport& k) {
  return k.op + (k.has_format ? " " + std::string(info(k.format).name) : std::string());
}

inline std::vector<Dot> dots_of(const RooflineReport& r) {
  std::vector<Dot> dots;
  for (const KernelReport& k : r.generation.kernels) {
    if (k.traffic.flops == 0 || k.traffic.bytes() == 0 || k.ms <= 0) continue;
    dots.push_back({name_of(k), static_cast<double>(k.traffic.flops) / static_cast<double>(k.traffic.bytes()),
                    2 * k.gmacs, k.ms});
  }
  return dots;
}

inline Plane plane_of(const RooflineReport& r, const std::vector<Dot>& dots) {
  double min_x = 0.5, max_x = 20, min_y = 10, max_y = 100;
  for (const Dot& d : dots) {
    min_x = std::min(min_x, d.intensity), max_x = std::max(max_x, d.intensity);
    min_y = std::min(min_y, d.gflops), max_y = std::max(max_y, d.gflops);
  }
  for (const auto& [unit, gmacs] : r.peak_gmacs) max_y = std::max(max_y, 2 * gmacs);
  return Plane(min_x, max_x, min_y, max_y);
}

inline void draw_text(std::string& svg, double x, double y, const char* style, std::string_view text) {
  append(svg, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, style);
  svg += xml_escaped(text) + "</text>\n";
}

inline void draw_line(std::string& svg, const char* style, double x0, double y0, double x1, double y1) {
  append(svg, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", style, x0, y0, x1, y1);
}

inline void draw_axes(std::string& svg, const Plane& p) {
  for (int e = p.first_x(); e <= p.last_x(); ++e) {
    const double x = p.x(std::pow(10, e));
    draw_line(svg, "grid", x, Plane::kTop, x, Plane::kBottom);
    draw_text(svg, x, Plane::kBottom + 18, "tick mid", formatted("%g", std::pow(10, e)));
  }
  for (int e = p.first_y(); e <= p.last_y(); ++e) {
    const double y = p.y(std::pow(10, e));
    draw_line(svg, "grid", Plane::kLeft, y, Plane::kRight, y);
    draw_text(svg, Plane::kLeft - 8, y + 4, "tick end", formatted("%g", std::pow(10, e)));
  }
  draw_text(svg, (Plane::kLeft + Plane::kRight) / 2, Plane::kBottom + 38, "tick mid", "flops per byte moved");
  draw_text(svg, Plane::kLeft - 55, Plane::kTop - 16, "tick", "GFLOP/s");
}

/// A slanted roof: y = bandwidth * x, inside the plane. Its name stands left of it, `along` of the way up.
inline void draw_bandwidth(std::string& svg, const Plane& p, double gbps, const std::string& label,
                           const char* style, double along = 1) {
  if (gbps <= 0) return;
  const double x0 = std::max(p.min_x(), p.min_y() / gbps), x1 = std::min(p.max_x(), p.max_y() / gbps);
  if (x0 >= x1) return;
  draw_line(svg, style, p.x(x0), p.y(gbps * x0), p.x(x1), p.y(gbps * x1));
  const double x = std::pow(x0, 1 - along) * std::pow(x1, along);
  draw_text(svg, p.x(x) - 10, p.y(gbps * x) + 12, "roof end", label);
}

/// Level roofs, highest first; where two lie closer than a line of text, only the upper one has room for its name.
inline void draw_peaks(std::string& svg, const RooflineReport& r, const Plane& p) {
  constexpr double kLineOfText = 20;
  std::vector<std::pair<std::string, double>> peaks = r.peak_gmacs;
  std::sort(peaks.begin(), peaks.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  double last = -kLineOfText;
  for (const auto& [unit, gmacs] : peaks) {
    if (gmacs <= 0) continue;
    const double y = p.y(2 * gmacs);
    draw_line(svg, "compute", Plane::kLeft, y, Plane::kRight, y);
    if (y - last < kLineOfText) continue;
    draw_text(svg, Plane::kRight - 4, y - 5, "roof end", unit + formatted(" %.0f", 2 * gmacs));
    last = y;
  }
}

inline void draw_roofs(std::string& svg, const RooflineReport& r, const Plane& p) {
  draw_bandwidth(svg, p, r.roofs.replay.gbps, formatted("replay %.1f GB/s", r.roofs.replay.gbps), "main");
  draw_bandwidth(svg, p, r.roofs.l2_gbps, formatted("L2 %.0f GB/s", r.roofs.l2_gbps), "cache", 0.6);
  draw_bandwidth(svg, p, r.roofs.l1_gbps, formatted("L1 %.0f GB/s", r.roofs.l1_gbps), "cache", 0.85);
  // Those beside the replay roof, which is one of them or close: a line, no text over its text.
  draw_bandwidth(svg, p, r.roofs.dram_gbps, "", "cache");
  draw_bandwidth(svg, p, r.roofs.l3_gbps, "", "cache");
  draw_peaks(svg, r, p);
}

/// The ridge: where the replay roof meets the arithmetic of the kernel that reads most weights.
inline void draw_ridge(std::string& svg, const RooflineReport& r, const Plane& p) {
  if (r.peak_gmacs.empty() || r.peak_gmacs.front().second <= 0 || r.roofs.replay.gbps <= 0) return;
  const double gflops = 2 * r.peak_gmacs.front().second, intensity = gflops / r.roofs.replay.gbps;
  if (intensity > p.max_x() || intensity < p.min_x()) return;
  append(svg, "<circle class=\"ridge\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"/>\n", p.x(intensity), p.y(gflops));
  const std::string name = formatted("ridge %.1f flops per byte", intensity);
  // Below the roofs, where nothing is drawn, if the plane is wide enough there for the largest text of a phone.
  if (p.x(intensity) < 600) draw_text(svg, p.x(intensity) + 12, p.y(gflops) + 24, "roof", name);
  else draw_text(svg, p.x(intensity) + 2, p.y(gflops) - 12, "roof end", name);
}

/// One dot for each kernel; named beside it, or `numbered` in the order of the list.
inline void draw_dots(std::string& svg, const std::vector<Dot>& dots, const Plane& p, bool numbered) {
  double longest = 0;
  for (const Dot& d : dots) longest = std::max(longest, d.ms);
  for (std::size_t i = 0; i < dots.size(); ++i) {
    const Dot& d = dots[i];
    const double x = p.x(d.intensity), y = p.y(d.gflops);
    const double radius = 4 + 8 * std::sqrt(d.ms / longest);
    append(svg, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", x, y, radius);
    if (numbered) draw_text(svg, x, y + radius + 16, "number", std::to_string(i + 1));
    else if (d.ms > 0.02 * longest) draw_text(svg, x + 14, y + 4, "name", d.label + formatted(", %.3f ms", d.ms));
  }
}

/// The number that draw_dots() gives a kernel; "" where it has no dot.
inline std::string number_of(const std::vector<Dot>& dots, std::string_view label) {
  for (std::size_t i = 0; i < dots.size(); ++i)
    if (dots[i].label == label) return std::to_string(i + 1);
  return {};
}

inline constexpr std::string_view kPictureStyle =
    "<style>text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:16px;font-weight:600}"
    ".tick,.roof{font-size:11px;fill:#555}.mid{text-anchor:middle}.end{text-anchor:end}"
    ".grid{stroke:#ddd}.main{stroke:#c33;stroke-width:2.5}.cache{stroke:#c33;stroke-dasharray:5 4}"
    ".compute{stroke:#36c;stroke-dasharray:5 4}.ridge{fill:none;stroke:#222;stroke-width:2}.dot{fill:#167d4a;fill-opacity:.75;stroke:#fff}.page{fill:#fff}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.tick,.roof{fill:#aaa}.grid{stroke:#383838}.page{fill:#161616}"
    ".main,.cache{stroke:#f66}.compute{stroke:#7af}.ridge{stroke:#eee}.dot{fill:#3c9;stroke:#161616}}</style>\n";

}  // namespace detail

/// The roofline as one SVG file that needs nothing else: measured roofs, and one dot per kernel whose area
/// is its time in a token. Follows the reader's light or dark preference.
inline std::string to_svg(const RooflineReport& r) {
  using detail::draw_text, detail::formatted;
  const std::vector<detail::Dot> dots = detail::dots_of(r);
  const detail::Plane plane = detail::plane_of(r, dots);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 920 560\" role=\"img\">\n";
  svg += detail::kPictureStyle;
  svg += "<rect class=\"page\" width=\"920\" height=\"560\"/>\n";
  draw_text(svg, 15, 24, "title", "Where a token's kernels stand: " + r.provenance.model_file);
  const TokenReport& token = r.generation.token;
  std::string where = r.provenance.cpu + ", " + r.provenance.target + ", ";
  where += std::to_string(r.provenance.threads) + " threads, ";
  where += formatted("%.1f tokens/s of a ceiling of %.1f", token.wall_ms > 0 ? 1e3 / token.wall_ms : 0.0,
                     token.ceiling_ms > 0 ? 1e3 / token.ceiling_ms : 0.0);
  draw_text(svg, 15, 44, "tick", where);
  detail::draw_axes(svg, plane);
  detail::draw_roofs(svg, r, plane);
  detail::draw_ridge(svg, r, plane);
  detail::draw_dots(svg, dots, plane, false);
  draw_text(svg, 15, 550, "tick", "edgek " + r.provenance.version + ", " + r.provenance.time +
                                      "; roofs measured in the same process with the same threads");
  return svg + "</svg>\n";
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_PICTURE_HPP_
