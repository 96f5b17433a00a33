// A pipeline's time is the sum of its stages, whatever they do.
#include "edgek/roofline/pipeline.hpp"

#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace edgek {
namespace {

void wait_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

TEST(Pipeline, TimesStagesAndReturnsWhatTheyReturn) {
  Pipeline p;
  EXPECT_EQ(p.run("recognition", 300, [] { return wait_ms(5), std::string("hello"); }), "hello");
  p.run("speech", 0, [] { wait_ms(2); });
  ASSERT_EQ(p.stages().size(), 2u);
  EXPECT_GE(p.stages()[0].ms, 5.0);
  EXPECT_GE(p.stages()[1].ms, 2.0);
  EXPECT_DOUBLE_EQ(p.total_ms(), p.stages()[0].ms + p.stages()[1].ms);
  EXPECT_DOUBLE_EQ(p.budget_ms(), 300);
}

TEST(Pipeline, KnowsWhoIsOverItsBudget) {
  Pipeline p;
  p.add("embed", 10, 9.5);
  p.add("search", 10, 30);
  p.add("generate", 100, 60);
  p.add("log", 0, 5);
  EXPECT_FALSE(p.stages()[0].over());
  EXPECT_TRUE(p.stages()[1].over());
  EXPECT_FALSE(p.stages()[3].over()) << "no budget";
  EXPECT_FALSE(p.over()) << "104.5 of 120 ms";
  p.add("rerank", 0, 20);
  EXPECT_TRUE(p.over());
  EXPECT_FALSE(Pipeline().over());
}

TEST(Pipeline, EndsAStageThatThrows) {
  Pipeline p;
  EXPECT_THROW(p.run("search", 10, [] { wait_ms(3), throw std::runtime_error("no index"); }), std::runtime_error);
  EXPECT_GE(p.stages()[0].ms, 3.0);
}

TEST(Pipeline, StagesMayAddStages) {
  Pipeline p;
  p.run("turn", 0, [&] {
    for (int i = 0; i < 20; ++i) p.add("part", 1, 0.5);
    wait_ms(2);
  });
  EXPECT_EQ(p.stages().size(), 21u);
  EXPECT_EQ(p.stages()[0].name, "turn");
  EXPECT_GE(p.stages()[0].ms, 2.0);
}

TEST(Pipeline, ShowsATimeLine) {
  Pipeline p;
  p.add("voice activity", 30, 10);
  p.absent("recognition", 300, "pocketsphinx is not installed");
  p.add("prompt", 200, 300);
  const std::string table = to_table(p);
  EXPECT_NE(table.find("voice activity                 10.0 ms of     30.0       |#\n"), std::string::npos) << table;
  EXPECT_NE(table.find("|absent: pocketsphinx is not installed\n"), std::string::npos) << table;
  EXPECT_NE(table.find("prompt                        300.0 ms of    200.0 OVER  | #"), std::string::npos) << table;
  EXPECT_NE(table.find("time to the first answer      310.0 ms of    530.0"), std::string::npos) << table;
  EXPECT_NE(to_table(Pipeline()).find("0.0 ms"), std::string::npos);
}

TEST(Pipeline, ShowsTimesThatCannotBe) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double odd : {-5.0, -1e300, 1e300, kInfinity, -kInfinity, kNan}) {
    Pipeline p;
    p.add("before", 0, 10);
    p.add("odd", 0, odd);
    p.add("after", 0, 10);
    EXPECT_LT(to_table(p).size(), 1000u) << odd;
  }
}

TEST(Pipeline, WritesJson) {
  Pipeline p;
  p.add("embed", 10, 9.5);
  p.absent("rerank", 0, "no model");
  JsonWriter json;
  json.begin_object();
  write(json, p);
  json.end_object();
  const nlohmann::json j = nlohmann::json::parse(json.text());
  EXPECT_EQ(j.at("stages").at(0).at("ms"), 9.5);
  EXPECT_EQ(j.at("stages").at(0).at("over"), false);
  EXPECT_EQ(j.at("stages").at(1).at("begin_ms"), 9.5);
  EXPECT_EQ(j.at("stages").at(1).at("absent"), "no model");
  EXPECT_TRUE(j.at("stages").at(1).at("budget_ms").is_null());
  EXPECT_EQ(j.at("total_ms"), 9.5);
  EXPECT_EQ(j.at("budget_ms"), 10);
}

}  // namespace
}  // namespace edgek
