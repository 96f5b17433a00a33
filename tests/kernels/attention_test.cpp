// Attention of every kernel set against SCALAR: states of single chunks, merged and finished, for grouped
// heads, any positions, floats and halves, NaNs and infinities among them.
#include "tests/support/kernel_tests.hpp"

#include <algorithm>
#include <cstring>

namespace edgek::test {
namespace {

struct Shape {
  std::size_t heads, kv_heads, head_dim, first_position, tokens;
  bool half, by_chunk = false;  // how the cache lies: head after head, or chunk after chunk
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
  return out << s.heads << "/" << s.kv_heads << " heads of " << s.head_dim << ", position " << s.first_position << ", "
             << s.tokens << " tokens, " << (s.half ? "half" : "float")
             << (s.by_chunk ? ", by chunk" : "");
}

/// Keys, values and queries. The last position seen is the cache's last one, before a page nobody may touch.
class Scene {
 public:
  Scene(Random& random, const Shape& s, bool finite)
      : shape_(s), capacity_(s.first_position + s.tokens), q_(some_floats(random, s.tokens * stride(), finite)),
        k_(cache(random, finite)), v_(cache(random, finite)) {}

  AttentionJob job() const {
    return {.q = q_.data(), .q_stride = stride(), .k = k_.data(), .v = v_.data(), .half_kv = shape_.half,
            .layout = layout(), .capacity = capacity_, .heads = shape_.heads, .kv_heads = shape_.kv_heads,
            .head_dim = shape_.head_dim, .first_position = shape_.first_position, .tokens = shape_.tokens,
            .scale = 0.17f};
  }
  std::size_t chunks() const { return (capacity_ - 1) / kAttentionChunk + 1; }
  std::size_t states() const { return shape_.tokens * (shape_.heads / shape_.kv_heads); }
  std::size_t state_floats() const { return states() * attention_state_floats(shape_.head_dim); }

 private:
  std::size_t stride() const { return shape_.heads * shape_.head_dim; }
  /// Chunks of two layers, say: every other one is another layer's.
  KvLayout layout() const {
    if (!shape_.by_chunk) return kv_by_head(capacity_, shape_.head_dim);
    const std::size_t of_head = kAttentionChunk * shape_.head_dim;
    return {of_head, 2 * shape_.kv_heads * of_head};
  }
  std::vector<std::byte> cache(Random& random, bool finite) const {
    const std::size_t last = layout().offset(shape_.kv_heads - 1, capacity_ - 1, shape_.head_dim);
    const std::size_t n = last + shape_.head_dim;
    const std::vector<float> floats = some_floats(random, n, finite);
    std::vector<std::byte> bytes(n * (shape_.half ? 2 : 4));
    for (std::size_t i = 0; i < n; ++i) {
      const Half half = to_half(floats[i]);
      if (shape_.half)
        std::memcpy(bytes.data() + 2 * i, &half, 2);
      else
        std::memcpy(bytes.data() + 4 * i, &floats[i], 4);
    }
    return bytes;
  }

  Shape shape_;
  std::size_t capacity_;
  GuardedBuffer<float> q_;
  GuardedBuffer<std::byte> k_, v_;
};

/// All chunks' states of one KV head by one set, then their merger and the finished heads, one after the other.
std::vector<float> attend(const KernelSet& set, const Scene& scene, std::size_t kv_head, std::size_t token_step) {
  const AttentionJob job = scene.job();
  const std::size_t group = job.heads / job.kv_heads, floats = attention_state_floats(job.head_dim);
  AlignedBytes scratch(kKernelScratchBytes);
  std::vector<float> all, running;
  for (std::size_t c = 0; c < scene.chunks(); ++c) {
    GuardedBuffer<float> states(scene.state_floats());
    for (std::size_t t = 0; t < job.tokens; t += token_step)
      set.attention_chunk(job, kv_head, c, t, std::min(t + token_step, job.tokens), states.data() + t * group * floats,
                          scratch.data());
    all.insert(all.end(), states.begin(), states.end());
    if (c == 0)
      running.assign(states.begin(), states.end());
    else
      set.attention_merge(running.data(), states.data(), scene.states(), job.head_dim);
  }
  all.insert(all.end(), running.begin(), running.end());
  for (std::size_t i = 0; i < scene.states(); ++i) {
    GuardedBuffer<float> out(job.head_dim);
    set.attention_finish(running.data() + i * floats, job.head_dim, out.data());
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

void test_shape(const Shape& shape) {
  Random random(31);
  for (const bool finite : {true, false}) {
    const Scene scene(random, shape, finite);
    for (std::size_t kv_head = 0; kv_head < shape.kv_heads; ++kv_head) {
      const std::vector<float> expected = attend(scalar(), scene, kv_head, shape.tokens);
      for (const KernelSet* set : all_kernels()) {
        if (set == &scalar()) continue;
        SCOPED_TRACE(testing::Message() << set->name << ": " << shape << (finite ? "" : ", all kinds"));
        expect_same(expected, attend(*set, scene, kv_head, shape.tokens));
        expect_same(expected, attend(*set, scene, kv_head, 2));
      }
    }
  }
}

TEST(Attention, OneTokenAtAnyPosition) {
  for (const bool half : {false, true})
    for (const std::size_t position : {0, 1, 2, 3, 4, 15, 16, 100, 254, 255, 256, 257, 511, 530})
      for (const bool by_chunk : {false, true}) test_shape({6, 2, 64, position, 1, half, by_chunk});
}

TEST(Attention, AnyHeadSize) {
  for (const bool half : {false, true})
    for (const std::size_t dim : {1, 2, 7, 15, 16, 17, 33, 63, 65, 80, 96, 128, 200, 256})
      test_shape({3, 1, dim, 70, 2, half});
}

TEST(Attention, Prompts) {
  for (const bool half : {false, true}) {
    test_shape({4, 4, 32, 0, 33, half});
    test_shape({8, 1, 64, 0, 70, half});    // more heads than scores fit the scratch at once
    test_shape({4, 2, 16, 250, 20, half});  // across a chunk's end
    test_shape({2, 1, 24, 1000, 40, half});
    test_shape({4, 2, 16, 500, 20, half, true});
  }
}

TEST(Attention, HeadsTooLargeForTheTile) { test_shape({2, 1, 4100, 5, 2, true}); }

TEST(Attention, EmptyStatesChangeNothing) {
  for_each_set([](const KernelSet& set) {
    Random random(37);
    const std::size_t dim = 20, floats = attention_state_floats(dim);
    std::vector<float> empty(floats, 0.0f), state = some_floats(random, floats, true);
    empty[0] = -std::numeric_limits<float>::infinity();
    std::vector<float> into = state;
    set.attention_merge(into.data(), empty.data(), 1, dim);
    expect_same(state, into);
    into = empty;
    set.attention_merge(into.data(), state.data(), 1, dim);
    expect_same(state, into);
  });
}

}  // namespace
}  // namespace edgek::test
