// What the tool refuses, and with which exit code: one line on stderr that says why, nothing on stdout.

#include <gtest/gtest.h>

#include "tests/cli/run_tool.hpp"

namespace edgek::testing {
namespace {

class Usage : public ::testing::Test {
 protected:
  ToolRun run(const std::vector<std::string>& arguments) const { return run_tool(folder_, EDGEK_CLI_PATH, arguments); }

  void expect_refused(const std::vector<std::string>& arguments, int exit_code, const std::string& because) const {
    const ToolRun r = run(arguments);
    std::string what;
    for (const std::string& argument : arguments) what += argument + " ";
    EXPECT_EQ(r.exit_code, exit_code) << what << "\n" << r.err;
    EXPECT_EQ(r.out, "") << what;
    EXPECT_EQ(r.error_lines(), 1u) << what << "\n" << r.err;
    EXPECT_EQ(r.err.rfind("edgek: error: ", 0), 0u) << r.err;
    EXPECT_NE(r.err.find(because), std::string::npos) << what << "\n" << r.err;
  }

  TemporaryFolder folder_;
  std::string model_ = write_tiny_model(folder_);
};

TEST_F(Usage, HelpAndVersionAreNoErrors) {
  EXPECT_EQ(run({"--version"}).exit_code, 0);
  const ToolRun help = run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command : {"run", "bench", "roofline", "probe", "inspect", "tokenize", "detokenize", "quantize",
                              "logits", "perplexity"}) {
    EXPECT_NE(help.out.find(std::string("\n  ") + command + " "), std::string::npos) << command;
    EXPECT_EQ(run({command, "--help"}).exit_code, 0) << command;
  }
}

TEST_F(Usage, WrongUsageIsTwo) {
  expect_refused({}, 2, "subcommand");
  expect_refused({"explain", model_}, 2, "explain");
  expect_refused({"run"}, 2, "MODEL");
  expect_refused({"run", model_}, 2, "-p TEXT");
  expect_refused({"run", model_, "-p", "he", "-t", "0"}, 2, "--threads");
  expect_refused({"run", model_, "-p", "he", "--temp", "-1"}, 2, "temperature");
  expect_refused({"tokenize", model_}, 2, "-p TEXT");
  expect_refused({"bench", model_, "-p", "0", "-n", "0"}, 2, "-p and -n");
  expect_refused({"roofline", model_, "--json", "-o", "csv"}, 2, "-o csv");
}

TEST_F(Usage, WhatIsNotBuiltIsRefusedByName) {
  expect_refused({"run", model_, "-p", "he", "--fast"}, 2, "--fast");
  expect_refused({"run", model_, "-p", "he", "--kv", "q8_0"}, 2, "q8_0");
  expect_refused({"run", model_, "-p", "he", "--kv", "q4_0"}, 2, "q4_0");
  expect_refused({"run", model_, "-p", "he", "--target", "ABACUS"}, 2, "ABACUS");
  expect_refused({"run", model_, "-p", "he", "--exact", "--kv", "f16"}, 2, "--exact");
  expect_refused({"quantize", model_, folder_.file("out.gguf"), "--format", "Q2_K"}, 2, "Q2_K");
}

TEST_F(Usage, FailuresAreOneAndNameTheFile) {
  expect_refused({"run", folder_.file("absent.gguf"), "-p", "he"}, 1, "absent.gguf");
  const std::string text = folder_.write("text.gguf", "not a model");
  expect_refused({"inspect", text}, 1, text);
  expect_refused({"bench", text}, 1, text);
  expect_refused({"run", model_, "--raw", "-p", std::string(600, 'x')}, 1, "context");
  expect_refused({"roofline", model_, "-p", "he", "-n", "600"}, 1, "context");
  expect_refused({"bench", model_, "-p", "600"}, 1, "context");
  expect_refused({"detokenize", model_, "258"}, 1, "258");
}

TEST_F(Usage, AModelCutAnywhereIsRefusedInOneLine) {
  const std::string whole = read_file(model_);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{7}, whole.size() / 100, whole.size() - 1}) {
    const std::string cut = folder_.write("cut.gguf", std::string_view(whole).substr(0, bytes));
    expect_refused({"run", cut, "-p", "he"}, 1, cut);
  }
}

}  // namespace
}  // namespace edgek::testing
