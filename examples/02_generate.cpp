// Answers a prompt with a GGUF model.
#include <edgek/model.hpp>

#include <cstdio>

int main(int argc, char** argv) try {
  const edgek::Model model(argc > 1 ? argv[1] : "model.gguf");  // mapped, checked; threads may share it
  const edgek::Tokenizer tokenizer(model.gguf());
  edgek::ThreadPool pool(2);
  edgek::Context ctx{.executor = pool, .kernels = edgek::kernels()};
  edgek::Decoder decoder(model);
  edgek::Sampler sampler(model.config().vocabulary, {});  // the likeliest token, always
  edgek::Generator generator(decoder, sampler, tokenizer, {.max_tokens = 32});
  generator.begin(ctx, tokenizer.tokenize("The capital of France is"));
  while (const auto text = generator.next(ctx)) std::printf("%.*s", static_cast<int>(text->size()), text->data());
  std::puts(generator.finish().c_str());
} catch (const edgek::Error& e) {
  std::puts(e.what());  // FILE: FIELD: VALUE (LIMIT)
  return 1;
}
