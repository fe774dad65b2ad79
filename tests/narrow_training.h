#pragma once

#include <random>
#include <vector>

#include "engine/metrics.h"
#include "engine/optimizer.h"
#include "engine/phases.h"
#include "engine/tape.h"
#include "losses/objectives/qp_wgan.h"
#include "models/mnist.h"

namespace wasserkern::testing {

struct NarrowOptions {
  bool eager = false;
  LqCost cost = {1, 1};
  int64_t batch = 8;
  uint64_t seed = 3;
  float rate = 1e-3f;
};

/// A whole (q,p)-WGAN with nets sixteen times narrower than the paper's, on made-up images: every storey in little
/// time.
class NarrowTraining {
 public:
  NarrowTraining(Device& device, NarrowOptions options)
      : options_(options),
        random_(device, options.seed),
        phases_(device, random_, options.eager),
        metrics_(device),
        critic_(models::mnist_critic(random_, 16)),
        generator_(models::mnist_generator(random_, 16)),
        critic_adam_(critic_.parameters(), {.rate = options.rate, .beta1 = 0.5f}),
        generator_adam_(generator_.parameters(), {.rate = options.rate, .beta1 = 0.5f}),
        images_(phases_.slot({options.batch, models::kMnistPixels})),
        noise_(Tensor::full(device, {options.batch, models::kMnistLatent}, 0)) {}

  void step() {
    ++steps_;
    images_.copy_from_host(made_up_images(steps_));
    metrics_.begin_step(steps_);
    phases_.run("step", [this] {
      const losses::QpWgan objective{options_.cost};
      const Tensor z = random_.normal({options_.batch, models::kMnistLatent});
      noise_.overwrite(z);
      const Tensor fake = generator_(z);
      const auto critic_terms = objective.critic_loss(critic_, images_, fake);
      critic_adam_.descend(grad(critic_terms.loss, critic_.parameters()));
      const auto generator_terms = objective.generator_loss(critic_, images_, fake);
      generator_adam_.descend(grad(generator_terms.loss, generator_.parameters()));
      metrics_.record("dual", critic_terms.dual);
    });
  }

  /// The dual of every step so far.
  std::vector<float> losses() {
    metrics_.request();
    std::vector<float> losses;
    for (const auto& row : metrics_.collect(true)) losses.push_back(row.values.at(0));
    return losses;
  }

  std::vector<float> weights() const {
    std::vector<float> all = critic_.parameters().flat().to_host();
    const std::vector<float> more = generator_.parameters().flat().to_host();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::vector<float> last_noise() const { return noise_.to_host(); }
  std::vector<float> last_images() const { return images_.to_host(); }

 private:
  const std::vector<float>& made_up_images(uint64_t step) {
    std::mt19937_64 source(step);
    for (float& pixel : pixels_) pixel = static_cast<float>(source() % 256) / 127.5f - 1;
    return pixels_;
  }

  NarrowOptions options_;
  Random random_;
  Phases phases_;
  Metrics metrics_;
  models::Mlp critic_, generator_;
  Adam critic_adam_, generator_adam_;
  Tensor images_, noise_;
  std::vector<float> pixels_ = std::vector<float>(static_cast<size_t>(images_.size()));
  uint64_t steps_ = 0;
};

}  // namespace wasserkern::testing
