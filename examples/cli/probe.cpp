#include <algorithm>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "common.hpp"
#include "edgek/model/error.hpp"
#include "edgek/roofline.hpp"
#include "edgek/runtime/thread_pool.hpp"
#include "roof_cache.hpp"

namespace edgek::cli {

namespace {

struct ProbeCommand {
  CommonOptions common;
  std::vector<std::size_t> threads;
  std::uint64_t footprint = 0;
  bool cached = false, no_cache = false;
};

struct Results {
  std::vector<ReadRate> reads;
  std::vector<std::string> units;  // one for each of peaks
  std::vector<UnitPeak> peaks;
};

void probe_with(ThreadPool& pool, const ProbeCommand& c, const KernelSet& kernels, const Machine& machine,
                Progress& progress, Results& out) {
  std::vector<std::uint64_t> footprints;
  for (const MemoryLevel& level : memory_levels(machine, pool.threads())) footprints.push_back(level.footprint);
  if (c.footprint != 0) footprints = {c.footprint};
  const std::size_t steps = footprints.size() + 2 * kFormatCount;
  std::size_t step = 0;
  Battery battery{seconds_now(), {}};
  for (const std::uint64_t footprint : footprints) {
    const std::vector<ReadRate> rates = probe_reads(kernels, pool, footprint);
    out.reads.insert(out.reads.end(), rates.begin(), rates.end());
    battery.best.push_back(best_of(rates));
    progress.update(++step, steps);
  }
  if (c.footprint == 0 && !c.no_cache) RoofCache(machine, kernels.name).store(pool.threads(), battery);
  for (const FormatInfo& row : kFormats) {
    const MatmulKernels& k = (c.common.exact ? kernels.exact : kernels.by_format)[index_of(row.format)];
    for (const Unit unit : {Unit::kRows, Unit::kPanel}) {
      out.units.push_back(unit_name(k, row.format, unit));
      out.peaks.push_back(measure_peak(kernels, pool, row.format, unit, c.common.exact));
      progress.update(++step, steps);
    }
  }
}

void print_table(const Results& results, const Machine& machine, const KernelSet& kernels) {
  print(fmt::format("{}, {} cores; kernels {} (of", machine.cpu, machine.cores, kernels.name));
  for (const KernelSet* set : all_kernels()) print(fmt::format(" {}", set->name));
  print(")\n\nRead bandwidth, GB/s\n  threads   footprint  loop\n");
  for (const ReadRate& r : results.reads)
    print(fmt::format("  {:7}  {:7.2f} MB  {:26} {:8.1f}\n", r.threads, static_cast<double>(r.footprint) * 1e-6,
                      to_string(r.loop), r.gbps));
  print("\nCompute peak, GMAC/s, operands in cache\n  threads  unit\n");
  for (std::size_t i = 0; i < results.peaks.size(); ++i)
    print(fmt::format("  {:7}  {:26} {:8.1f}\n", results.peaks[i].threads, results.units[i], results.peaks[i].gmacs));
}

nlohmann::ordered_json to_json(const Results& results, const Provenance& provenance) {
  nlohmann::ordered_json json = document("probe", provenance);
  json["targets"] = nlohmann::ordered_json::array();
  for (const KernelSet* set : all_kernels()) json["targets"].push_back(set->name);
  json["read_gbps"] = nlohmann::ordered_json::array();
  for (const ReadRate& r : results.reads)
    json["read_gbps"].push_back(
        {{"threads", r.threads}, {"footprint", r.footprint}, {"loop", to_string(r.loop)}, {"gbps", r.gbps}});
  json["peak_gmacs"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < results.peaks.size(); ++i)
    json["peak_gmacs"].push_back({{"unit", results.units[i]},
                                  {"threads", results.peaks[i].threads},
                                  {"gmacs", results.peaks[i].gmacs}});
  return json;
}

/// What the cache holds for these threads; nothing is measured.
int show_cached(const ProbeCommand& c, const std::vector<std::size_t>& threads, const Machine& machine,
                const KernelSet& kernels) {
  const RoofCache cache(machine, kernels.name);
  nlohmann::ordered_json json = document("probe", provenance_of(c.common, kernels, threads.back()));
  std::string text = fmt::format("Best read loops, as compared before; {}\n", cache.file());
  nlohmann::ordered_json& found = json["cached"] = nlohmann::ordered_json::array();
  for (const std::size_t count : threads) {
    const std::optional<Battery> battery = cache.find(count);
    if (!battery) continue;
    for (const ReadRate& r : battery->best) {
      const std::string time = utc_text(battery->measured_s);
      text += fmt::format("  {:7} threads  {:9.2f} MB  {:26} {:8.1f} GB/s  {}\n", r.threads,
                          static_cast<double>(r.footprint) * 1e-6, to_string(r.loop), r.gbps, time);
      found.push_back({{"threads", r.threads}, {"footprint", r.footprint}, {"loop", to_string(r.loop)},
                       {"gbps", r.gbps}, {"time", time}});
    }
  }
  if (found.empty())
    throw Error(cache.file(), "roofs", "none of this machine", "at most 24 h old; `edgek probe` measures them");
  if (c.common.json) print_json(json);
  else print(text);
  return kDone;
}

int run(const ProbeCommand& c) {
  const KernelSet& kernels = choose_kernels(c.common);
  const Machine machine = describe_machine();
  std::vector<std::size_t> threads = c.threads;
  if (threads.empty()) {
    threads.push_back(1);
    if (machine.cores > 1) threads.push_back(machine.cores);
  }
  if (c.cached) return show_cached(c, threads, machine, kernels);
  Results results;
  for (const std::size_t count : threads) {
    ThreadPool pool(count);
    Progress progress(fmt::format("probing with {} threads", pool.threads()));
    probe_with(pool, c, kernels, machine, progress, results);
  }
  const std::size_t most = *std::max_element(threads.begin(), threads.end());
  if (c.common.json) print_json(to_json(results, provenance_of(c.common, kernels, most)));
  else print_table(results, machine, kernels);
  return kDone;
}

}  // namespace

void add_probe(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<ProbeCommand>();
  CLI::App* sub = app.add_subcommand("probe", "Measure this machine: kernel sets, read bandwidth, compute peaks");
  sub->add_option("-t,--threads", c->threads, "Thread counts, as 1,2 (default: 1 and all)")
      ->delimiter(',')
      ->check(in_range(1, 1024))
      ->type_name("N,..");
  sub->add_option("--footprint", c->footprint, "Read this many bytes instead of one footprint per cache level")
      ->check(in_range(std::uint64_t{65536}, std::uint64_t{1} << 40))
      ->type_name("BYTES");
  sub->add_flag("--cached", c->cached, "Measure nothing: print the best read loops that the cache holds");
  sub->add_flag("--no-cache", c->no_cache, "Do not write the best read loops to the cache");
  add_common_options(*sub, c->common, false);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
