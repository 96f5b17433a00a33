// The documents of the measuring commands: their keys, and the sums that must hold in any run.

#include <array>

#include <gtest/gtest.h>

#include "tests/cli/run_tool.hpp"

namespace edgek::testing {
namespace {

using nlohmann::json;

void expect_keys(const json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) EXPECT_TRUE(object.contains(key)) << key << " in " << object.dump().substr(0, 200);
}

double sum(const json& numbers) {
  double total = 0;
  for (const auto& item : numbers.items()) total += item.value().get<double>();
  return total;
}

/// A report of write_tiny_model()'s file, with predictions for 10 GB/s.
void expect_adds_up(const json& r) {
  const json& token = r["token"];
  const double wall = token["wall_ms"], split = sum(token["split_ms"]);
  EXPECT_NEAR(split + token["unattributed_ms"].get<double>(), wall, 1e-5 * wall);
  EXPECT_NEAR(token["closure"], split / wall, 1e-5);
  double items = 0;
  for (const json& item : token["items"]) items += item["ms"].get<double>();
  EXPECT_NEAR(items, token["split_ms"]["other"], 1e-5 * wall);
  double weights = 0, ms = 0;
  for (const json& kernel : r["kernels"]) {
    expect_keys(kernel, {"op", "format", "target", "calls", "bytes", "ms", "gbps", "roof_pct", "gmacs", "binds"});
    weights += kernel["bytes"]["weights"].get<double>() + kernel["bytes"]["scales"].get<double>();
    ms += kernel["ms"].get<double>();
  }
  EXPECT_NEAR(ms, split, 1e-5 * wall);
  // 2 layers of q, k, v, output, gate, up, down, then the tied output and one row of it; F32 norms besides.
  constexpr double kMatrixWeights = 2 * (2 * 256 * 256 + 2 * 64 * 256 + 3 * 512 * 256) + 258 * 256 + 256;
  EXPECT_NEAR(weights, kMatrixWeights * 18 / 32, 8.0 * static_cast<double>(r["kernels"].size()));
  for (const json& p : r["predict"])
    EXPECT_NEAR(p["ceiling_tokens_per_s"].get<double>() * p["bytes_per_token"].get<double>(), 10e9, 1e-5 * 10e9);
  EXPECT_EQ(r["predict"].size(), 5u);
}

class Measurements : public ::testing::Test {
 protected:
  ToolRun run(std::vector<std::string> arguments) const { return run_tool(folder_, EDGEK_CLI_PATH, arguments); }

  json document(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--json", "-t", "2"});
    const ToolRun r = run(arguments);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    const json out = r.json();
    EXPECT_EQ(r.out.find("\"schema\""), 4u) << "the first member";
    EXPECT_EQ(out["schema"], "edgek." + arguments.front() + "/1");
    for (const char* key : {"version", "commit", "compiler", "cpu", "cores", "governor", "target", "threads", "model",
                            "prompt_tokens", "context_tokens", "time"})
      EXPECT_TRUE(out["provenance"].contains(key)) << key;
    return out;
  }

  TemporaryFolder folder_;
  std::string model_ = write_tiny_model(folder_);
};

TEST_F(Measurements, RooflineHasEveryPartOfItsContract) {
  const json r = document({"roofline", model_, "-p", "he", "-n", "8", "--bandwidth", "10"});
  expect_adds_up(r);
  expect_keys(r, {"machine", "roofs", "token", "kernels", "ttft_ms", "rss_bytes", "pages", "energy", "thermal", "predict"});
  expect_keys(r["machine"], {"cpu", "cores", "threads", "target", "memory_bytes", "l3_bytes"});
  expect_keys(r["roofs"], {"read_gbps", "replay_gbps", "replay_passes", "replay_min_gbps", "replay_max_gbps", "peak_gmacs", "loop"});
  expect_keys(r["roofs"]["read_gbps"], {"dram", "l3", "l2", "l1"});
  EXPECT_GT(r["roofs"]["replay_gbps"], 0.0);
  EXPECT_EQ(r["roofs"]["replay_passes"], 2) << "one after every fourth of 8 tokens";
  EXPECT_GT(r["roofs"]["peak_gmacs"].at("int8 Q4_0 rows"), 0.0);
  expect_keys(r["token"], {"bytes", "ceiling_ms", "tpot_ms", "split_ms", "items", "unattributed_ms", "wall_ms",
                           "closure", "context"});
  expect_keys(r["token"]["bytes"], {"weights", "scales", "kv_read", "kv_write", "activations"});
  expect_keys(r["token"]["tpot_ms"], {"p50", "p95", "p99"});
  expect_keys(r["ttft_ms"], {"load", "tokenize", "prompt", "sample", "total"});
  expect_keys(r["rss_bytes"], {"peak", "weights", "kv", "arena", "other"});
  for (const char* memory : {"file", "allocated"}) {
    expect_keys(r["pages"][memory], {"mapped", "resident", "huge"});
    EXPECT_LE(r["pages"][memory]["resident"], r["pages"][memory]["mapped"]) << memory;
  }
  expect_keys(r["energy"], {"source"});
  EXPECT_EQ(r["token"]["tokens"], 8);
  EXPECT_DOUBLE_EQ(r["token"]["context"], 1 + 4.5) << "one token of prompt, then looking at 2 to 9 positions";
}

TEST_F(Measurements, RooflineSweepsContexts) {
  const json sweep =
      document({"roofline", model_, "-p", "he", "-n", "3", "--context-sweep", "300,1,40,300"})["context_sweep"];
  ASSERT_EQ(sweep.size(), 3u) << "each once, shortest first";
  // Keys and values of 2 layers, 64 wide each, as halves.
  constexpr std::size_t kPositionBytes = 2 * 2 * 64 * 2;
  for (std::size_t i = 0; i < 3; ++i) {
    const json& point = sweep[i];
    const std::size_t context = std::array<std::size_t, 3>{1, 40, 300}[i];
    EXPECT_EQ(point["context"], context);
    EXPECT_EQ(point["tokens"], 3);
    EXPECT_EQ(point["bytes"]["kv_read"], context * kPositionBytes);
    EXPECT_EQ(point["bytes"]["weights"], sweep[0]["bytes"]["weights"]);
    EXPECT_GT(point["kv_ms"], 0.0);
    EXPECT_NEAR(point["roof_pct"].get<double>() * point["tpot_ms"]["p50"].get<double>(),
                100 * point["ceiling_ms"].get<double>(), 1e-4 * point["ceiling_ms"].get<double>());
    EXPECT_NEAR(sum(point["split_ms"]) + point["unattributed_ms"].get<double>(), point["wall_ms"],
                1e-5 * point["wall_ms"].get<double>());
  }
  EXPECT_GT(sweep[2]["ceiling_ms"], sweep[0]["ceiling_ms"]);
  EXPECT_TRUE(document({"roofline", model_, "-p", "he", "-n", "1"})["context_sweep"].empty());
  const ToolRun beyond = run({"roofline", model_, "-p", "he", "-n", "1", "--context-sweep", "8,100000"});
  EXPECT_EQ(beyond.exit_code, 1);
  EXPECT_NE(beyond.err.find("context"), std::string::npos) << beyond.err;
}

TEST_F(Measurements, RooflineSaysHowItReads) {
  const json chosen =
      document({"roofline", model_, "-p", "he", "-n", "2", "--streams", "2", "--prefetch", "96"})["reads"];
  ASSERT_EQ(chosen.size(), 1u);
  EXPECT_EQ(chosen[0]["format"], "Q4_0");
  EXPECT_EQ(chosen[0]["loop"], "2 streams, prefetch 96");
  EXPECT_EQ(document({"roofline", model_, "-p", "he", "-n", "2", "--no-tune"})["reads"].size(), 1u);
}

TEST_F(Measurements, RooflineDrawsAPictureIntoAFile) {
  const std::string out = folder_.file("report.svg");
  const ToolRun r = run({"roofline", model_, "-p", "he", "-n", "2", "-t", "1", "-o", "svg", "--out", out});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out, "");
  EXPECT_EQ(r.err, "");
  const std::string picture = read_file(out);
  EXPECT_EQ(picture.rfind("<svg ", 0), 0u);
  EXPECT_NE(picture.find("matvec Q4_0, "), std::string::npos) << picture;
}

TEST_F(Measurements, RooflineSplitsAPromptWithThreadsOfItsOwn) {
  const json r = document({"roofline", model_, "-p", "he said that he", "-n", "2", "--prompt-threads", "1"});
  const json& prompt = r["prompt"];
  EXPECT_EQ(prompt["threads"], 1);
  EXPECT_EQ(prompt["tokens"], r["provenance"]["prompt_tokens"]);
  EXPECT_NEAR(sum(prompt["split_ms"]) + prompt["unattributed_ms"].get<double>(), prompt["wall_ms"],
              1e-5 * prompt["wall_ms"].get<double>());
  EXPECT_NEAR(prompt["wall_ms"], r["ttft_ms"]["prompt"], 1e-5 * prompt["wall_ms"].get<double>());
  EXPECT_FALSE(prompt["kernels"].empty());
  EXPECT_EQ(r["provenance"]["command"].get<std::string>().rfind("edgek roofline ", 0), 0u);
  EXPECT_NE(r["provenance"]["command"].get<std::string>().find(" -p 'he said that he' "), std::string::npos);
}

TEST_F(Measurements, RooflineWritesAPageThatNeedsNoNetwork) {
  const std::string out = folder_.file("report.html");
  const ToolRun r = run({"roofline", model_, "-p", "he", "-n", "4", "-t", "2", "-o", "html", "--out", out});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  const std::string page = read_file(out);
  EXPECT_EQ(page.rfind("<!DOCTYPE html>", 0), 0u);
  EXPECT_NE(page.find("matvec Q4_0"), std::string::npos);
  EXPECT_NE(page.find("edgek roofline "), std::string::npos) << "the command";
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
}

TEST_F(Measurements, SustainCountsEveryTokenInAWindow) {
  const json r = document({"sustain", model_, "--minutes", "0.01", "--window", "0.05"});
  EXPECT_GE(r["windows"].size(), 2u);
  double tokens = 0, before = 0;
  for (const json& w : r["windows"]) {
    expect_keys(w, {"at_s", "tokens_per_s", "token_ms", "celsius", "cpu_mhz"});
    expect_keys(w["token_ms"], {"p50", "p95", "p99"});
    const double at = w["at_s"];
    EXPECT_GE(at - before, 0.024);
    tokens += w["tokens_per_s"].get<double>() * (at - before);
    before = at;
  }
  EXPECT_GE(tokens, 0.99 * r["tokens"].get<double>()) << "sensors are read between windows, so a rate is of less time";
  EXPECT_GE(before, 0.5) << "less than half a window may be left over";
  EXPECT_TRUE(r.contains("knee"));
  expect_keys(r["energy"], {"source"});
}

TEST_F(Measurements, BenchNamesItsTestsAndKeepsEverySample) {
  const json r = document({"bench", model_, "-p", "16", "-n", "4", "-d", "32", "-r", "3"});
  ASSERT_EQ(r["results"].size(), 2u);
  EXPECT_EQ(r["results"][0]["test"], "pp16@d32");
  EXPECT_EQ(r["results"][1]["test"], "tg4@d32");
  for (const json& result : r["results"]) {
    EXPECT_EQ(result["threads"], 2);
    expect_keys(result["token_ms"], {"p50", "p95", "p99"});
    const json& rate = result["tokens_per_s"];
    expect_keys(rate, {"median", "mean", "sd", "samples"});
    ASSERT_EQ(rate["samples"].size(), 3u);
    EXPECT_NEAR(sum(rate["samples"]) / 3, rate["mean"], 1e-6 * rate["mean"].get<double>());
    EXPECT_GT(result["token_ms"]["p50"], 0.0);
  }
}

TEST_F(Measurements, BenchTakesSeveralThreadCountsAndOneTestOnly) {
  const ToolRun r = run({"bench", model_, "-p", "0", "-n", "2", "-t", "1,2", "-r", "1", "-o", "csv"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find(",tg2,1,"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find(",tg2,2,"), std::string::npos) << r.out;
  EXPECT_EQ(r.out.find("pp"), std::string::npos) << r.out;
  const ToolRun md = run({"bench", model_, "-p", "4", "-n", "0", "-t", "1", "-r", "1", "-o", "md"});
  EXPECT_NE(md.out.find("\n|---|"), std::string::npos) << md.out;
  EXPECT_NE(md.out.find("| pp4 |"), std::string::npos) << md.out;
}

}  // namespace
}  // namespace edgek::testing
