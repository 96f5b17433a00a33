#ifndef EDGEK_TESTS_ROOFLINE_SAMPLE_REPORT_HPP_
#define EDGEK_TESTS_ROOFLINE_SAMPLE_REPORT_HPP_

#include <array>
#include <vector>

#include "edgek/roofline/report.hpp"

namespace edgek::testing {

/// 40 tokens through one matrix: 10,485,760 multiply-adds in 80 us.
inline Attribution sample_prompt(const Roofs& roofs) {
  std::array<KernelTotals, 2> kernels;
  std::array<TokenSpan, 1> tokens;
  RecordingLedger ledger(kernels, tokens);
  LedgerEntry e;
  e.op = "matmul", e.target = "TEST", e.format = Format::kQ8_0, e.m = 512, e.k = 512, e.n = 40, e.threads = 2;
  e.traffic = matmul_traffic(e.format, e.m, e.k, e.n);
  e.end_ns = 80'000, e.busy_ns = 150'000, e.busy_max_ns = 76'000;
  ledger.begin_token();
  ledger.record(e);
  ledger.end_token();
  return attribute(ledger, roofs, Ideal::kRoofs);
}

/// Three tokens of one matrix and one sample each, and a prompt; names and texts that need care.
inline RooflineReport sample_report() {
  static std::array<KernelTotals, 8> kernels;
  static std::array<TokenSpan, 4> tokens;
  RecordingLedger ledger(kernels, tokens);
  LedgerEntry e;
  e.op = "matvec", e.target = "TEST", e.format = Format::kQ8_0, e.m = 512, e.k = 512, e.n = 1, e.threads = 2;
  e.traffic = matmul_traffic(e.format, e.m, e.k, e.n);
  e.end_ns = 30'000, e.busy_ns = 50'000, e.busy_max_ns = 26'000;
  LedgerEntry sample;
  sample.op = "sample", sample.target = "", sample.end_ns = 4'000, sample.busy_ns = sample.busy_max_ns = 4'000;
  for (int i = 0; i < 3; ++i) {
    ledger.begin_token();
    ledger.record(e);
    ledger.record(sample);
    ledger.end_token();
  }
  RooflineReport r;
  r.machine.cpu = "a CPU";
  r.provenance = provenance_here(r.machine);
  r.provenance.model_file = "bad\xff name.gguf";
  r.provenance.command = "edgek roofline 'a <model>.gguf'";
  r.provenance.prompt_tokens = 40;
  r.roofs.dram_gbps = 21, r.roofs.replay.gbps = 20;
  r.peak_gmacs = {{"int8 Q8_0 rows", 60.0}};
  r.generation = attribute(ledger, r.roofs);
  r.contexts = {{16, r.generation}, {4096, r.generation}};
  r.contexts[1].generation.token.ceiling_ms *= 2, r.contexts[1].generation.token.tpot_ms.p50 *= 3;
  r.prompt = sample_prompt(r.roofs);
  r.prompt_threads = 2;
  r.energy.why = "no sensor";
  r.rss_bytes = {1000, 500, 200, 100};
  r.predict = predict_all(std::vector<WeightUse>{{Format::kQ8_0, 512, 512, true}}, 0, 20);
  return r;
}

/// The same of a machine with sensors.
inline RooflineReport report_of_a_board() {
  RooflineReport r = sample_report();
  r.energy = {.joules = 6, .source = "hwmon ina3221 VDD_IN", .domain = "whole board", .why = {}};
  r.thermal.before = {{"cpu-thermal", 48.5}};
  r.thermal.after = {{"cpu-thermal", 51.25}, {"tj-thermal", 52}};  // the second one was asleep before
  r.thermal.clock_before = {2400, 2400};
  r.thermal.clock_after = {1500, 2400};
  return r;
}

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_ROOFLINE_SAMPLE_REPORT_HPP_
