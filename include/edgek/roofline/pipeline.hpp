#ifndef EDGEK_ROOFLINE_PIPELINE_HPP_
#define EDGEK_ROOFLINE_PIPELINE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "edgek/measure/clock.hpp"
#include "edgek/measure/json_writer.hpp"

namespace edgek {

/// One step of what a user waits for: speech recognition, a search, a prompt.
struct Stage {
  std::string name;
  double budget_ms = 0;  ///< that it should keep to; 0: none was set
  double ms = 0;         ///< that it took
  std::string absent;    ///< why it did not run; "": it did

  bool over() const noexcept { return budget_ms > 0 && ms > budget_ms; }
};

/// The time to a first answer as a sum: a voice turn (voice activity, recognition, prompt, first sentence, speech), or
/// a question about documents (embed, search, rerank, generate). Stages run one after the other; what a stage does on
/// the side is its own business. Belongs to one thread.
///
///   Pipeline turn;
///   const std::string heard = turn.run("recognition", 300, [&] { return recognize(audio); });
///   turn.absent("reranker", 50, "no model");
///   std::puts(to_table(turn).c_str());
class Pipeline {
 public:
  /// Times fn() as the next stage, and returns what it returns.
  template <typename Fn>
  auto run(std::string name, double budget_ms, Fn&& fn) {
    stages_.push_back({std::move(name), budget_ms, 0, {}});
    const std::size_t index = stages_.size() - 1;  // fn may add stages of its own
    const Timer timer{*this, index, now_ns()};
    return std::forward<Fn>(fn)();
  }
  /// A stage that was timed elsewhere.
  void add(std::string name, double budget_ms, double ms) { stages_.push_back({std::move(name), budget_ms, ms, {}}); }
  /// A stage that this machine lacks: it takes no time, and the report says why.
  void absent(std::string name, double budget_ms, std::string why) {
    stages_.push_back({std::move(name), budget_ms, 0, std::move(why)});
  }

  const std::vector<Stage>& stages() const noexcept { return stages_; }

  /// Sums over all stages: what the user waited, and what the budgets allow.
  double total_ms() const noexcept {
    double sum = 0;
    for (const Stage& s : stages_) sum += s.ms;
    return sum;
  }
  double budget_ms() const noexcept {
    double sum = 0;
    for (const Stage& s : stages_) sum += s.budget_ms;
    return sum;
  }
  bool over() const noexcept { return budget_ms() > 0 && total_ms() > budget_ms(); }

 private:
  /// Ends a stage, even one that throws.
  struct Timer {
    Pipeline& pipeline;
    std::size_t index;
    std::uint64_t start;
    ~Timer() { pipeline.stages_[index].ms = to_ms(now_ns() - start); }
  };

  std::vector<Stage> stages_;
};

namespace detail {

/// A line of a time line: blanks up to where the stage begins, then a mark for each of its parts.
inline std::string stage_bar(double begin_ms, double ms, double total_ms) {
  constexpr double kWidth = 40;
  const double scale = total_ms > 0 ? kWidth / total_ms : 0;
  // Stages timed elsewhere may bring negative times or NaN, which have no column.
  const auto column = [&](double at_ms) {
    const double at = at_ms * scale;
    return at > 0 ? static_cast<std::size_t>(std::min(at, kWidth)) : 0;
  };
  const std::size_t from = column(begin_ms), to = std::max(column(begin_ms + ms), from);
  return std::string(from, ' ') + std::string(std::max<std::size_t>(to - from, ms > 0 ? 1 : 0), '#');
}

}  // namespace detail

/// The time line as text: a line for each stage, and their sum.
inline std::string to_table(const Pipeline& p) {
  std::string out;
  char line[160];
  double begin = 0;
  const auto add = [&](const std::string& name, double ms, double budget, const std::string& bar) {
    std::snprintf(line, sizeof line, "  %-24.24s %10.1f ms", name.c_str(), ms);
    out += line;
    if (budget > 0) std::snprintf(line, sizeof line, " of %8.1f%s", budget, ms > budget ? " OVER " : "      ");
    else std::snprintf(line, sizeof line, "%18s", "");
    out.append(line).append(" |").append(bar).append("\n");
  };
  for (const Stage& s : p.stages()) {
    const bool ran = s.absent.empty();
    add(s.name, s.ms, s.budget_ms, ran ? detail::stage_bar(begin, s.ms, p.total_ms()) : "absent: " + s.absent);
    begin += s.ms;
  }
  add("time to the first answer", p.total_ms(), p.budget_ms(), std::string(p.total_ms() > 0 ? 40 : 0, '='));
  return out;
}

/// The same as members of an object that `json` is in: stages [{name, begin_ms, ms, budget_ms, over, absent}],
/// total_ms, budget_ms (null: none was set).
inline void write(JsonWriter& json, const Pipeline& p) {
  const auto budget = [&](double ms) { ms > 0 ? json.member("budget_ms", ms) : json.key("budget_ms").null(); };
  json.key("stages").begin_array();
  double begin = 0;
  for (const Stage& s : p.stages()) {
    json.begin_object().member("name", s.name).member("begin_ms", begin).member("ms", s.ms);
    budget(s.budget_ms);
    json.member("over", s.over());
    s.absent.empty() ? json.key("absent").null() : json.member("absent", s.absent);
    json.end_object();
    begin += s.ms;
  }
  json.end_array().member("total_ms", p.total_ms());
  budget(p.budget_ms());
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_PIPELINE_HPP_
