#ifndef EDGEK_OPS_MATMUL_HPP_
#define EDGEK_OPS_MATMUL_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <numeric>
#include <span>

#include "edgek/core/matrix_view.hpp"
#include "edgek/core/status.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/ops/matmul_plan.hpp"
#include "edgek/ops/refinement.hpp"
#include "edgek/ops/region.hpp"
#include "edgek/runtime/context.hpp"

namespace edgek {
inline namespace EDGEK_ABI {
namespace ops_detail {

/// A product in one region: some matrices, one input, activations packed once for each layout in use.
class MatmulRegion {
 public:
  MatmulRegion(Context& ctx, ConstRows x) noexcept : clock_ns_(clock_for(ctx.ledger)), ctx_(ctx), x_(x) {}

  /// Needs  check_matmul() == kOk, and fewer than kMaxFused matrices so far.
  void add(const MatrixView& w, Rows y, const OpLabel& label) noexcept {
    const MatmulPart part = make_part(ctx_, w, x_, y);
    packed_stride_[part.packing] = part.job.x_stride;
    parts_[products_.count] = part;
    products_.products[products_.count++] = {label.tensor, label.layer, w.format, w.rows};
  }

  Status run() noexcept {
    MatmulQueue queue(parts(), ctx_.tuning, max_threads());
    const Status ready = prepare(queue.threads(), 0);
    if (ready != Status::kOk) return ready;
    run_queue(queue, [&](const MatmulChunk& chunk, const ThreadScratch& scratch, Clock& clock) {
      clock.enter(chunk.part);
      multiply(parts_[chunk.part], chunk, scratch);
    });
    return Status::kOk;
  }

  /// For two matrices, a gate and what it opens: y = silu(gate x) * (up x), where the gate's output is y.
  /// Rows of both are computed by one thread, which then multiplies them while they are in its cache.
  Status run_gated() noexcept {
    MatmulPart& gate = parts_[0];
    MatmulPart& up = parts_[1];
    products_.gated = true;
    pair(gate, up);
    MatmulQueue queue(parts().first(1), ctx_.tuning, max_threads());
    const Status ready = prepare(queue.threads(), x_.count * up.rows);
    if (ready != Status::kOk) return ready;
    up.job.y = extra_;
    up.job.y_stride = up.rows;
    run_queue(queue, [&](const MatmulChunk& chunk, const ThreadScratch& scratch, Clock& clock) {
      clock.enter(0);
      multiply(gate, chunk, scratch);
      clock.enter(1);
      multiply(up, chunk, scratch);
      clock.enter(2);
      for (std::size_t t = chunk.token_begin; t < chunk.token_end; ++t) {
        float* y = gate.job.y + t * gate.job.y_stride + chunk.row_begin;
        const float* opened = up.job.y + t * up.job.y_stride + chunk.row_begin;
        ctx_.kernels.silu_mul(y, opened, chunk.row_end - chunk.row_begin, y);
      }
    });
    return Status::kOk;
  }

 private:
  /// What one thread may write to.
  struct ThreadScratch {
    std::byte* kernel;  // (kKernelScratchBytes), or none where no panel kernel runs
    float* refined;     // (Refinement::output_floats), or none
  };

  /// Counts what passes for the part that was named last.
  class Clock {
   public:
    Clock(const Ledger* ledger, ThreadTicks& ticks) noexcept
        : clock_(ledger != nullptr ? &ledger->clock() : nullptr), ticks_(ticks), last_(clock_ ? clock_->ticks() : 0) {}
    void enter(std::size_t part) noexcept {
      if (clock_ == nullptr || part == part_) return;
      stop();
      part_ = part;
    }
    void stop() noexcept {
      if (clock_ == nullptr) return;
      const std::uint64_t now = clock_->ticks();
      ticks_.parts[part_] += now - last_;
      last_ = now;
    }

   private:
    const TickClock* clock_;
    ThreadTicks& ticks_;
    std::uint64_t last_;
    std::size_t part_ = 0;
  };

  /// What is done for all products goes by the first one's.
  OpLabel label() const noexcept { return {products_.products[0].tensor, products_.products[0].layer}; }
  std::size_t max_threads() const noexcept { return std::min(ctx_.executor.threads(), kMaxTimedThreads); }
  std::span<MatmulPart> parts() noexcept { return std::span(parts_).first(products_.count); }
  bool any_panel() noexcept {
    return std::any_of(parts().begin(), parts().end(), [](const MatmulPart& p) { return p.panel; });
  }

  bool is_refined(const MatmulPart& part) const noexcept { return part.kernels->activation == Activation::kA32; }
  bool any_refined() noexcept {
    return std::any_of(parts().begin(), parts().end(), [this](const MatmulPart& p) { return is_refined(p); });
  }

  void multiply(const MatmulPart& part, const MatmulChunk& chunk, const ThreadScratch& scratch) noexcept {
    run_chunk(part, chunk, scratch.kernel);
    if (part.panel && is_refined(part)) refinement_.apply(ctx_, part, chunk, scratch.refined, scratch.kernel);
  }

  // One set of chunks must suit both kernels.
  static void pair(MatmulPart& gate, const MatmulPart& up) noexcept {
    gate.unit_bytes = gate.unit_bytes / gate.tile + up.unit_bytes / up.tile;
    gate.unit_cost = gate.unit_cost / gate.tile + up.unit_cost / up.tile;
    gate.tile = std::lcm(gate.tile, up.tile);
    gate.unit_bytes *= gate.tile;
    gate.unit_cost *= gate.tile;
    gate.tiles = (gate.rows + gate.tile - 1) / gate.tile;
    const std::size_t tokens = gate.job.tokens;
    gate.token_block = std::min(gate.panel ? gate.token_block : tokens, up.panel ? up.token_block : tokens);
    gate.units = gate.tiles * ((tokens + gate.token_block - 1) / gate.token_block);
  }

  Status prepare(std::size_t threads, std::size_t extra_floats) noexcept {
    scratch_bytes_ = any_panel() ? kKernelScratchBytes : 0;
    refined_floats_ = any_refined() && any_panel() ? Refinement::output_floats(x_.count) : 0;
    CheckedSize bytes = Arena::bytes_for<std::byte>(CheckedSize(threads) * scratch_bytes_);
    bytes += Arena::bytes_for<float>(CheckedSize(threads) * refined_floats_);
    if (any_refined()) bytes += Refinement::bytes(x_.count, x_.cols);
    bytes += Arena::bytes_for<ThreadTicks>(threads);
    bytes += Arena::bytes_for<float>(extra_floats);
    for (const std::size_t stride : packed_stride_)
      bytes += Arena::bytes_for<std::byte>(CheckedSize(x_.count) * stride);
    const Status grown = ctx_.scratch.reset(bytes);
    if (grown != Status::kOk) return grown;
    scratch_ = ctx_.scratch.take<std::byte>(threads * scratch_bytes_);
    refined_ = ctx_.scratch.take<float>(threads * refined_floats_);
    ticks_ = place_to_count(threads);
    extra_ = ctx_.scratch.take<float>(extra_floats);
    for (std::size_t p = 0; p < kPackings; ++p)
      if (packed_stride_[p] > 0) pack(p);
    return Status::kOk;
  }

  ThreadTicks* place_to_count(std::size_t threads) noexcept {
    ThreadTicks* wanted = ctx_.ledger != nullptr ? ctx_.ledger->ticks_for(threads) : nullptr;
    return wanted != nullptr ? wanted : ctx_.scratch.take<ThreadTicks>(threads);
  }

  std::size_t packings() const noexcept {
    return kPackings - static_cast<std::size_t>(std::count(packed_stride_.begin(), packed_stride_.end(), 0u));
  }

  // Its entry begins with the region: what was set up for it counts. One token's is the region's: an entry less.
  void pack(std::size_t packing) noexcept {
    const Activation activation = activation_of(packing);
    const bool refined = activation == Activation::kA32;
    const std::size_t stride = packed_stride_[packing];
    std::byte* out = ctx_.scratch.take<std::byte>(x_.count * stride);
    if (refined) refinement_.begin(ctx_.scratch, x_, out, stride);
    for (MatmulPart& part : parts()) {
      if (part.packing != packing) continue;
      part.job.x = out;
      if (refined && !part.panel) part.job.rest = refinement_.by_token();
    }
    const char* const op = activation == Activation::kF32 ? "pack" : "quantize";
    const KernelSet::PackFn fn = ctx_.kernels.pack[static_cast<std::size_t>(activation)];
    const bool panel = packing == kActivationCount;
    const std::size_t moved =
        x_.count * (x_.cols * sizeof(float) + stride) + (refined ? refinement_.bytes_moved() : 0);
    const auto pack_token = [&](std::size_t t) {
      fn(x_.row(t), x_.cols, panel, out + t * stride);
      if (refined) refinement_.look_again(ctx_.kernels, t);
    };
    if (x_.count == 1 && !any_panel() && packings() == 1) {
      run_items(ctx_, 1, pack_token);
      products_.packing = op, products_.packed_bytes = moved;
      products_.packed_ns = clock_for(ctx_.ledger);
      return;
    }
    LedgerEntry entry = entry_since(clock_ns_, op);
    entry.k = x_.cols, entry.n = x_.count;
    entry.traffic.activations = moved;
    run_over(ctx_, x_.count, entry, label(), pack_token);
    clock_ns_ = entry.end_ns;
    if (refined && any_panel()) clock_ns_ = refinement_.gather(ctx_, label(), clock_ns_);
  }

  template <typename RunChunk>
  void run_queue(MatmulQueue& queue, const RunChunk& run_one) noexcept {
    const bool timed = ctx_.ledger != nullptr;
    run_items(ctx_, queue.threads(), [&](std::size_t item) {
      if (timed) __builtin_prefetch(&ticks_[item], 1);
      ThreadTicks ticks{};
      Clock clock(ctx_.ledger, ticks);
      MatmulChunk chunk;
      const ThreadScratch scratch{scratch_ + item * scratch_bytes_, refined_ + item * refined_floats_};
      while (queue.take(chunk)) run_one(chunk, scratch, clock);
      clock.stop();
      if (timed) ticks_[item] = ticks;
    });
    if (timed) record_products(queue.threads());
  }

  void record_products(std::size_t threads) noexcept {
    products_.target = ctx_.kernels.name;
    products_.cols = x_.cols, products_.tokens = x_.count;
    products_.threads = static_cast<std::uint32_t>(threads);
    products_.ticks = ticks_;
    products_.start_ns = clock_ns_, products_.end_ns = ctx_.ledger->clock().now();
    ctx_.ledger->record_products(products_);
  }

  std::uint64_t clock_ns_;  // first, before all is set up: each item of the region begins where the last one ended
  Context& ctx_;
  const ConstRows x_;
  std::array<MatmulPart, kMaxFused> parts_{};
  ProductRegion products_;
  std::array<std::size_t, kPackings> packed_stride_{};  // bytes a token; 0: layout not in use
  Refinement refinement_;
  std::size_t scratch_bytes_ = 0, refined_floats_ = 0;  // of a thread
  std::byte* scratch_ = nullptr;                        // (threads, scratch_bytes_)
  float* refined_ = nullptr;                            // (threads, refined_floats_)
  ThreadTicks* ticks_ = nullptr;                        // (threads)
  float* extra_ = nullptr;
};

/// The sum of nothing: what a matrix without columns gives.
inline void fill_zero(Rows y) noexcept {
  for (std::size_t t = 0; t < y.count; ++t) std::fill_n(y.row(t), y.cols, 0.0f);
}

}  // namespace ops_detail

/// Y_i[t, r] = sum_k W_i[r, k] * X[t, k] for several matrices and one input, which is quantized once; one region.
///   ws: any number of matrices of any formats; x: (tokens, cols); ys[i]: (tokens, rows of ws[i]).
/// Needs   outputs that overlap neither each other nor an input. No alignment; 64 bytes is faster.
/// Value   the sums of the format's reference (FormatTraits); int8 activations in blocks of 32 with a second
///         look at the two coarsest of a token (refinement.hpp).
/// Splits  by the executor's threads; the bits depend on nothing but ws and x (docs/numerics.md).
/// Moves   every weight once for up to max_row_tokens tokens, once per block of tokens beyond.
/// Returns kOk, or what is wrong with the first operand that does not fit; nothing is written then. A
///         product without rows or tokens is kOk and nothing. `labels` may be shorter than ws.
inline Status matmul(Context& ctx, std::span<const MatrixView> ws, ConstRows x, std::span<const Rows> ys,
                     std::span<const OpLabel> labels = {}) noexcept {
  if (ws.size() != ys.size()) return Status::kShapeMismatch;
  for (std::size_t i = 0; i < ws.size(); ++i)
    if (const Status s = ops_detail::check_matmul(ctx.kernels, ws[i], x, ys[i]); s != Status::kOk) return s;
  if (x.count == 0) return Status::kOk;
  for (std::size_t first = 0; first < ws.size(); first += ops_detail::kMaxFused) {
    ops_detail::MatmulRegion region(ctx, x);
    std::size_t added = 0;
    for (std::size_t i = first; i < std::min(ws.size(), first + ops_detail::kMaxFused); ++i) {
      if (x.cols == 0) ops_detail::fill_zero(ys[i]);
      if (x.cols == 0 || ws[i].rows == 0) continue;
      region.add(ws[i], ys[i], i < labels.size() ? labels[i] : OpLabel{});
      ++added;
    }
    if (added == 0) continue;
    if (const Status s = region.run(); s != Status::kOk) return s;
  }
  return Status::kOk;
}

/// The same, for lists written in place: matmul(ctx, {wq, wk, wv}, x, {q, k, v}).
inline Status matmul(Context& ctx, std::initializer_list<MatrixView> ws, ConstRows x, std::initializer_list<Rows> ys,
                     std::initializer_list<OpLabel> labels = {}) noexcept {
  return matmul(ctx, std::span(ws.begin(), ws.size()), x, std::span(ys.begin(), ys.size()),
                std::span(labels.begin(), labels.size()));
}

/// Y[t, r] = sum_k W[r, k] * X[t, k].   x: (tokens, cols); y: (tokens, rows).
inline Status matmul(Context& ctx, const MatrixView& w, ConstRows x, Rows y, const OpLabel& label = {}) noexcept {
  return matmul(ctx, std::span(&w, 1), x, std::span(&y, 1), std::span(&label, 1));
}

/// y[r] = sum_k w[r, k] * x[k].   x: (cols); y: (rows). The bits of matmul with one token.
inline Status matvec(Context& ctx, const MatrixView& w, const float* x, float* y, const OpLabel& label = {}) noexcept {
  return matmul(ctx, w, ConstRows(x, 1, w.cols), Rows(y, 1, w.rows), label);
}

/// Y = silu(gate X) * (up X), element by element: a gated feed-forward's first half in one region.
///   gate, up: (rows, cols), of any formats; x: (tokens, cols); y: (tokens, rows). Otherwise as matmul.
inline Status matmul_silu(Context& ctx, const MatrixView& gate, const MatrixView& up, ConstRows x, Rows y,
                          const OpLabel& gate_label = {}, const OpLabel& up_label = {}) noexcept {
  for (const MatrixView* w : {&gate, &up})
    if (const Status s = ops_detail::check_matmul(ctx.kernels, *w, x, y); s != Status::kOk) return s;
  if (x.count == 0 || gate.rows == 0) return Status::kOk;
  if (x.cols == 0) {
    ops_detail::fill_zero(y);
    return Status::kOk;
  }
  ops_detail::MatmulRegion region(ctx, x);
  region.add(gate, y, gate_label);
  region.add(up, y, up_label);
  return region.run_gated();
}

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_MATMUL_HPP_
