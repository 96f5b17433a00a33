#ifndef EDGEK_OPS_ELEMENTWISE_HPP_
#define EDGEK_OPS_ELEMENTWISE_HPP_

#include <cstddef>

#include "edgek/core/matrix_view.hpp"
#include "edgek/core/status.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/ops/region.hpp"
#include "edgek/runtime/context.hpp"

// Ops that take a row at a time. Rows are spread over threads; one row is never split.

namespace edgek {
inline namespace EDGEK_ABI {
namespace ops_detail {

template <typename A, typename B>
Status check_same_shape(const BasicRows<A>& a, const BasicRows<B>& b) noexcept {
  if (a.cols != b.cols || a.count != b.count) return Status::kShapeMismatch;
  if (a.count > 1 && (a.stride < a.cols || b.stride < b.cols)) return Status::kShapeMismatch;
  const bool empty = a.cols == 0 || a.count == 0;
  return !empty && (a.data == nullptr || b.data == nullptr) ? Status::kNullData : Status::kOk;
}

/// fn(row) for every row; `floats` is how many a row reads and writes.
template <typename Fn>
void run_rows(Context& ctx, const char* op, std::size_t rows, std::size_t cols, std::size_t floats,
              const OpLabel& label, Fn&& fn) noexcept {
  if (rows == 0 || cols == 0) return;
  LedgerEntry entry = start_entry(ctx, op);
  entry.k = cols, entry.n = rows;
  entry.traffic.activations = sizeof(float) * rows * floats;
  run_over(ctx, rows, entry, label, fn);
}

}  // namespace ops_detail

/// Y[t] = X[t] / sqrt(mean(X[t]^2) + eps) * weight.   x, y: (tokens, cols), y may be x; weight: (cols).
inline Status rmsnorm(Context& ctx, ConstRows x, const float* weight, float eps, Rows y,
                      const OpLabel& label = {}) noexcept {
  if (const Status s = ops_detail::check_same_shape(x, y); s != Status::kOk) return s;
  if (x.cols > 0 && x.count > 0 && weight == nullptr) return Status::kNullData;
  ops_detail::run_rows(ctx, "rmsnorm", x.count, x.cols, 3 * x.cols, label,
                   [&](std::size_t t) { ctx.kernels.rmsnorm(x.row(t), weight, eps, x.cols, y.row(t)); });
  return Status::kOk;
}

/// Y += X.   x, y: (tokens, cols).
inline Status add(Context& ctx, ConstRows x, Rows y, const OpLabel& label = {}) noexcept {
  if (const Status s = ops_detail::check_same_shape(x, y); s != Status::kOk) return s;
  ops_detail::run_rows(ctx, "add", x.count, x.cols, 3 * x.cols, label,
                   [&](std::size_t t) { ctx.kernels.add(x.row(t), x.cols, y.row(t)); });
  return Status::kOk;
}

/// residual += X, then Y = rmsnorm(residual): what stands between two halves of a layer, in one region.
///   x, residual, y: (tokens, cols), y may be x; weight: (cols). The bits of add() and rmsnorm().
inline Status add_rmsnorm(Context& ctx, ConstRows x, Rows residual, const float* weight, float eps, Rows y,
                          const OpLabel& label = {}) noexcept {
  if (const Status s = ops_detail::check_same_shape(x, residual); s != Status::kOk) return s;
  if (const Status s = ops_detail::check_same_shape(x, y); s != Status::kOk) return s;
  if (x.cols > 0 && x.count > 0 && weight == nullptr) return Status::kNullData;
  ops_detail::run_rows(ctx, "add_rmsnorm", x.count, x.cols, 5 * x.cols, label, [&](std::size_t t) {
    ctx.kernels.add(x.row(t), x.cols, residual.row(t));
    ctx.kernels.rmsnorm(residual.row(t), weight, eps, x.cols, y.row(t));
  });
  return Status::kOk;
}

/// Y = silu(gate) * up, element by element.   All (tokens, cols); y may be gate.
inline Status silu_mul(Context& ctx, ConstRows gate, ConstRows up, Rows y, const OpLabel& label = {}) noexcept {
  if (const Status s = ops_detail::check_same_shape(gate, y); s != Status::kOk) return s;
  if (const Status s = ops_detail::check_same_shape(up, y); s != Status::kOk) return s;
  ops_detail::run_rows(ctx, "silu_mul", y.count, y.cols, 3 * y.cols, label,
                   [&](std::size_t t) { ctx.kernels.silu_mul(gate.row(t), up.row(t), y.cols, y.row(t)); });
  return Status::kOk;
}

/// Y = gelu(gate) * up, element by element.   All (tokens, cols); y may be gate.
inline Status gelu_mul(Context& ctx, ConstRows gate, ConstRows up, Rows y, const OpLabel& label = {}) noexcept {
  if (const Status s = ops_detail::check_same_shape(gate, y); s != Status::kOk) return s;
  if (const Status s = ops_detail::check_same_shape(up, y); s != Status::kOk) return s;
  ops_detail::run_rows(ctx, "gelu_mul", y.count, y.cols, 3 * y.cols, label,
                   [&](std::size_t t) { ctx.kernels.gelu_mul(gate.row(t), up.row(t), y.cols, y.row(t)); });
  return Status::kOk;
}

/// Every row becomes exp(x - max) / sum, in place.   x: (tokens, cols).
inline Status softmax(Context& ctx, Rows x, const OpLabel& label = {}) noexcept {
  if (const Status s = ops_detail::check_same_shape(x, x); s != Status::kOk) return s;
  ops_detail::run_rows(ctx, "softmax", x.count, x.cols, 2 * x.cols, label,
                   [&](std::size_t t) { ctx.kernels.softmax(x.row(t), x.cols); });
  return Status::kOk;
}

/// What a rotation needs: for token t, `pairs` cosines and then `pairs` sines at cos_sin + t * 2 * pairs.
struct RopeView {
  const float* cos_sin = nullptr;  // (tokens, 2, pairs)
  std::size_t pairs = 0;           // of each head; 2 * pairs <= head_dim
  bool adjacent = true;            // pair i is (2i, 2i + 1), else (i, i + pairs)
};

/// Rotates every head of every token in place.   x: (tokens, heads * head_dim).
inline Status rope(Context& ctx, Rows x, std::size_t head_dim, const RopeView& angles,
                   const OpLabel& label = {}) noexcept {
  if (const Status s = ops_detail::check_same_shape(x, x); s != Status::kOk) return s;
  if (x.cols == 0 || x.count == 0 || angles.pairs == 0) return Status::kOk;
  if (head_dim == 0 || x.cols % head_dim != 0 || angles.pairs > head_dim / 2) return Status::kShapeMismatch;
  if (angles.cos_sin == nullptr) return Status::kNullData;
  ops_detail::run_rows(ctx, "rope", x.count, x.cols, 2 * x.cols, label, [&](std::size_t t) {
    ctx.kernels.rope(x.row(t), x.cols / head_dim, head_dim, angles.cos_sin + t * 2 * angles.pairs, angles.pairs,
                     angles.adjacent);
  });
  return Status::kOk;
}

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_ELEMENTWISE_HPP_
