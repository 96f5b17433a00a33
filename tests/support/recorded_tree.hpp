#ifndef EDGEK_TESTS_SUPPORT_RECORDED_TREE_HPP_
#define EDGEK_TESTS_SUPPORT_RECORDED_TREE_HPP_

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace edgek::test {

/// A folder that looks like the root of a machine, made from tests/data/sysfs/NAME.txt: lines of "path = content".
class RecordedTree {
 public:
  explicit RecordedTree(const std::string& name = "") {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    root_ = std::filesystem::path(::testing::TempDir()) /
            ("edgek_" + std::string(test->test_suite_name()) + "_" + test->name() + "_" + name);
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    if (name.empty()) return;
    std::ifstream file(EDGEK_TEST_DATA_DIR "/sysfs/" + name + ".txt");
    EXPECT_TRUE(file) << name;
    for (std::string line; std::getline(file, line);) {
      const std::size_t equals = line.find(" = ");
      if (line[0] != '#' && equals != std::string::npos) put(line.substr(0, equals), line.substr(equals + 3) + "\n");
    }
  }
  RecordedTree(const RecordedTree&) = delete;
  RecordedTree& operator=(const RecordedTree&) = delete;
  ~RecordedTree() { std::filesystem::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::trunc) << text;
  }
  void remove(const std::string& path) { std::filesystem::remove(root_ / path); }
  std::string root() const { return root_.string(); }

 private:
  std::filesystem::path root_;
};

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_RECORDED_TREE_HPP_
