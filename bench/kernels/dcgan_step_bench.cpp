#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "bench/kernels/convolution_layer.h"
#include "bench/kernels/measure.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/optimizer.h"
#include "engine/phases.h"
#include "engine/tape.h"
#include "kernels/stencil.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/qp_wgan.h"
#include "losses/objectives/wasserstein_metric.h"
#include "losses/objectives/wgan.h"
#include "losses/transport/batched_exact.h"
#include "models/dcgan.h"

// Training steps of paper 000's CIFAR-10 experiment, as bench/games and bench/qp_wgan have them, at batch 64, and how
// many times their floor they take. The floor is what the layers' products that nobody can avoid take at the rate of
// the fastest of the critic's convolutions forward; costs, normalisations and optimizers are not in it.

namespace wasserkern::bench {
namespace {

constexpr int64_t kBatch = 64;
constexpr float kPenaltyWeight = 10;

/// The layers of a network with convolutions, transposed or not, whose larger images have these extents. A dense layer
/// is a convolution of single pixels.
std::vector<ConvolutionLayer> layers_of(const models::Network& network, const std::vector<int64_t>& extents,
                                        const Window& window) {
  std::vector<ConvolutionLayer> layers;
  auto extent = extents.begin();
  for (const auto& [name, tensor] : network.parameters().named()) {
    const Shape& shape = tensor.shape();
    if (!name.ends_with("weight")) continue;
    if (shape.rank() == 4)
      layers.push_back({*extent++, shape[3], shape[0], shape[1], window});
    else
      layers.push_back({1, shape[1], shape[0], 1, {}});
  }
  return layers;
}

/// Operations of the sweeps through a network that a step cannot do without, for `count` examples.
class Sweeps {
 public:
  Sweeps(std::vector<ConvolutionLayer> layers, int64_t count) : layers_(std::move(layers)), count_(count) {}

  double forward() const { return sum(0, layers_.size()); }
  /// The gradients in the weights, and on the way there those in the input of every layer but the first.
  double weight_gradients() const { return sum(0, layers_.size()) + sum(1, layers_.size()); }
  /// The gradient in the network's input.
  double input_gradient() const { return sum(0, layers_.size()); }
  /// The derivative of that gradient in the weights: one sweep of convolutions up to the last layer, which sees a
  /// constant, and the gradients in the weights. A piecewise linear critic has no part through its units' slopes.
  double weight_gradients_of_input_gradient() const { return sum(0, layers_.size() - 1) + sum(0, layers_.size()); }

 private:
  double sum(size_t begin, size_t end) const {
    double total = 0;
    for (size_t i = begin; i < end; ++i) total += layers_[i].operations(count_);
    return total;
  }

  std::vector<ConvolutionLayer> layers_;
  int64_t count_;
};

/// Networks, optimizers and a batch.
struct Dcgan {
  Dcgan(Device& device, const AdamOptions& options)
      : random(device, 1),
        phases(device, random, false),
        critic(models::dcgan32_critic(random, sizes)),
        generator(models::dcgan32_generator(random, sizes)),
        critic_adam(critic.parameters(), options),
        generator_adam(generator.parameters(), options),
        x(phases.slot({kBatch, 32, 32, 3})),
        images(random_values(x.size())) {}

  Tensor generate() { return generator(random.normal({kBatch, sizes.latent})); }

  std::vector<ConvolutionLayer> critic_layers() const { return layers_of(critic, {32, 16, 8}, {2, 1}); }
  std::vector<ConvolutionLayer> generator_layers() const { return layers_of(generator, {8, 16, 32}, {2, 0}); }

  const models::Dcgan32 sizes;
  Random random;
  Phases phases;
  models::Network critic, generator;
  Adam critic_adam, generator_adam;
  Tensor x;
  std::vector<float> images;
};

/// A step, and the operations of its products.
struct Step {
  AdamOptions options;
  std::function<void(Dcgan&)> run;
  double (*operations)(const Sweeps& critic, const Sweeps& generator);
};

void qp_wgan_iteration(Dcgan& of, const losses::QpWgan& objective) {
  of.x.copy_from_host(of.images);
  of.phases.run("step", [&] {
    const Tensor y = of.generate();
    of.critic_adam.descend(grad(objective.critic_loss(of.critic, of.x, y).loss, of.critic.parameters()));
    of.generator_adam.descend(grad(objective.generator_loss(of.critic, of.x, y).loss, of.generator.parameters()));
  });
}

/// The critic's step sees both batches, the generator's the real one as constants and its own.
double qp_wgan_operations(const Sweeps& critic, const Sweeps& generator) {
  return generator.forward() + 2 * (critic.forward() + critic.weight_gradients()) + 2 * critic.forward() +
         critic.input_gradient() + generator.weight_gradients();
}

void penalised_critic_step(Dcgan& of, const losses::GradientPenalty& kind) {
  of.x.copy_from_host(of.images);
  of.phases.run("critic", [&] {
    const Tensor y = [&] {
      const TapeOff constant;
      return of.generate();
    }();
    const Tensor penalty = kind(of.critic, interpolate(of.x, y, of.random));
    const Tensor loss = losses::wgan_critic_loss(of.critic, of.x, y) + kPenaltyWeight * penalty;
    of.critic_adam.descend(grad(loss, of.critic.parameters()));
  });
}

void wgan_gp_critic_step(Dcgan& of) { penalised_critic_step(of, {}); }

void wwgan_critic_step(Dcgan& of) {
  penalised_critic_step(of, {.metric = losses::ridge_metric(PixelGraph::diamond(), 1)});
}

/// Real, generated and interpolated points go forward.
double wgan_gp_critic_operations(const Sweeps& critic, const Sweeps& generator) {
  return generator.forward() + 3 * critic.forward() + 2 * critic.weight_gradients() + critic.input_gradient() +
         critic.weight_gradients_of_input_gradient();
}

void wgan_gp_generator_step(Dcgan& of) {
  of.phases.run("generator", [&] {
    of.generator_adam.descend(grad(losses::wgan_generator_loss(of.critic, of.generate()), of.generator.parameters()));
  });
}

double wgan_gp_generator_operations(const Sweeps& critic, const Sweeps& generator) {
  return generator.forward() + critic.forward() + critic.input_gradient() + generator.weight_gradients();
}

void wgan_gp_iteration(Dcgan& of) {
  wgan_gp_critic_step(of);
  wgan_gp_generator_step(of);
}

double wgan_gp_iteration_operations(const Sweeps& critic, const Sweeps& generator) {
  return wgan_gp_critic_operations(critic, generator) + wgan_gp_generator_operations(critic, generator);
}

void run(benchmark::State& state, Device& device, const Step& step) {
  Dcgan dcgan(device, step.options);
  const auto iteration = [&] { step.run(dcgan); };
  for (int warm_up = 0; warm_up < 3; ++warm_up) iteration();
  const int64_t times = repetitions(device, seconds_of(device, iteration));

  std::vector<Limit> limits;
  for (const ConvolutionLayer& layer : dcgan.critic_layers())
    if (layer.extent > 1) limits.push_back(convolution_limit(device, layer, kBatch));
  const double seconds = seconds_per_iteration(state, device, times, limits, [&] {
    for (int64_t time = 0; time < times; ++time) iteration();
  });

  double rate = 0;
  for (const Limit& limit : limits) rate = std::max(rate, limit.rate());
  const double operations =
      step.operations(Sweeps(dcgan.critic_layers(), kBatch), Sweeps(dcgan.generator_layers(), kBatch));
  state.counters["convolution_flop/s"] = rate;
  state.counters["floor_ms"] = 1e3 * operations / rate;
  state.counters["times_floor"] = seconds * rate / operations;
  state.SetLabel("floor: " + std::to_string(static_cast<int64_t>(operations / 1e6)) +
                 " Mflop at the rate of the critic's fastest convolution forward");
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// How long a step takes and how long `part()`, which does something `times` in a row, each measured after the other:
/// the counter NAME_ms, and its share of the step.
template <class Run, class Part>
void measure_share(benchmark::State& state, Device& device, const std::string& name, Run step, int64_t times,
                   Part part) {
  std::vector<double> of_step, of_part;
  for (int warm_up = 0; warm_up < 3; ++warm_up) step();
  for (auto _ : state) {
    of_step.push_back(seconds_of(device, step));
    of_part.push_back(seconds_of(device, part) / static_cast<double>(times));
    state.SetIterationTime(of_step.back() + of_part.back());
  }
  state.counters["step_ms"] = 1e3 * median(of_step);
  state.counters[name + "_ms"] = 1e3 * median(of_part);
  state.counters["share_of_step"] = median(of_part) / median(of_step);
}

/// What the Wasserstein gradient adds to a critic's step: its stencil's form and product.
void run_stencil(benchmark::State& state, Device& device) {
  Dcgan dcgan(device, {.rate = 1e-4f, .beta1 = 0, .beta2 = 0.9f});
  const Array<float> x(device, dcgan.images), g(device, dcgan.images), product(device, dcgan.x.size());
  const Array<float> form(device, std::vector<float>(kBatch, 1.0f));
  Repeated stencil(device, [=](auto& stream) {
    const auto view = [](const Array<float>& of) { return ImageView<float>{of.data(), kBatch, 32, 32, 3}; };
    stencil_form(stream, {.identity = 1, .total = 0.01f}, view(x), view(g), form.vector());
    stencil_product(stream, {.identity = 1, .total = 0.01f}, view(x), form.vector(), view(g), view(product));
  });
  measure_share(
      state, device, "stencil", [&] { wgan_gp_critic_step(dcgan); }, stencil.times(), [&] { stencil.run(); });
}

/// What the exact W1 of the two batches adds to the shortest iteration of a c-transform WGAN, which has one step of the
/// critic: it and its certificate, read.
void run_exact_distance(benchmark::State& state, Device& device) {
  constexpr LqCost kEuclidean{.q = 2, .p = 1};
  Dcgan dcgan(device, {.rate = 1e-4f, .beta1 = 0, .beta2 = 0.9f});
  const Shape one_problem{1, kBatch, dcgan.x.shape().columns()};
  const Tensor x = Tensor::from_host(device, one_problem, dcgan.images);
  const Tensor y = Tensor::from_host(device, one_problem, dcgan.generate().to_host());
  measure_share(
      state, device, "exact", [&] { qp_wgan_iteration(dcgan, {.cost = kEuclidean}); }, 1,
      [&] { losses::batched_exact_transport(kEuclidean, x, y).certified_values(); });
}

const Registration kRegistration([](Device& device) {
  const auto add = [&](const std::string& name, const Step& step) {
    add_benchmark("dcgan_" + name, [=, &device](benchmark::State& state) { run(state, device, step); });
  };
  const AdamOptions qp_options{.rate = 1e-4f, .beta1 = 0.5f};
  const AdamOptions gp_options{.rate = 1e-4f, .beta1 = 0, .beta2 = 0.9f};
  for (const LqCost& cost : {LqCost{1, 1}, LqCost{2, 2}, LqCost{1.2f, 1.2f}}) {
    const losses::QpWgan objective{
        .cost = cost, .search_space = losses::SearchSpace::Both, .lambda1 = 0.1f, .lambda2 = 10};
    add("qp_wgan_iteration/" + cost.name(),
        {qp_options, [=](Dcgan& of) { qp_wgan_iteration(of, objective); }, qp_wgan_operations});
  }
  add("wgan_gp_critic_step", {gp_options, wgan_gp_critic_step, wgan_gp_critic_operations});
  add("wwgan_critic_step", {gp_options, wwgan_critic_step, wgan_gp_critic_operations});
  add_benchmark("dcgan_wgan_gp_critic_step_stencil", [&](benchmark::State& state) { run_stencil(state, device); });
  add_benchmark("dcgan_c_transform_wgan_iteration_exact_distance",
                [&](benchmark::State& state) { run_exact_distance(state, device); });
  add("wgan_gp_generator_step", {gp_options, wgan_gp_generator_step, wgan_gp_generator_operations});
  add("wgan_gp_iteration", {gp_options, wgan_gp_iteration, wgan_gp_iteration_operations});
});

}  // namespace
}  // namespace wasserkern::bench
