// A program of the model layer: errors come as edgek::Error, and say what is wrong.
#include <edgek/model.hpp>

#include <cstdio>
#include <cstring>

int main() {
  try {
    const edgek::Model model("/nonexistent/model.gguf");
    std::puts("a file that does not exist was opened");
    return 1;
  } catch (const edgek::Error& e) {
    std::printf("edgek::Error: %s\n", e.what());
    return std::strstr(e.what(), "/nonexistent/model.gguf") != nullptr ? 0 : 1;
  }
}
