// edgek: run, measure and look into GGUF models. One file per command; this one only dispatches.

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "common.hpp"
#include "edgek/model/error.hpp"
#include "edgek/version.hpp"
#include "process.hpp"

namespace {

using namespace edgek;
using namespace edgek::cli;

int fail(std::string_view sentence, int code) {
  std::fflush(stdout);
  std::string line(sentence);
  for (char& c : line)
    if (c == '\n' || c == '\r') c = ' ';
  fmt::print(stderr, "edgek: error: {}\n", line);
  return code;
}

/// Declares every command; parses; what is chosen is left in `chosen`. An exit code where nothing is to run.
int parse(CLI::App& app, int argc, char** argv, Command& chosen) {
  for (const auto add : {add_run, add_bench, add_roofline, add_sustain, add_probe, add_inspect, add_tokenize, add_detokenize,
                         add_logits, add_perplexity, add_quantize})
    add(app, chosen);
  const std::string command = argc > 1 ? argv[1] : "-";
  const auto is_it = [&](const CLI::App* other) { return other->get_name() == command; };
  if (!command.starts_with('-') && app.get_subcommands(is_it).empty())
    return fail("no command " + command + "; see edgek --help", kWrongUsage);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {  // --help, --version
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return fail(std::string(error.what()) + "; see edgek --help", kWrongUsage);
  }
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  mark_process_start();
  CLI::App app("edgek: quantized language models on CPUs, and where every millisecond of a token goes", "edgek");
  app.set_version_flag("--version", "edgek " EDGEK_VERSION_STRING);
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  app.footer("edgek COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.");
  try {
    remember_command(argc, argv);
    Command chosen;
    const int code = parse(app, argc, argv, chosen);
    if (code != kDone || !chosen) return code;
    const int result = chosen();
    flush_output();
    return result;
  } catch (const UsageError& error) {
    return fail(error.what(), kWrongUsage);
  } catch (const Error& error) {
    return fail(error.what(), kFailed);
  } catch (const std::bad_alloc&) {
    return fail("memory: not enough (this machine's)", kFailed);
  } catch (const std::exception& error) {
    return fail(error.what(), kFailed);
  }
}
