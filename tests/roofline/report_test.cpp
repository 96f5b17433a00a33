#include "edgek/roofline/report.hpp"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "edgek/roofline/picture.hpp"
#include "edgek/roofline/table.hpp"
#include "tests/roofline/sample_report.hpp"

namespace edgek {
namespace {

using testing::report_of_a_board;
using testing::sample_report;

TEST(Report, JsonHasEveryMember) {
  const nlohmann::json j = nlohmann::json::parse(to_json(sample_report()));
  EXPECT_EQ(j.at("schema"), "edgek.roofline/1");
  for (const char* key : {"version", "commit", "compiler", "cpu", "cores", "governor", "target", "threads", "model",
                          "prompt_tokens", "context_tokens", "time"})
    EXPECT_TRUE(j.at("provenance").contains(key)) << key;
  for (const char* key : {"cpu", "cores", "threads", "target", "memory_bytes", "l3_bytes"})
    EXPECT_TRUE(j.at("machine").contains(key)) << key;
  EXPECT_EQ(j.at("roofs").at("read_gbps").at("dram"), 21);
  EXPECT_TRUE(j.at("roofs").at("read_gbps").at("l1").is_null());
  EXPECT_EQ(j.at("roofs").at("peak_gmacs").at("int8 Q8_0 rows"), 60.0);
  for (const char* key : {"bytes", "ceiling_ms", "tpot_ms", "split_ms", "items", "unattributed_ms", "wall_ms",
                          "closure", "context"})
    EXPECT_TRUE(j.at("token").contains(key)) << key;
  for (const char* key : {"op", "format", "target", "calls", "bytes", "ms", "gbps", "roof_pct", "gmacs", "binds"})
    EXPECT_TRUE(j.at("kernels").at(0).contains(key)) << key;
  for (const char* key : {"load", "tokenize", "prompt", "sample", "total"})
    EXPECT_TRUE(j.at("ttft_ms").contains(key)) << key;
  EXPECT_EQ(j.at("rss_bytes").at("other"), 200);
  EXPECT_TRUE(j.at("energy").at("source").is_null());
  EXPECT_EQ(j.at("predict").size(), kPredictedFormats.size());
  EXPECT_EQ(j.at("devices").size(), kDevices.size());
  EXPECT_EQ(j.at("token").at("latencies_ms").size(), 3u);
  EXPECT_EQ(j.at("provenance").at("command"), "edgek roofline 'a <model>.gguf'");
}

TEST(Report, JsonSumsClose) {
  const nlohmann::json j = nlohmann::json::parse(to_json(sample_report()));
  const nlohmann::json& token = j.at("token");
  double split = 0;
  for (const auto& [name, ms] : token.at("split_ms").items()) split += ms.get<double>();
  const double wall = token.at("wall_ms");
  EXPECT_NEAR(split / wall, token.at("closure").get<double>(), 1e-5 * token.at("closure").get<double>());
  EXPECT_NEAR(split + token.at("unattributed_ms").get<double>(), wall, 1e-5 * split);
  double kernels = 0;
  for (const auto& k : j.at("kernels")) kernels += k.at("ms").get<double>();
  EXPECT_NEAR(kernels, split, 1e-5 * split);
  const auto& bytes = j.at("kernels").at(0).at("bytes");
  EXPECT_EQ(bytes.at("total"), 512 * 512 / 32 * 34 + 4 * 1024);
}

TEST(Report, JsonNamesTheSensorsOfEnergyAndHeat) {
  const nlohmann::json j = nlohmann::json::parse(to_json(report_of_a_board()));
  EXPECT_NEAR(j.at("energy").at("joule_per_token").get<double>(), 6.0 / j.at("token").at("tokens").get<double>(), 1e-6);
  EXPECT_EQ(j.at("energy").at("domain"), "whole board");
  const nlohmann::json& thermal = j.at("thermal");
  ASSERT_EQ(thermal.at("zones").size(), 2u);
  EXPECT_EQ(thermal.at("zones").at(0).at("before_c"), 48.5);
  EXPECT_EQ(thermal.at("zones").at(0).at("after_c"), 51.25);
  EXPECT_FALSE(thermal.at("zones").at(1).contains("before_c"));
  EXPECT_EQ(thermal.at("cpu_mhz").at("after"), 1500);
  EXPECT_EQ(thermal.at("cpu_mhz").at("max"), 2400);
  EXPECT_FALSE(thermal.contains("why"));
  EXPECT_EQ(nlohmann::json::parse(to_json(sample_report())).at("thermal").at("why"), detail::kNoThermal);
}

TEST(Report, TableShowsEnergyAndHeat) {
  const std::string table = to_table(report_of_a_board());
  EXPECT_NE(table.find("J/token (whole board: hwmon ina3221 VDD_IN)"), std::string::npos) << table;
  EXPECT_NE(table.find("cpu-thermal 48.5 -> 51.2 C; tj-thermal 52.0 -> 52.0 C; CPUs 2400 -> 1500 of 2400 MHz"),
            std::string::npos) << table;
  EXPECT_NE(to_table(sample_report()).find("thermal  not available here"), std::string::npos);
}

TEST(Report, JsonSplitsThePromptToo) {
  const nlohmann::json prompt = nlohmann::json::parse(to_json(sample_report())).at("prompt");
  EXPECT_EQ(prompt.at("tokens"), 40);
  EXPECT_EQ(prompt.at("threads"), 2);
  EXPECT_GT(prompt.at("tokens_per_s"), 0.0);
  double split = 0;
  for (const auto& [name, ms] : prompt.at("split_ms").items()) split += ms.get<double>();
  EXPECT_NEAR(split + prompt.at("unattributed_ms").get<double>(), prompt.at("wall_ms").get<double>(), 1e-5 * split);
  EXPECT_EQ(prompt.at("kernels").at(0).at("op"), "matmul");
}

TEST(Report, ContextsAreJudgedByTheirOwnBytes) {
  const RooflineReport r = sample_report();
  const nlohmann::json sweep = nlohmann::json::parse(to_json(r)).at("context_sweep");
  ASSERT_EQ(sweep.size(), 2u);
  EXPECT_EQ(sweep[1].at("context"), 4096);
  for (const nlohmann::json& point : sweep) {
    const double p50 = point.at("tpot_ms").at("p50"), ceiling = point.at("ceiling_ms");
    EXPECT_NEAR(point.at("roof_pct").get<double>(), 100 * ceiling / p50, 1e-5 * 100 * ceiling / p50);
    EXPECT_EQ(point.at("kernels").size(), 2u);
  }
  EXPECT_NE(to_table(r).find("other lengths of the context"), std::string::npos);
  EXPECT_EQ(to_table(RooflineReport()).find("other lengths of the context"), std::string::npos);
}

TEST(Report, TimeOfKeysAndValuesIsThatOfTheirKernels) {
  ContextPoint point;
  EXPECT_EQ(point.roof_pct(), 0);
  point.generation.kernels.resize(3);
  for (KernelReport& k : point.generation.kernels) k.ms = 2;
  point.generation.kernels[1].traffic.kv_read = 64;
  EXPECT_EQ(point.kv_ms(), 2);
}

TEST(Report, HistogramHoldsEveryToken) {
  const nlohmann::json token = nlohmann::json::parse(to_json(sample_report())).at("token");
  std::size_t tokens = token.at("histogram").at("above");
  for (const nlohmann::json& count : token.at("histogram").at("counts")) tokens += count.get<std::size_t>();
  EXPECT_EQ(tokens, token.at("tokens").get<std::size_t>());
}

TEST(Report, TextThatIsNotUtf8GetsAReplacement) {
  const nlohmann::json j = nlohmann::json::parse(to_json(sample_report()));
  EXPECT_EQ(j.at("provenance").at("model").at("file"), "bad\xEF\xBF\xBD name.gguf");
}

TEST(Report, CsvHasOneLinePerKernelAndEqualColumns) {
  std::istringstream csv(to_csv(sample_report()));
  std::vector<std::ptrdiff_t> commas;
  for (std::string line; std::getline(csv, line);) commas.push_back(std::count(line.begin(), line.end(), ','));
  ASSERT_EQ(commas.size(), 1u + 3 * 2) << "a heading, then two kernels of the generation and of both contexts";
  for (const std::ptrdiff_t count : commas) EXPECT_EQ(count, commas[0]);
}

TEST(Report, TableNamesEveryPartOfTheSplit) {
  const std::string table = to_table(sample_report());
  for (const char* part : {"ideal", "excess", "fork, join", "sample", "unattributed", "wall", "TPOT", "TTFT",
                           "not available here: no sensor", "matvec"})
    EXPECT_NE(table.find(part), std::string::npos) << part << " is missing in\n" << table;
}

TEST(Report, PictureIsSelfContained) {
  const std::string svg = to_svg(sample_report());
  EXPECT_EQ(svg.rfind("<svg ", 0), 0u);
  EXPECT_NE(svg.find("matvec Q8_0"), std::string::npos);
  EXPECT_EQ(svg.find("<script"), std::string::npos);
  EXPECT_EQ(svg.find("href"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(JsonWriter, EscapesAndNests) {
  JsonWriter json;
  json.begin_object().member("a", "q\"\\\n\x01").key("b").begin_array().value(1).value(2.5).null().end_array();
  json.member("c", std::numeric_limits<double>::infinity()).key("d").begin_object().end_object().end_object();
  const nlohmann::json j = nlohmann::json::parse(json.text());
  EXPECT_EQ(j.at("a"), "q\"\\\n\x01");
  EXPECT_EQ(j.at("b").dump(), "[1,2.5,null]");
  EXPECT_TRUE(j.at("c").is_null());
  EXPECT_TRUE(j.at("d").is_object() && j.at("d").empty());
}

}  // namespace
}  // namespace edgek
