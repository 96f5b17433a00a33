#ifndef EDGEK_EXAMPLES_CLI_WATCH_HPP_
#define EDGEK_EXAMPLES_CLI_WATCH_HPP_

#include <cstddef>
#include <vector>

#include "edgek/measure/recording_ledger.hpp"

namespace edgek::cli {

/// A ledger with room for the time of `tokens` tokens, or of a prompt.
struct Watch {
  explicit Watch(std::size_t tokens)
      : totals(64), spans(tokens), entries(1 << 14), products(1 << 12), ticks(1 << 14),
        ledger(totals, spans, {entries, products, ticks}) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  std::vector<KernelTotals> totals;
  std::vector<TokenSpan> spans;
  std::vector<LedgerEntry> entries;
  std::vector<ProductRegion> products;
  std::vector<ThreadTicks> ticks;
  RecordingLedger ledger;
};

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_WATCH_HPP_
