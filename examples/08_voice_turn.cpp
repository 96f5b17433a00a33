// A voice turn: from the end of a question to the first spoken sentence of the answer, stage by stage, each with a
// budget. The language model is real; so are hearing and speaking where espeak-ng and pocketsphinx are installed
// (pocketsphinx_continuous, packages pocketsphinx and pocketsphinx-en-us).   usage: 08_voice_turn MODEL [QUESTION]
#include <edgek/model.hpp>
#include <edgek/roofline/pipeline.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

/// What a command writes to its standard output.
std::string output_of(const std::string& command) {
  std::string out;
  if (std::FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r")) {
    for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
    ::pclose(pipe);
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool installed(const char* program) { return !output_of(std::string("command -v ") + program).empty(); }

/// A question as a shell's word. It is read aloud, so it needs no quotes of its own.
std::string quoted(std::string text) {
  std::erase(text, '\'');
  return "'" + text + "'";
}

/// Milliseconds of 16-bit sound at 22050 Hz from the first to the last stretch of 20 ms that is not silent.
double voiced_ms(const std::string& path) {
  std::vector<short> samples(1 << 22);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return 0;
  std::fseek(file, 44, SEEK_SET);  // behind the head of a WAV file
  samples.resize(std::fread(samples.data(), sizeof(short), samples.size(), file));
  std::fclose(file);
  constexpr std::size_t kFrame = 441;
  std::size_t first = samples.size(), last = 0;
  for (std::size_t at = 0; at + kFrame <= samples.size(); at += kFrame) {
    double energy = 0;
    for (std::size_t i = 0; i < kFrame; ++i) energy += std::pow(samples[at + i] / 32768.0, 2);
    if (energy / kFrame > 1e-5) first = std::min(first, at), last = at + kFrame;
  }
  return last > first ? static_cast<double>(last - first) / 22.05 : 0;
}

}  // namespace

int main(int argc, char** argv) try {
  const edgek::Model model(argc > 1 ? argv[1] : "model.gguf");
  std::string question = argc > 2 ? argv[2] : "What is the capital of France?";
  const edgek::Tokenizer tokenizer(model.gguf());
  edgek::ThreadPool pool;
  edgek::Context ctx{.executor = pool, .kernels = edgek::kernels()};
  edgek::Decoder decoder(model);
  edgek::Sampler sampler(model.config().vocabulary, {});
  edgek::Generator generator(decoder, sampler, tokenizer, {.max_tokens = 24});

  const bool speaks = installed("espeak-ng"), hears = speaks && installed("pocketsphinx_continuous");
  const std::string folder = output_of("mktemp -d"), asked = folder + "/q.wav", said = folder + "/a.wav";
  if (speaks) output_of("espeak-ng -v en-us -w " + asked + " " + quoted(question));  // the user, who is not timed

  edgek::Pipeline turn;
  if (speaks) std::printf("heard %.0f ms of voice\n", turn.run("voice activity", 30, [&] { return voiced_ms(asked); }));
  else turn.absent("voice activity", 30, "no espeak-ng to ask aloud");
  if (hears)
    question = turn.run("recognition", 700, [&] {
      return output_of("pocketsphinx_continuous -samprate 22050 -nfft 1024 -logfn /dev/null -infile " + asked);
    });
  else turn.absent("recognition", 700, "pocketsphinx_continuous is not installed");
  turn.run("prompt", 300, [&] { generator.begin(ctx, tokenizer.tokenize(question + "\nAnswer:")); });
  const std::string sentence = turn.run("first sentence", 1000, [&] {
    std::string text;
    while (const auto piece = generator.next(ctx)) {
      text += *piece;
      if (text.find_first_of(".!?\n") != std::string::npos && text.size() > 8) break;
    }
    return text;
  });
  if (speaks) turn.run("speech", 100, [&] { output_of("espeak-ng -v en-us -w " + said + " " + quoted(sentence)); });
  else turn.absent("speech", 100, "espeak-ng is not installed");

  std::printf("question: %s\nanswer: %s\n\n%s", question.c_str(), sentence.c_str(), to_table(turn).c_str());
  output_of("rm -r " + folder);
  return turn.stages().size() == 5 && turn.total_ms() > 0 ? 0 : 1;
} catch (const edgek::Error& e) {
  std::puts(e.what());
  return 1;
}
