#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/harness/certified.h"
#include "bench/harness/cost_flags.h"
#include "bench/harness/device_flags.h"
#include "bench/harness/printed.h"
#include "bench/harness/program.h"
#include "bench/transport/cloud.h"
#include "engine/file.h"
#include "engine/npy.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/transport/exact.h"
#include "losses/transport/sinkhorn.h"

// The distance of two point clouds, exact or entropic. Nothing is trained and there is no run folder: what is found is
// said, and coupling and potentials are written where asked.

using namespace wasserkern;
using bench::printed;

namespace {

constexpr double kSameSum = 1e-6;
constexpr double kShareOfMeanCost = 0.01;

struct Options {
  LqCost cost;
  bool exact;
  losses::SinkhornRule rule;
  bool epsilon_given;
  DeviceOptions device;
  std::string source_mass, target_mass, coupling, potentials;
  std::string source, target;

  explicit Options(bench::Flags& flags);
};

Options::Options(bench::Flags& flags) {
  const bench::Flag epsilon_flag{"epsilon", "COST",
                                 "sinkhorn: the entropy's weight, as a cost (default: a hundredth of the mean cost)"};
  cost = bench::cost_flags(flags);
  exact = flags.choice({"method", "", "exact, or with entropy"}, {"exact", "sinkhorn"}) == "exact";
  rule.epsilon = static_cast<float>(flags.number(epsilon_flag, 0));
  rule.tolerance = static_cast<float>(
      flags.number({"tolerance", "SHARE", "sinkhorn: of the mass, by which the plan's marginals may be off"},
                   bench::decimal(rule.tolerance)));
  rule.most_iterations =
      flags.integer({"iterations", "COUNT", "sinkhorn: after which it gives up"}, rule.most_iterations, 1);
  source_mass = flags.text({"source-mass", "FILE.npy", "masses of SOURCE's points (default: equal ones)"}, "");
  target_mass = flags.text({"target-mass", "FILE.npy", "masses of TARGET's points (default: equal ones)"}, "");
  coupling = flags.text({"coupling", "FILE.npy", "where to write the plan: rows (source, target, mass)"}, "");
  potentials = flags.text({"potentials", "PREFIX", "write PREFIX-source.npy and PREFIX-target.npy"}, "");
  device = bench::device_flags(flags);
  source = flags.positional({"SOURCE", "FILE.npy", "points: float32 or float64, [points, coordinates] or images"});
  target = flags.positional({"TARGET", "FILE.npy", "points of the same size"});
  flags.finish();
  epsilon_given = flags.given("epsilon");
  if (epsilon_given && !(rule.epsilon > 0)) throw UsageError("--epsilon must be positive");
  if (!(rule.tolerance > 0)) throw UsageError("--tolerance must be positive");
  for (const char* name : {"epsilon", "tolerance", "iterations"})
    if (exact && flags.given(name)) throw UsageError(std::string("--") + name + " is of --method sinkhorn");
}

/// What either method finds.
struct Transport {
  double value;  // the least cost; with entropy, entropy included
  double dual;   // of admissible potentials: no plan costs less
  std::string note;
  std::vector<losses::Flow> coupling = {};  // of sinkhorn, if asked for
  std::vector<double> source_potential, target_potential;
};

std::vector<double> to_doubles(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_host();
  return {values.begin(), values.end()};
}

double mass_of(const losses::Measure& measure, size_t point) {
  return measure.mass.empty() ? 1 / static_cast<double>(measure.points.shape().rows()) : measure.mass[point];
}

double mean_cost(const LqCost& cost, const losses::Measure& sources, const losses::Measure& targets) {
  constexpr int64_t kRows = 256;  // at a time: all pairs need not fit
  const int64_t rows = sources.points.shape().rows();
  double sum = 0;
  for (int64_t begin = 0; begin < rows; begin += kRows) {
    const int64_t end = std::min(rows, begin + kRows);
    const Tensor costs = pairwise_cost(cost, sources.points.viewed_rows(begin, end), targets.points);
    sum += double{mean(costs).item()} * static_cast<double>(end - begin);
  }
  return sum / static_cast<double>(rows);
}

Transport exact(const Options& options, const losses::Measure& sources, const losses::Measure& targets) {
  losses::ExactTransport found = losses::exact_transport(options.cost, sources, targets);
  return {bench::certified_cost(found),
          found.dual,
          "yes: every pair was seen to be admissible",
          std::move(found.coupling),
          std::move(found.source_potential),
          std::move(found.target_potential)};
}

/// a_i b_j exp((f_i + g_j - c_ij) / epsilon), where it is above 0.
std::vector<losses::Flow> entropic_coupling(const Options& options, const losses::Measure& sources,
                                            const losses::Measure& targets, const Transport& found, double epsilon) {
  const std::vector<float> costs = pairwise_cost(options.cost, sources.points, targets.points).to_host();
  const size_t m = found.source_potential.size(), n = found.target_potential.size();
  const double scale = 1 / bench::total_mass(sources);
  std::vector<losses::Flow> coupling;
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j) {
      const double slack = found.source_potential[i] + found.target_potential[j] - double{costs[i * n + j]};
      const double mass = mass_of(sources, i) * mass_of(targets, j) * scale * std::exp(slack / epsilon);
      if (mass > 0) coupling.push_back({static_cast<int32_t>(i), static_cast<int32_t>(j), mass});
    }
  return coupling;
}

/// What potentials of the sources show of the exact cost: with their c-transform they are admissible.
double bound_on_exact(const Options& options, const losses::Measure& sources, const losses::Measure& targets,
                      const Tensor& source_potential) {
  const std::vector<double> f = to_doubles(source_potential);
  const std::vector<double> g =
      to_doubles(min_over(options.cost, sources.points, source_potential, targets.points).value);
  double dual = 0;
  for (size_t i = 0; i < f.size(); ++i) dual += mass_of(sources, i) * f[i];
  for (size_t j = 0; j < g.size(); ++j) dual += mass_of(targets, j) * g[j];
  return dual;
}

Transport entropic(const Options& options, const losses::Measure& sources, const losses::Measure& targets) {
  losses::SinkhornRule rule = options.rule;
  if (!options.epsilon_given)
    rule.epsilon = static_cast<float>(kShareOfMeanCost * mean_cost(options.cost, sources, targets));
  if (!(rule.epsilon > 0)) throw DataError("all points are in one place: their mean cost is 0; give an --epsilon");
  const losses::EntropicTransport found = losses::sinkhorn(options.cost, sources, targets, rule);
  if (!found.converged)
    throw Error("Sinkhorn's iteration has not converged after " + std::to_string(found.iterations) +
                " iterations; give more --iterations, or a larger --epsilon or --tolerance");
  Transport transport{.value = found.value * bench::total_mass(sources),
                      .dual = bound_on_exact(options, sources, targets, found.source_potential),
                      .note = "no: entropic, with epsilon " + printed("%.6g", rule.epsilon) + "; " +
                              std::to_string(found.iterations) + " iterations, marginals off by " +
                              printed("%.2g", found.marginal_error),
                      .source_potential = to_doubles(found.source_potential),
                      .target_potential = to_doubles(found.target_potential)};
  if (!options.coupling.empty())
    transport.coupling = entropic_coupling(options, sources, targets, transport, double{rule.epsilon});
  return transport;
}

void check_fit(const Options& options, const losses::Measure& sources, const losses::Measure& targets) {
  const Shape& x = sources.points.shape();
  const Shape& y = targets.points.shape();
  if (x.with_rows(1) != y.with_rows(1))
    throw DataError(printable(options.source) + " and " + printable(options.target) + ": points of the shapes " +
                    x.text() + " and " + y.text() + " have no distance; give them the same coordinates");
  const double a = bench::total_mass(sources), b = bench::total_mass(targets);
  if (std::abs(a - b) > kSameSum * std::max(a, b))
    throw DataError("the sources' masses sum to " + printed("%.9g", a) + ", the targets' to " + printed("%.9g", b) +
                    "; scale one side to the other's sum (without a file of masses it is 1)");
}

void write(const Options& options, const Transport& transport) {
  if (!options.potentials.empty()) {
    const auto potential = [&](const char* side, const std::vector<double>& values) {
      write_npy(options.potentials + "-" + side + ".npy", {std::ssize(values)}, values);
    };
    potential("source", transport.source_potential);
    potential("target", transport.target_potential);
  }
  if (options.coupling.empty()) return;
  std::vector<double> rows;
  for (const losses::Flow& flow : transport.coupling)
    rows.insert(rows.end(), {double(flow.source), double(flow.target), flow.mass});
  write_npy(options.coupling, {std::ssize(transport.coupling), 3}, rows);
}

void say(const char* what, const std::string& text) { std::printf("%-10s %s\n", what, text.c_str()); }

int measure(bench::Flags& flags) {
  const Options options(flags);
  Device device(options.device);
  const TapeOff off;
  const losses::Measure sources = bench::read_cloud(device, options.source, options.source_mass);
  const losses::Measure targets = bench::read_cloud(device, options.target, options.target_mass);
  check_fit(options, sources, targets);

  const auto begin = std::chrono::steady_clock::now();
  const Transport transport = options.exact ? exact(options, sources, targets) : entropic(options, sources, targets);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;

  const double p = options.cost.p;
  say("source", printable(options.source) + ", " + sources.points.shape().text());
  say("target", printable(options.target) + ", " + targets.points.shape().text());
  say("cost", printed("|x - y|_%g", options.cost.q) + (p == 1 ? "" : printed("^%g / ", p) + printed("%g", p)));
  say("device", device.choice());
  say("value", printed("%.9g", transport.value) + (options.exact ? "" : ", entropy included"));
  if (options.exact)
    say("distance", printed("%.9g", std::pow(p * transport.value, 1 / p)) +
                        (p == 1 ? ", W_1" : printed(", W_%g: the p-th root of p times the value", p)));
  say("dual", printed("%.9g", transport.dual) + ": no plan costs less");
  say("gap", printed("%.2g", transport.value - transport.dual));
  say("certified", transport.note);
  say("time", printed("%.3g s", seconds.count()));
  write(options, transport);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run_program(argc, argv, "take fewer points", [&](const std::string& called) {
    bench::Flags flags(std::filesystem::path(called).filename(),
                       "transport/distance: what transport between two point clouds costs at least",
                       {argv + std::min(argc, 1), argv + argc});
    return measure(flags);
  });
}
