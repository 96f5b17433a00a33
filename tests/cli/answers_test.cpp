// What the commands that run a model say about it: documents, and the same answer however it is computed.

#include <gtest/gtest.h>

#include "tests/cli/run_tool.hpp"

namespace edgek::testing {
namespace {

using nlohmann::json;

class Answers : public ::testing::Test {
 protected:
  ToolRun run(const std::vector<std::string>& arguments) const { return run_tool(folder_, EDGEK_CLI_PATH, arguments); }

  TemporaryFolder folder_;
  std::string model_ = write_tiny_model(folder_);
};

TEST_F(Answers, RunGivesTheSameIdsForAnyTargetAndThreads) {
  const ToolRun first = run({"run", model_, "-p", "the end", "-n", "12", "-t", "1", "--json"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const json wanted = first.json();
  for (const char* key : {"text", "ids", "prompt_ids", "stop", "ttft_ms", "tpot_ms", "rss_bytes"})
    EXPECT_TRUE(wanted.contains(key)) << key;
  EXPECT_EQ(wanted["prompt_ids"].size(), 6u) << "t he blank e n d";
  const json probe = run({"probe", "--footprint", "65536", "-t", "1", "--json"}).json();
  ASSERT_GE(probe["targets"].size(), 2u);
  for (const json& target : probe["targets"]) {
    const std::string name = target.get<std::string>();
    const ToolRun other = run({"run", model_, "-p", "the end", "-n", "12", "-t", "2", "--target", name, "--json"});
    ASSERT_EQ(other.exit_code, 0) << other.err;
    EXPECT_EQ(other.json()["ids"], wanted["ids"]) << name;
    EXPECT_EQ(other.json()["provenance"]["target"], name);
  }
}

TEST_F(Answers, LogitsAreRefusedBeforeTheFirstIsWritten) {
  const std::string out = folder_.write("logits.bin", "what was there before");
  const ToolRun unknown = run({"logits", model_, "--ids", "1 2 999", "--out", out, "--batch", "1"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err, "edgek: error: " + model_ + ": token id: 999 (0 to 257)\n");
  const ToolRun longer = run({"logits", model_, "--ids", "1 2 3", "--out", out, "--batch", "1", "--ctx", "2"});
  EXPECT_EQ(longer.exit_code, 1);
  EXPECT_EQ(longer.err, "edgek: error: " + model_ + ": context: 0 + 3 tokens (at most 2 positions)\n");
  EXPECT_EQ(read_file(out), "what was there before");
}

TEST_F(Answers, ASeedDrawsTheSameAnswerAgain) {
  const std::vector<std::string> hot = {"run", model_, "-p", "he", "-n", "12", "--temp", "5", "--json", "--seed"};
  const auto ids_of = [&](const char* seed) {
    std::vector<std::string> arguments = hot;
    arguments.push_back(seed);
    return run(arguments).json()["ids"];
  };
  EXPECT_EQ(ids_of("3"), ids_of("3"));
  EXPECT_NE(ids_of("3"), ids_of("4"));
}

TEST_F(Answers, TheContextEndsAnAnswer) {
  const ToolRun r = run({"run", model_, "-p", "he", "-n", "100", "--ctx", "8", "--temp", "5", "--seed", "1", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.json()["stop"], "context");
  EXPECT_EQ(r.json()["ids"].size(), 8u) << "7 more positions, and the last token needs none";
}

TEST_F(Answers, LogitsAreTheSameForAnyBatch) {
  const std::string whole = folder_.file("whole"), parts = folder_.file("parts");
  const ToolRun r = run({"logits", model_, "--ids", "1 2 3 4 5", "--out", whole, "--every", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.json()["rows"], 5);
  EXPECT_EQ(r.json()["cols"], 258);
  EXPECT_EQ(run({"logits", model_, "--ids", "1 2 3 4 5", "--out", parts, "--every", "--batch", "2"}).exit_code, 0);
  EXPECT_EQ(read_file(whole).size(), 5u * 258 * sizeof(float));
  EXPECT_EQ(read_file(whole), read_file(parts));
}

TEST_F(Answers, InspectNamesTheKernelsAndTheBytesOfAToken) {
  const json r = run({"inspect", model_, "--tensors", "--json"}).json();
  EXPECT_EQ(r["schema"], "edgek.inspect/1");
  EXPECT_EQ(r["metadata"]["general.name"], "tiny");
  const json& first = r["tensors"].at(0);
  for (const char* key : {"name", "format", "rows", "cols", "bytes", "kernel", "target"})
    EXPECT_TRUE(first.contains(key)) << key;
  EXPECT_GT(r["bytes_per_token"], 400'000);
}

TEST_F(Answers, AQuantizedModelRunsAndPerplexityIsMeasured) {
  const std::string out = folder_.file("q8.gguf");
  const ToolRun r = run({"quantize", model_, out, "--format", "Q8_0", "--keep", "blk.0.attn_q.weight", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json document = r.json();
  ASSERT_GE(document["tensors"].size(), 18u);
  for (const json& tensor : document["tensors"]) {
    const std::string name = tensor["name"];
    const bool kept = name == "blk.0.attn_q.weight", norm = name.find("norm") != std::string::npos;
    EXPECT_EQ(tensor["to"], norm ? "F32" : kept ? "Q4_0" : "Q8_0") << name;
  }
  const std::string text = folder_.write("text", std::string(40, 'a') + std::string(40, 'b'));
  const ToolRun p = run({"perplexity", out, "-f", text, "--window", "20", "--json"});
  ASSERT_EQ(p.exit_code, 0) << p.err;
  EXPECT_EQ(p.json()["windows"].size(), 4u);
  EXPECT_GT(p.json()["perplexity"], 1.0);
}

}  // namespace
}  // namespace edgek::testing
