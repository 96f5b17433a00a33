#ifndef EDGEK_EXAMPLES_CLI_WATCH_HPP_
#define EDGEK_EXAMPLES_CLI_WATCH_HPP_

#include <cstddef>
#include <vector>

#include "edgek/measure/recording_ledger.hpp"

namespace edgek::cli {

/// A ledger with room for the time of `tokens` tokens, or of a prompt.
struct Watch {
  explicit Watch(std::size_t tokens)
      : totals(64), spans(tokens), pending(1 << 14), ledger(totals, spans, pending) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  std::vector<KernelTotals> totals;
  std::vector<TokenSpan> spans;
  std::vector<LedgerEntry> pending;
  RecordingLedger ledger;
};

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_WATCH_HPP_
