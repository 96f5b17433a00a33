#include "edgek/roofline/report.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "edgek/roofline/picture.hpp"
#include "edgek/roofline/table.hpp"

namespace edgek {
namespace {

RooflineReport sample_report() {
  static std::array<KernelTotals, 8> kernels;
  static std::array<TokenSpan, 4> tokens;
  RecordingLedger ledger(kernels, tokens);
  KernelSet set{};
  set.name = "TEST";
  LedgerEntry e;
  e.op = "matvec", e.target = "TEST", e.format = Format::kQ8_0, e.m = 512, e.k = 512, e.n = 1, e.threads = 2;
  e.traffic = matmul_traffic(e.format, e.m, e.k, e.n);
  e.end_ns = 30'000, e.busy_ns = 50'000, e.busy_max_ns = 26'000;
  LedgerEntry sample;
  sample.op = "sample", sample.target = "", sample.end_ns = 4'000, sample.busy_ns = sample.busy_max_ns = 4'000;
  for (int i = 0; i < 3; ++i) {
    ledger.begin_token();
    ledger.record(e);
    ledger.record(sample);
    ledger.end_token();
  }
  RooflineReport r;
  r.machine.cpu = "a CPU";
  r.provenance = provenance_here(r.machine);
  r.provenance.model_file = "bad\xff name.gguf";
  r.roofs.dram_gbps = 21, r.roofs.replay.gbps = 20;
  r.peak_gmacs = {{"int8 Q8_0 rows", 60.0}};
  r.generation = attribute(ledger, r.roofs, set);
  r.energy.why = "no sensor";
  r.rss_bytes = {1000, 500, 200, 100};
  r.predict = predict_all(std::vector<WeightUse>{{Format::kQ8_0, 512, 512, true}}, 0, 20);
  return r;
}

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

TEST(Report, TextThatIsNotUtf8GetsAReplacement) {
  const nlohmann::json j = nlohmann::json::parse(to_json(sample_report()));
  EXPECT_EQ(j.at("provenance").at("model").at("file"), "bad\xEF\xBF\xBD name.gguf");
}

TEST(Report, CsvHasOneLinePerKernelAndEqualColumns) {
  std::istringstream csv(to_csv(sample_report()));
  std::vector<std::ptrdiff_t> commas;
  for (std::string line; std::getline(csv, line);) commas.push_back(std::count(line.begin(), line.end(), ','));
  ASSERT_EQ(commas.size(), 3u);
  EXPECT_EQ(commas[0], commas[1]);
  EXPECT_EQ(commas[0], commas[2]);
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
