// Multiplies a Q4_K matrix by a vector.
#include <edgek/edgek.hpp>
#include <edgek/formats/q4_k.hpp>

#include <cstdio>
#include <vector>

int main() {
  constexpr std::size_t rows = 64, cols = 512;
  std::vector<float> row(cols, 0.5f), x(cols, 2.0f), y(rows);
  std::vector<std::byte> w(rows * edgek::row_bytes(edgek::Format::kQ4_K, cols));  // or a mapped GGUF tensor
  for (std::size_t r = 0; r < rows; ++r)
    edgek::reference::pack_row<edgek::Format::kQ4_K>(row.data(), cols, &w[r * w.size() / rows]);
  edgek::ThreadPool pool(2);
  edgek::Context ctx{.executor = pool, .kernels = edgek::kernels<edgek::Format::kQ4_K>()};
  const edgek::Status status = edgek::matvec(ctx, {edgek::Format::kQ4_K, w.data(), rows, cols}, x.data(), y.data());
  std::printf("%s: y[0] = %g, computed by %s\n", edgek::to_string(status), y[0], ctx.kernels.name);
}
