#include <random>

#include "bench/kernels/measure.h"
#include "bench/kernels/registration.h"
#include "engine/optimizer.h"
#include "engine/phases.h"
#include "engine/tape.h"
#include "losses/objectives/qp_wgan.h"
#include "models/mnist.h"

namespace wasserkern::bench {
namespace {

constexpr int64_t kBatch = 64;

/// What an iteration must do at least, whoever does it.
struct Work {
  double operations = 0;  // of products, two per multiply-add
  double bytes = 0;       // of weights, their gradients and optimizer state; activations may stay in caches
};

/// A product per layer; every parameter is read.
Work forward_work(const Parameters& parameters) {
  Work work;
  for (const auto& [name, tensor] : parameters.named()) {
    work.operations += name.ends_with("weight") ? 2.0 * kBatch * static_cast<double>(tensor.size()) : 0;
    work.bytes += sizeof(float) * static_cast<double>(tensor.size());
  }
  return work;
}

/// A product per layer for the weights' gradients, which are written, and one for the gradient in the layer's input, in
/// which the weights are read; the network's own input needs none.
Work backward_work(const Parameters& parameters) {
  Work work = forward_work(parameters);
  for (const auto& [name, tensor] : parameters.named()) {
    if (!name.ends_with("weight") || name.starts_with("0.")) continue;
    work.operations += 2.0 * kBatch * static_cast<double>(tensor.size());
    work.bytes += sizeof(float) * static_cast<double>(tensor.size());
  }
  return work;
}

/// Adam reads parameter, gradient and both moments, and writes all but the gradient.
Work adam_work(const Parameters& parameters) {
  return {0, 7 * sizeof(float) * static_cast<double>(parameters.count())};
}

Work iteration_work(const Parameters& critic, const Parameters& generator) {
  Work total;
  for (const Work& part : {forward_work(generator), forward_work(critic), backward_work(critic), adam_work(critic),
                           forward_work(critic), backward_work(generator), adam_work(generator)}) {
    total.operations += part.operations;
    total.bytes += part.bytes;
  }
  return total;
}

/// One iteration of paper 000's MNIST experiment, critic and generator, batch 64, and how many times its floor it
/// takes.
void run(benchmark::State& state, Device& device, const LqCost& cost, bool eager) {
  Random random(device, 1);
  Phases phases(device, random, eager);
  const auto critic = models::mnist_critic(random), generator = models::mnist_generator(random);
  Adam critic_adam(critic.parameters(), {.rate = 1e-4f, .beta1 = 0.5f});
  Adam generator_adam(generator.parameters(), {.rate = 1e-4f, .beta1 = 0.5f});
  const losses::QpWgan objective{cost};
  const Tensor x = phases.slot({kBatch, models::kMnistPixels});
  std::mt19937 source(1);
  std::vector<float> images(static_cast<size_t>(x.size()));
  for (float& pixel : images) pixel = static_cast<float>(source() % 256) / 127.5f - 1;

  const auto iteration = [&] {
    x.copy_from_host(images);
    phases.run("step", [&] {
      const Tensor y = generator(random.normal({kBatch, models::kMnistLatent}));
      critic_adam.descend(grad(objective.critic_loss(critic, x, y).loss, critic.parameters()));
      generator_adam.descend(grad(objective.generator_loss(critic, x, y).loss, generator.parameters()));
    });
  };
  for (int warm_up = 0; warm_up < 3; ++warm_up) iteration();

  const int64_t times = repetitions(device, seconds_of(device, iteration));

  std::vector<Limit> limits{product_limit(device), triad_limit(device)};
  const double seconds = seconds_per_iteration(state, device, times, limits, [&] {
    for (int64_t time = 0; time < times; ++time) iteration();
  });
  const Work work = iteration_work(critic.parameters(), generator.parameters());
  const double floor = work.operations / limits[0].rate() + work.bytes / limits[1].rate();
  state.counters["floor_ms"] = 1e3 * floor;
  state.counters["times_floor"] = seconds / floor;
}

const Registration kRegistration([](Device& device) {
  for (const LqCost& cost : {LqCost{1, 1}, LqCost{2, 2}, LqCost{1.2f, 1.2f}})
    for (const bool eager : {false, true})
      add_benchmark("mnist_iteration/" + cost.name() + (eager ? "/eager" : "/replayed"),
                    [=, &device](benchmark::State& state) { run(state, device, cost, eager); });
});

}  // namespace
}  // namespace wasserkern::bench
