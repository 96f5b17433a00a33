#ifndef EDGEK_EDGEK_HPP_
#define EDGEK_EDGEK_HPP_

/// edgek: quantized inference kernels for CPUs, and the ops and runtime that spread them over threads.
/// Needs Highway's headers and nothing else; no exceptions, no RTTI. See README.md and docs/.

#include "edgek/config.hpp"
#include "edgek/version.hpp"

#include "edgek/core/format.hpp"
#include "edgek/core/half.hpp"
#include "edgek/core/matrix_view.hpp"
#include "edgek/core/status.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/kernels/kernels.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/measure/ledger.hpp"
#include "edgek/measure/percentiles.hpp"
#include "edgek/measure/recording_ledger.hpp"
#include "edgek/ops/attention.hpp"
#include "edgek/ops/elementwise.hpp"
#include "edgek/ops/matmul.hpp"
#include "edgek/ops/tune_attention.hpp"
#include "edgek/ops/tune_streams.hpp"
#include "edgek/runtime/arena.hpp"
#include "edgek/runtime/context.hpp"
#include "edgek/runtime/cpu.hpp"
#include "edgek/runtime/executor.hpp"
#include "edgek/runtime/thread_pool.hpp"

#ifndef EDGEK_DECLARE_ONLY
#include "edgek/detail/dispatch.hpp"
#endif

#endif  // EDGEK_EDGEK_HPP_
