// The cache of tuned reading: used again, overridden, and harmless whatever its file holds.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/cli/run_tool.hpp"

namespace edgek::testing {
namespace {

using nlohmann::json;

class TuningCacheFile : public ::testing::Test {
 protected:
  /// What `edgek run -v` says about reading.
  std::string told(std::vector<std::string> options = {}) const {
    options.insert(options.begin(), {"run", model_, "-p", "he", "-n", "1", "-t", "1", "-v", "--raw"});
    const ToolRun r = run_tool(folder_, EDGEK_CLI_PATH, options);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    const std::size_t at = r.err.find("reading tuned");
    return at == std::string::npos ? "" : r.err.substr(at, r.err.find('\n', at) - at);
  }
  json finding() const { return json::parse(read_file(file_)).at("findings").at(0); }
  void put(const json& finding) const {
    folder_.write("cache/tuning.json", json{{"schema", "edgek.tuning/1"}, {"findings", {finding}}}.dump());
  }

  TemporaryFolder folder_;
  std::string model_ = write_tiny_model(folder_);
  std::string file_ = folder_.file("cache/tuning.json");
};

bool was_tried(const std::string& told) { return told.starts_with("reading tuned in "); }

TEST_F(TuningCacheFile, IsUsedAndOverridden) {
  EXPECT_TRUE(was_tried(told()));
  json chosen = finding();
  EXPECT_NE(chosen.at("subject").get<std::string>().find(" x "), std::string::npos) << chosen;
  ASSERT_EQ(chosen.at("read").size(), 1u) << "the model has one format";
  chosen["read"].begin().value() = {{"streams", 2}, {"prefetch", 1024}};
  EXPECT_TRUE(chosen.at("kv_ahead").get<bool>()) << "a model too small to try it";
  chosen["kv_ahead"] = false;
  put(chosen);
  EXPECT_TRUE(told().starts_with("reading tuned at 20"));
  EXPECT_NE(told().find("keys and values left to the CPU"), std::string::npos);
  EXPECT_NE(told().find("2 streams, prefetch 1024"), std::string::npos);
  EXPECT_TRUE(was_tried(told({"--no-cache"})));
  EXPECT_EQ(finding(), chosen) << "left alone";
  EXPECT_EQ(told({"--no-tune"}), "");
  EXPECT_EQ(told({"--streams", "4"}), "");
  EXPECT_TRUE(was_tried(told({"--exact"}))) << "other kernels";
  put(chosen);
  EXPECT_TRUE(was_tried(told({"--kv", "f32"}))) << "other keys and values";
  put(chosen);
  EXPECT_TRUE(was_tried(told({"--fresh"})));
  EXPECT_NE(finding(), chosen) << "replaced";
}

TEST_F(TuningCacheFile, WhatDoesNotFitIsNotThere) {
  told();
  const json good = finding();
  const std::string format = good.at("read").begin().key();
  put(good);
  ASSERT_FALSE(was_tried(told()));
  std::vector<json> bad(12, good);
  bad[0]["subject"] = "1 x F32 1 x 1";
  bad[1]["threads"] = 2;
  bad[2]["read"] = nullptr;
  bad[3]["read"].erase(format);
  bad[4]["read"][format] = "fast";
  bad[5]["read"][format] = {{"streams", 3}, {"prefetch", 0}};
  bad[6]["read"][format] = {{"streams", 1}, {"prefetch", -512}};
  bad[7]["read"][format] = {{"streams", 1}};
  bad[8]["measured_s"] = 1;
  bad[9].erase("kv_ahead");
  bad[10]["kv_ahead"] = "yes";
  bad[11]["kv_ahead"] = 1;
  for (const json& damaged : bad) {
    put(damaged);
    EXPECT_TRUE(was_tried(told())) << damaged;
  }
}

}  // namespace
}  // namespace edgek::testing
