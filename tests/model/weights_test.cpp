// What a llama model must bring, and what becomes of one that does not: one sentence with file, field, value
// and limit.

#include "edgek/model/weights.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "edgek/model/model.hpp"
#include "model/tiny_model.hpp"

namespace {

using namespace edgek;
using edgek::testing::TinyModel;

TinyModel with(const std::function<void(TinyModel&)>& change) {
  TinyModel tiny;
  change(tiny);
  return tiny;
}

void expect_refused(const TinyModel& tiny, const std::string& field, const std::string& value) {
  const std::vector<std::byte> bytes = tiny.bytes();
  try {
    const Model model(bytes, "tiny.gguf");
    ADD_FAILURE() << "accepted; expected an error about " << field;
  } catch (const Error& e) {
    EXPECT_EQ(e.file(), "tiny.gguf") << e.what();
    EXPECT_EQ(e.field(), field) << e.what();
    EXPECT_NE(e.value().find(value), std::string::npos) << e.what();
    EXPECT_FALSE(e.limit().empty()) << e.what();
  }
}

TinyModel with_key(const std::string& key, std::uint32_t value) {
  return with([&](TinyModel& m) { m.more_keys = {{key, value}}; });
}
TinyModel with_string(const std::string& key, const std::string& value) {
  return with([&](TinyModel& m) { m.more_strings = {{key, value}}; });
}

TEST(Weights, TiedAndUntiedOutput) {
  const std::vector<std::byte> tied = TinyModel{}.bytes(), untied = TinyModel{.tied = false}.bytes();
  const Model a(tied, "a"), b(untied, "b");
  EXPECT_EQ(a.weights().output().view.data, a.weights().embedding().view.data);
  EXPECT_NE(b.weights().output().view.data, b.weights().embedding().view.data);
  EXPECT_STREQ(b.weights().output().label.tensor, "output.weight");
  EXPECT_EQ(a.weights().rope_factors(), nullptr);
  EXPECT_EQ(a.weights().layers()[1].down.label.layer, 1);
}

// One copy: the matrices that kernels read are the file's own bytes.
TEST(Weights, MatricesLieInTheFile) {
  const std::vector<std::byte> bytes = TinyModel{}.bytes();
  const Model model(bytes, "tiny.gguf");
  for (const LayerWeights& w : model.weights().layers())
    for (const NamedMatrix* m : {&w.q, &w.k, &w.v, &w.attention_output, &w.gate, &w.up, &w.down}) {
      EXPECT_GE(m->view.row(0), bytes.data());
      EXPECT_LE(m->view.row(m->view.rows), bytes.data() + bytes.size());
    }
}

TEST(Weights, EveryTensorIsRequired) {
  const std::vector<std::byte> bytes = TinyModel{.rope_factors = true}.bytes();
  const GgufReader whole(bytes, "whole");
  for (const GgufTensor& t : whole.tensors()) {
    const std::string name(t.name);
    if (name == "rope_freqs.weight") continue;
    const TinyModel tiny = with([&](TinyModel& m) { m.leave_out = name; });
    expect_refused(tiny, "tensor " + name, "missing");
  }
}

TEST(Weights, EveryShapeIsChecked) {
  for (const char* name : {"output_norm.weight", "rope_freqs.weight", "blk.0.attn_norm.weight", "blk.0.attn_q.weight",
                           "blk.1.attn_k.weight", "blk.1.attn_v.weight", "blk.0.attn_output.weight",
                           "blk.1.ffn_norm.weight", "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
                           "blk.1.ffn_down.weight", "output.weight"})
    expect_refused(with([&](TinyModel& m) {
                     m.wrong_shape = name;
                     m.tied = false, m.rope_factors = true;
                   }),
                   std::string("tensor ") + name, "shape");
}

TEST(Weights, EveryTypeIsChecked) {
  for (const char* name : {"token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight", "blk.1.ffn_norm.weight"})
    expect_refused(with([&](TinyModel& m) { m.wrong_type = name; }), std::string("tensor ") + name, "I8");
}

// A bias that nobody adds would make wrong answers, silently.
TEST(Weights, NothingMayBeLeftOver) {
  const TinyModel biased = with([](TinyModel& m) { m.extra_tensor = "blk.0.attn_q.bias"; });
  expect_refused(biased, "tensor blk.0.attn_q.bias", "unknown");
}

TEST(Config, UnknownModelsAreRefused) {
  expect_refused(with([](TinyModel& m) { m.architecture = "mamba"; }), "general.architecture", "mamba");
  expect_refused(with_key("llama.expert_count", 8), "llama.expert_count", "8");
  expect_refused(with_string("llama.rope.scaling.type", "yarn"), "llama.rope.scaling.type", "yarn");
}

TEST(Config, AShardIsRefusedAsOne) {
  expect_refused(with_key("split.count", 3), "split.count", "3 shards");
  expect_refused(with([](TinyModel& m) { m.more_keys = {{"split.count", 2}}, m.architecture = "mamba"; }),
                 "split.count", "2 shards");
  EXPECT_NO_THROW(Model(with_key("split.count", 1).bytes(), "whole.gguf"));
}

TEST(Config, EveryKeyIsRequiredOrHasADefault) {
  for (const char* key : {"block_count", "context_length", "embedding_length", "feed_forward_length",
                          "attention.head_count", "attention.layer_norm_rms_epsilon"}) {
    const std::string name = std::string("llama.") + key;
    expect_refused(with([&](TinyModel& m) { m.leave_out_keys = {name}; }), name, "missing");
  }
  const std::vector<std::byte> bytes =
      with([](TinyModel& m) {
        m.kv_heads = m.heads;
        m.leave_out_keys = {"llama.attention.head_count_kv"};
      }).bytes();
  EXPECT_EQ(Model(bytes, "tiny").config().kv_heads, 8u);
}

TEST(Config, EveryNumberHasItsLimits) {
  expect_refused(with_key("llama.block_count", 0), "llama.block_count", "0");
  expect_refused(with_key("llama.block_count", 1025), "llama.block_count", "1025");
  expect_refused(with_key("llama.block_count", 3), "tensor blk.2.attn_norm.weight", "missing");
  expect_refused(with_key("llama.block_count", 1), "tensor blk.1.attn_norm.weight", "unknown");
  expect_refused(with_key("llama.embedding_length", 0xFFFFFFFFu), "llama.embedding_length", "4294967295");
  expect_refused(with_key("llama.feed_forward_length", 0), "llama.feed_forward_length", "0");
  expect_refused(with_key("llama.context_length", 0), "llama.context_length", "0");
  expect_refused(with_key("llama.attention.head_count", 0), "llama.attention.head_count", "0");
  expect_refused(with_key("llama.attention.head_count_kv", 3), "llama.attention.head_count_kv", "3");
  expect_refused(with_key("llama.attention.key_length", 513), "llama.attention.key_length", "513");
  expect_refused(with_key("llama.attention.value_length", 16), "llama.attention.value_length", "16");
  expect_refused(with_key("llama.rope.dimension_count", 34), "llama.rope.dimension_count", "34");
  expect_refused(with_key("llama.rope.dimension_count", 31), "llama.rope.dimension_count", "31");
  expect_refused(with([](TinyModel& m) {
                   m.heads = 7, m.kv_heads = 7;
                   m.leave_out_keys = {"llama.attention.key_length"};
                 }),
                 "llama.attention.head_count", "7");
}

TEST(Model, SaysWhyAFileCannotBeRead) {
  try {
    const Model model(std::string("/nonexistent/model.gguf"));
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.file(), "/nonexistent/model.gguf");
    EXPECT_EQ(e.field(), "file");
  }
}

}  // namespace
