#include <algorithm>
#include <charconv>
#include <cmath>
#include <complex>
#include <numeric>
#include <string>
#include <vector>

#include "bench/harness/certified.h"
#include "bench/harness/experiment.h"
#include "bench/harness/printed.h"
#include "engine/file.h"
#include "engine/ops/elementwise.h"
#include "engine/tape.h"
#include "kernels/error.h"
#include "losses/transport/exact.h"

// Paper 000, figure 1: atoms that all start at the origin descend the exact cost of transport, |x - y|^p / p, to more
// atoms in the plane, for several p from the same start. An iteration is a step of every p: the plan is solved for,
// then held still while the atoms move against the gradient. With p = 1 an atom lands on the target that has more than
// half of its mass, and stays between two that have half each; with p = 2 on the mean of its targets; with a large p it
// stays in the middle of them.
//
// A gradient is of the size of d^(p-1), where d is how far mass goes. Step sizes make up for that at d = 0.3, which is
// typical in the unit square. With p < 2 they fall in time: where an atom lands the gradient does not vanish, and it
// would circle its target.

using namespace wasserkern;

namespace {

constexpr int64_t kPlane = 2;
constexpr float kJitter = 1e-6f;  // of the start: atoms in one place would share one gradient for ever
constexpr double kTypicalDistance = 0.3;
constexpr double kLanded = 0.01;  // from a target
constexpr double kFar = 100;      // for a step

/// 2.5 as "2.5", 2 as "2".
std::string short_text(float number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

/// "1,2,5" as numbers.
std::vector<float> numbers_of(const std::string& list) {
  std::vector<float> numbers;
  const char *at = list.data(), *end = list.data() + list.size();
  while (true) {
    float number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc() || (stop != end && *stop != ','))
      throw UsageError("--powers " + printable(list) + ": give numbers with commas between them, such as 1,2,5");
    if (std::ranges::find(numbers, number) != numbers.end())
      throw UsageError("--powers " + printable(list) + ": " + short_text(number) + " is there twice");
    numbers.push_back(number);
    if (stop == end) return numbers;
    at = stop + 1;
  }
}

std::string rounded(double value) { return bench::printed("%.3g", value); }

using Place = std::complex<double>;  // in the plane

std::vector<Place> places(const Tensor& points) {
  const std::vector<float> values = points.to_host();
  std::vector<Place> places;
  for (size_t i = 0; i < values.size(); i += 2) places.emplace_back(values[i], values[i + 1]);
  return places;
}

/// The atoms of one p.
struct Model {
  LqCost cost;
  Tensor atoms;  // [count, 2]
  float rate;

  std::string column(const char* what) const { return std::string(what) + "_" + short_text(cost.p); }
  void visit(Checkpoint& checkpoint, const std::string& name) { checkpoint.visit(name, atoms); }
};

losses::ExactTransport transport_of(const Model& model, const Tensor& targets) {
  return losses::exact_transport(model.cost, {model.atoms, {}}, {targets, {}});
}

void descend(bench::Experiment& run, const Model& model, const Tensor& targets, double decay) {
  const losses::ExactTransport transport = transport_of(model, targets);
  Tensor x = model.atoms.detach();
  x.require_gradient();
  const Tensor gradient = grad(losses::coupling_cost(model.cost, x, targets, transport.coupling), x);
  double squares = 0;
  for (const float value : gradient.to_host()) squares += double{value} * value;
  const double norm = std::sqrt(squares), rate = model.rate * std::pow(decay, std::max(0.0, 2.0 - model.cost.p));
  if (!(rate * norm < kFar))
    throw Error("p = " + short_text(model.cost.p) + ", iteration " + std::to_string(run.step()) +
                ": atoms are thrown out of the unit square; try a smaller --rate");
  model.atoms.overwrite(model.atoms - gradient * static_cast<float>(rate));
  run.measure({{model.column("cost"), bench::certified_cost(transport)}, {model.column("gradient"), norm}});
}

/// Where the atoms of one p ended.
struct Outcome {
  double cost;
  double spread = 0;        // root mean square distance from their mean
  int64_t landed = 0;       // atoms on a target
  double from_mean = 0;     // the furthest that an atom is from the mean of its targets, as the plan weighs them
  std::vector<float> plan;  // [atoms, targets]

  Outcome(const Model& model, const Tensor& targets);
};

Outcome::Outcome(const Model& model, const Tensor& targets) {
  const losses::ExactTransport transport = transport_of(model, targets);
  const std::vector<Place> x = places(model.atoms), y = places(targets);
  const auto count = static_cast<double>(x.size());
  cost = bench::certified_cost(transport);
  plan.resize(x.size() * y.size());
  std::vector<Place> means(x.size());
  for (const losses::Flow& flow : transport.coupling) {
    const auto i = static_cast<size_t>(flow.source), j = static_cast<size_t>(flow.target);
    plan[i * y.size() + j] += static_cast<float>(flow.mass);
    means[i] += count * flow.mass * y[j];
  }
  const Place centre = std::accumulate(x.begin(), x.end(), Place()) / count;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool lands = std::ranges::any_of(y, [&](const Place& target) { return std::abs(x[i] - target) < kLanded; });
    landed += lands ? 1 : 0;
    from_mean = std::max(from_mean, std::abs(x[i] - means[i]));
    spread += std::norm(x[i] - centre) / count;
  }
  spread = std::sqrt(spread);
}

Tensor joined(Device& device, const Shape& shape, const std::vector<std::vector<float>>& parts) {
  std::vector<float> all;
  for (const std::vector<float>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return Tensor::from_host(device, shape, all);
}

bench::ResultTable table_of(bench::Experiment& run, const std::vector<Model>& models, const Tensor& targets) {
  const std::string count = std::to_string(run.batch_size());
  bench::ResultTable table{"Figure 1: where " + count + " atoms end",
                           {"p", "cost", "gradient", "spread", "on a target", "from their targets' mean", "the paper"},
                           {}};
  for (const Model& model : models) {
    const Outcome outcome(model, targets);
    const float p = model.cost.p;
    table.rows.push_back({short_text(p), rounded(outcome.cost),
                          rounded(run.measured(model.column("gradient")).back().second), rounded(outcome.spread),
                          std::to_string(outcome.landed) + " of " + count, "up to " + rounded(outcome.from_mean),
                          p == 1   ? "on targets"
                          : p == 2 ? "on means"
                          : p == 5 ? "inside"
                                   : ""});
  }
  return table;
}

void descend_all(bench::Experiment& run) {
  bench::Flags& flags = run.flags();
  const auto q = static_cast<float>(flags.number({"q", "NUMBER", "the ground distance is |x - y|_q; at least 1"}, 2));
  const std::vector<float> powers =
      numbers_of(flags.text({"powers", "LIST", "every p: the ground cost is the p-th power over p"}, "1,2,5"));
  const int64_t target_count = flags.integer({"targets", "COUNT", "atoms that the model's are transported to"}, 10, 1);
  const double rate = flags.number({"rate", "NUMBER", "step size of p = 2; others are this times 0.3^(2-p)"}, 0.5);
  const double halving =
      flags.number({"halving", "STEPS", "iterations after which the step of p = 1 is half as large"}, 50);
  if (!(rate > 0)) throw UsageError("--rate must be positive");
  if (!(halving > 0)) throw UsageError("--halving must be positive");
  for (const float p : powers) LqCost{q, p}.check();

  const Shape shape{run.batch_size(), kPlane};
  const Tensor targets = run.random().uniform({target_count, kPlane}) - 0.5f;
  const Tensor start = run.noise(shape) * kJitter;
  std::vector<Model> models;
  for (const float p : powers)
    models.push_back({{q, p}, start * 1.0f, static_cast<float>(rate * std::pow(kTypicalDistance, 2.0 - p))});
  for (Model& model : models) run.keep(model.column("atoms"), model);

  const auto count = std::ssize(powers);
  run.every(run.samples_every(), [&] {
    std::vector<std::vector<float>> atoms;
    for (const Model& model : models) atoms.push_back(model.atoms.to_host());
    run.save_points("atoms", joined(run.device(), shape.batch_of(count), atoms));
  });
  run.every(run.iterations(), [&] {
    std::vector<std::vector<float>> plans;
    for (const Model& model : models) plans.push_back(Outcome(model, targets).plan);
    run.save_points("targets", targets);
    run.save_points("plans", joined(run.device(), {count, run.batch_size(), target_count}, plans));
  });
  run.train([&] {
    const auto decay = halving / (halving + static_cast<double>(run.step() - 1));
    for (const Model& model : models) descend(run, model, targets, decay);
  });
  run.results(table_of(run, models, targets));
}

}  // namespace

int main(int argc, char** argv) {
  const bench::About about{.name = "qp_wgan/atoms",
                           .summary = "atoms in the plane that descend the exact cost of transport to others",
                           .iterations = 1000,
                           .batch = 7,
                           .samples_every = 5,
                           .iteration = "steps of every p"};
  return bench::run_experiment(about, argc, argv, descend_all);
}
