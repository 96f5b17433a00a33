#ifndef EDGEK_ROOFLINE_CONTEXT_CHART_HPP_
#define EDGEK_ROOFLINE_CONTEXT_CHART_HPP_

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "edgek/roofline/context_sweep.hpp"
#include "edgek/roofline/picture.hpp"
#include "edgek/roofline/table.hpp"

// A token's time against the length of its context, as a part of an SVG picture whose styles the page gives.

namespace edgek::detail {

/// A distance between ticks of 1, 2 or 5 times a power of ten, at most `most` of which fit in `length`.
inline double tick_step(double length, int most) noexcept {
  if (!(length > 0)) return 1;
  const double least = length / most, decade = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * decade >= least) return factor * decade;
  return 10 * decade;
}

/// Both axes linear from 0: positions to the right, milliseconds upwards.
struct ContextPlane {
  static constexpr double kLeft = 70, kRight = 880, kTop = 40, kBottom = 300;
  double max_context, max_ms;

  double x(double context) const noexcept { return kLeft + context / max_context * (kRight - kLeft); }
  double y(double ms) const noexcept { return kBottom - ms / max_ms * (kBottom - kTop); }
};

inline void draw_context_axes(std::string& svg, const ContextPlane& p) {
  const double step = tick_step(p.max_ms, 5);
  for (double ms = 0; ms <= p.max_ms; ms += step) {
    draw_line(svg, "grid", ContextPlane::kLeft, p.y(ms), ContextPlane::kRight, p.y(ms));
    draw_text(svg, ContextPlane::kLeft - 8, p.y(ms) + 4, "tick end", formatted("%g", ms));
  }
  const double positions = tick_step(p.max_context, 5);
  for (double context = 0; context <= p.max_context; context += positions)
    draw_text(svg, p.x(context), ContextPlane::kBottom + 22, "tick mid", formatted("%g", context));
  draw_text(svg, ContextPlane::kLeft - 55, ContextPlane::kTop - 14, "tick", "ms a token");
  draw_text(svg, (ContextPlane::kLeft + ContextPlane::kRight) / 2, ContextPlane::kBottom + 58, "tick mid",
            "positions that a token looks at");
}

/// One value of every point, joined.
template <typename Value>
void draw_curve(std::string& svg, const std::vector<ContextPoint>& points, const ContextPlane& p, const char* style,
                Value&& value) {
  append(svg, "<polyline class=\"curve %s\" points=\"", style);
  for (const ContextPoint& c : points) append(svg, "%.1f,%.1f ", p.x(static_cast<double>(c.context)), p.y(value(c)));
  svg += "\"/>\n";
}

/// Measured times with their dots, and the ceiling under them.
inline void draw_contexts(std::string& svg, const std::vector<ContextPoint>& points) {
  if (points.empty()) return;
  const ContextPlane plane{static_cast<double>(std::max<std::size_t>(longest_context(points), 1)),
                           std::max(1.1 * longest_ms(points), 1e-9)};
  draw_context_axes(svg, plane);
  draw_curve(svg, points, plane, "main", [](const ContextPoint& c) { return c.ceiling_ms(); });
  draw_curve(svg, points, plane, "measured", [](const ContextPoint& c) { return c.tpot_ms(); });
  for (const ContextPoint& c : points)
    append(svg, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"/>\n", plane.x(static_cast<double>(c.context)),
           plane.y(c.tpot_ms()));
  const ContextPoint& last = points.back();
  const double x = plane.x(static_cast<double>(last.context));
  draw_text(svg, x, plane.y(last.tpot_ms()) - 12, "name end", formatted("measured, p50 %.2f ms", last.tpot_ms()));
  draw_text(svg, x, plane.y(last.ceiling_ms()) + 34, "roof end", formatted("ceiling %.2f ms", last.ceiling_ms()));
}

}  // namespace edgek::detail

#endif  // EDGEK_ROOFLINE_CONTEXT_CHART_HPP_
