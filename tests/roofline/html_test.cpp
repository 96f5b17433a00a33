#include "edgek/roofline/html.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/roofline/sample_report.hpp"

namespace edgek {
namespace {

/// What is wrong with the nesting of tags; "" when every one is closed in turn. Knows the tags that stay open.
std::string nesting_error(std::string_view html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string_view::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string_view::npos) return "a tag without an end";
    const std::string_view tag = html.substr(at + 1, end - at - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" \n")));
    if (name == "!DOCTYPE" || name == "meta" || tag.ends_with('/')) continue;
    if (name.front() != '/') {
      open.push_back(name);
      continue;
    }
    if (open.empty() || open.back() != name.substr(1)) return name + " closes " + (open.empty() ? "nothing" : open.back());
    open.pop_back();
  }
  return open.empty() ? "" : open.back() + " stays open";
}

TEST(Html, ShowsEnergyAndHeat) {
  const std::string page = to_html(testing::report_of_a_board());
  EXPECT_NE(page.find("CPUs 2400 &rarr; 1500 of 2400 MHz"), std::string::npos);
  EXPECT_NE(page.find("cpu-thermal 48.5 &rarr; 51.2 &deg;C"), std::string::npos);
  EXPECT_NE(page.find("whole board: hwmon ina3221 VDD_IN"), std::string::npos);
}

TEST(Html, EveryTagIsClosed) { EXPECT_EQ(nesting_error(to_html(testing::sample_report())), ""); }

TEST(Html, TheCheckFindsWhatIsOpen) {
  EXPECT_EQ(nesting_error("<p><b>x</b></p>"), "");
  EXPECT_EQ(nesting_error("<p><b>x</p></b>"), "/p closes b");
  EXPECT_EQ(nesting_error("<p>"), "p stays open");
}

TEST(Html, NeedsNothingElse) {
  const std::string html = to_html(testing::sample_report());
  for (const char* outside : {"<script", "href", "src=", "url(", "@import", "http:", "https:", "<link", "onload"})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
}

TEST(Html, ShowsEveryPart) {
  const std::string html = to_html(testing::sample_report());
  for (const char* part :
       {"ideal (bytes at the replay roof)", "excess of kernels", "fork, join, imbalance", "sample", "unattributed", "wall",
        "Histogram", "One token after another", "The prompt against the roofs", "keys and values", "Raspberry Pi 5",
        "no sensor", "edgek roofline 'a &lt;model>.gguf'", "GB/s", "prefers-color-scheme:dark", "@media print"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
}

TEST(Html, DrawsTheContexts) {
  const std::string html = to_html(testing::sample_report());
  EXPECT_NE(html.find("A longer context"), std::string::npos);
  EXPECT_NE(html.find("<polyline class=\"curve measured\""), std::string::npos);
  EXPECT_EQ(to_html(RooflineReport()).find("A longer context"), std::string::npos);
}

TEST(ContextChart, TicksAreRoundAndFew) {
  EXPECT_EQ(detail::tick_step(4096, 5), 1000);
  EXPECT_EQ(detail::tick_step(1, 5), 0.2);
  EXPECT_EQ(detail::tick_step(9.9, 5), 2);
  EXPECT_EQ(detail::tick_step(0, 5), 1);
  for (double length = 0.003; length < 1e6; length *= 1.7)
    EXPECT_LE(length / detail::tick_step(length, 5), 5 + 1e-9) << length;
}

TEST(Html, NumbersAreNumbers) {
  for (const RooflineReport& r : {testing::sample_report(), RooflineReport()}) {
    const std::string html = to_html(r);
    EXPECT_EQ(html.find(">nan"), std::string::npos);
    EXPECT_EQ(html.find("\"nan"), std::string::npos);
    EXPECT_EQ(html.find("inf "), std::string::npos);
    EXPECT_EQ(nesting_error(html), "");
  }
}

}  // namespace
}  // namespace edgek
