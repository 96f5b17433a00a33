#ifndef EDGEK_ROOFLINE_HPP_
#define EDGEK_ROOFLINE_HPP_

/// How fast could this have been, and where did the time go: probes of the machine, the replay of any list
/// of byte spans, the split of recorded time, reports. Needs edgek.hpp only, so it serves any engine whose
/// ops write to a Ledger. Reports allocate; measuring loops do not.

#include "edgek/edgek.hpp"

#include "edgek/measure/clock.hpp"
#include "edgek/measure/histogram.hpp"
#include "edgek/measure/json_writer.hpp"
#include "edgek/measure/machine.hpp"
#include "edgek/measure/percentiles.hpp"
#include "edgek/measure/provenance.hpp"
#include "edgek/measure/recording_ledger.hpp"
#include "edgek/roofline/attribution.hpp"
#include "edgek/roofline/context_chart.hpp"
#include "edgek/roofline/context_sweep.hpp"
#include "edgek/roofline/energy.hpp"
#include "edgek/roofline/html.hpp"
#include "edgek/roofline/peak.hpp"
#include "edgek/roofline/picture.hpp"
#include "edgek/roofline/pipeline.hpp"
#include "edgek/roofline/predict.hpp"
#include "edgek/roofline/probe.hpp"
#include "edgek/roofline/read_loops.hpp"
#include "edgek/roofline/replay.hpp"
#include "edgek/roofline/report.hpp"
#include "edgek/roofline/sustain.hpp"
#include "edgek/roofline/table.hpp"

#endif  // EDGEK_ROOFLINE_HPP_
