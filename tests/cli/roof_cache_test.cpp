// The cache of read loops: what it saves, and what happens to a file that somebody else wrote.

#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/cli/run_tool.hpp"

namespace edgek::testing {
namespace {

using nlohmann::json;

class RoofCacheFile : public ::testing::Test {
 protected:
  ToolRun run(std::vector<std::string> arguments) const { return run_tool(folder_, EDGEK_CLI_PATH, arguments); }
  json battery_of(std::vector<std::string> options) const {
    options.insert(options.begin(), {"roofline", model_, "-p", "he", "-n", "1", "-t", "1", "--json"});
    const ToolRun r = run(options);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_GT(r.json()["roofs"]["read_gbps"]["dram"], 0.0);
    return r.json()["roofs"]["battery"];
  }
  ToolRun cached() const { return run({"probe", "--cached", "-t", "1", "--json"}); }
  void put(const std::string& text) const { folder_.write("cache/roofs.json", text); }

  TemporaryFolder folder_;
  std::string model_ = write_tiny_model(folder_);
  std::string file_ = folder_.file("cache/roofs.json");
};

TEST_F(RoofCacheFile, SavesTheBatteryAndIsOverridden) {
  EXPECT_EQ(cached().exit_code, 1) << "nothing is there";
  const json first = battery_of({});
  EXPECT_EQ(first["cached"], false);
  const json second = battery_of({});
  EXPECT_EQ(second["cached"], true);
  EXPECT_EQ(second["time"], first["time"]);
  EXPECT_EQ(battery_of({"--no-cache"})["cached"], false);
  const ToolRun shown = cached();
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.json()["cached"][0]["time"], first["time"]);
  EXPECT_EQ(run({"probe", "--cached", "-t", "3"}).exit_code, 1) << "of another number of threads";
  EXPECT_EQ(run({"probe", "--cached", "-t", "1", "--target", "SCALAR"}).exit_code, 1) << "of another kernel set";
  EXPECT_EQ(battery_of({"--fresh"})["cached"], false);
}

TEST_F(RoofCacheFile, WhatDoesNotFitIsNotThere) {
  battery_of({});
  const json good = json::parse(read_file(file_));
  ASSERT_EQ(cached().exit_code, 0);
  const std::int64_t now = std::time(nullptr);
  const std::vector<std::function<void(json&)>> damages = {
      [](json& b) { b["cpu"] = "another"; },
      [](json& b) { b["kernel"] = 7; },
      [](json& b) { b["version"] = "0.0.0"; },
      [](json& b) { b["memory_bytes"] = -1; },
      [](json& b) { b["memory_bytes"] = 1e300; },
      [](json& b) { b["threads"] = json::array(); },
      [&](json& b) { b["measured_s"] = now - 24 * 3600 - 60; },
      [&](json& b) { b["measured_s"] = now + 3600; },
      [](json& b) { b["measured_s"] = 18446744073709551615u; },
      [](json& b) { b.erase("measured_s"); },
      [](json& b) { b["levels"] = nullptr; },
      [](json& b) { b["levels"].erase(0); },
      [](json& b) { b["levels"].push_back(b["levels"][0]); },
      [](json& b) { b["levels"][0] = "x"; },
      [](json& b) { b["levels"][0]["footprint"] = 1; },
      [](json& b) { b["levels"][0]["streams"] = 0; },
      [](json& b) { b["levels"][0]["streams"] = 1u << 31; },
      [](json& b) { b["levels"][0]["prefetch"] = 0.5; },
      [](json& b) { b["levels"][0]["gbps"] = -3; },
      [](json& b) { b["levels"][0]["gbps"] = nullptr; },
      [](json& b) { b = json::array(); },
  };
  for (std::size_t i = 0; i < damages.size(); ++i) {
    json bad = good;
    damages[i](bad["findings"][0]);
    put(bad.dump());
    const ToolRun r = cached();
    EXPECT_EQ(r.exit_code, 1) << i << "\n" << bad.dump();
    EXPECT_EQ(r.error_lines(), 1u) << r.err;
    // A damaged neighbour hides no good one.
    bad["findings"].push_back(good["findings"][0]);
    put(bad.dump());
    EXPECT_EQ(cached().exit_code, 0) << i;
  }
}

TEST_F(RoofCacheFile, AnyBytesAreMeasuredAnew) {
  battery_of({});
  const std::string good = read_file(file_);
  std::vector<std::string> texts = {"", "{", "null", "[]", "7", "{\"schema\": 3}", std::string(100, '\0'), "\xff\xfe{}",
                                    "{\"schema\": \"edgek.roofs/1\", \"findings\": {\"a\": 1}}",
                                    std::string(500'000, '['), std::string(2'000'000, ' ') + good};
  for (std::size_t cut = 0; cut < good.size(); cut += 1 + good.size() / 40) texts.push_back(good.substr(0, cut));
  for (const std::string& text : texts) {
    put(text);
    EXPECT_EQ(cached().exit_code, 1) << text.substr(0, 100);
  }
  EXPECT_EQ(battery_of({})["cached"], false);
  EXPECT_EQ(battery_of({})["cached"], true) << "the file is whole again";
}

TEST_F(RoofCacheFile, WithoutAPlaceNothingFails) {
  folder_.write("cache", "a file, no folder");
  EXPECT_EQ(battery_of({})["cached"], false);
  std::filesystem::remove(folder_.file("cache"));
  std::filesystem::create_directories(file_);  // a folder of the file's name
  EXPECT_EQ(battery_of({})["cached"], false);
  std::filesystem::remove(file_);
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);  // opening it to read would wait for a writer
  EXPECT_EQ(cached().exit_code, 1);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.file("cache")))
    EXPECT_EQ(entry.path().extension(), ".json") << "nothing half is left";
}

}  // namespace
}  // namespace edgek::testing
