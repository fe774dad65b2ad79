#pragma once

#include <random>
#include <vector>

#include "engine/metrics.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/optimizer.h"
#include "engine/phases.h"
#include "engine/tape.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/qp_wgan.h"
#include "losses/objectives/wasserstein_metric.h"
#include "losses/objectives/wgan.h"
#include "models/dcgan.h"
#include "models/lipschitz.h"
#include "models/mnist.h"

namespace wasserkern::testing {

/// Whose steps are taken: a (q,p)-WGAN on images, one with both penalties on points in the plane, a WGAN-GP on images;
/// a (q,p)-WGAN and a WWGAN of convolutional networks on colour images, a WGAN with a Lipschitz critic on points.
enum class Game { QpWgan, Mixture, WganGp, Dcgan, Wwgan, Lipschitz };

struct NarrowOptions {
  bool eager = false;
  Game game = Game::QpWgan;
  LqCost cost = {1, 1};
  int64_t batch = 8;
  uint64_t seed = 3;
  float rate = 1e-3f;
};

/// A whole training with nets many times narrower than the papers', on made-up data: every storey in little time.
class NarrowTraining {
 public:
  NarrowTraining(Device& device, NarrowOptions options)
      : options_(options),
        random_(device, options.seed),
        phases_(device, random_, options.eager),
        metrics_(device),
        critic_(narrow_critic()),
        generator_(narrow_generator()),
        critic_adam_(critic_.parameters(), {.rate = options.rate, .beta1 = 0.5f}),
        generator_adam_(generator_.parameters(), {.rate = options.rate, .beta1 = 0.5f}),
        batch_(phases_.slot(example().batch_of(options.batch))),
        noise_(Tensor::full(device, {options.batch, latent()}, 0)) {}

  /// How many phases a step has.
  int64_t phases() const { return is_wgan() ? 2 : 1; }

  void step() {
    ++steps_;
    batch_.copy_from_host(made_up_batch(steps_));
    metrics_.begin_step(steps_);
    if (is_wgan()) {
      phases_.run("critic", [this] { is_lipschitz() ? lipschitz_critic() : wgan_gp_critic(); });
      phases_.run("generator", [this] { wgan_generator(); });
    } else {
      phases_.run("step", [this] { qp_wgan(); });
    }
  }

  /// Takes what has arrived of the losses and asks for more, as programs do between steps; waits for nothing.
  void look() {
    keep(metrics_.collect(false));
    metrics_.request();
  }

  /// What was recorded, a row for every step so far.
  const std::vector<std::vector<float>>& losses() {
    keep(metrics_.collect(true));
    metrics_.request();
    keep(metrics_.collect(true));
    return losses_;
  }

  std::vector<float> weights() const {
    std::vector<float> all = critic_.parameters().flat().to_host();
    const std::vector<float> more = generator_.parameters().flat().to_host();
    all.insert(all.end(), more.begin(), more.end());
    const std::vector<float> statistics = generator_.statistics().flat().to_host();
    all.insert(all.end(), statistics.begin(), statistics.end());
    return all;
  }
  std::vector<float> last_noise() const { return noise_.to_host(); }
  std::vector<float> last_batch() const { return batch_.to_host(); }

 private:
  static constexpr models::Dcgan32 kConvolutional{.latent = 8, .width = 4};

  bool is_wgan() const { return options_.game == Game::WganGp || is_wwgan() || is_lipschitz(); }
  bool is_wwgan() const { return options_.game == Game::Wwgan; }
  bool is_lipschitz() const { return options_.game == Game::Lipschitz; }
  bool is_in_plane() const { return options_.game == Game::Mixture || is_lipschitz(); }
  bool is_convolutional() const { return options_.game == Game::Dcgan || is_wwgan(); }

  Shape example() const {
    if (is_convolutional()) return {32, 32, 3};
    return {is_in_plane() ? 2 : models::kMnistPixels};
  }
  int64_t latent() const {
    return is_convolutional() ? kConvolutional.latent : is_in_plane() ? 2 : models::kMnistLatent;
  }

  models::Network narrow_critic() {
    if (is_convolutional()) return models::dcgan32_critic(random_, kConvolutional);
    if (is_lipschitz()) return models::lipschitz_mlp(random_, {.width = 16, .rule = {.iterations = 4}});
    return is_in_plane() ? plane_network(1) : models::mnist_critic(random_, 16);
  }
  models::Network narrow_generator() {
    if (is_convolutional()) return models::dcgan32_generator(random_, kConvolutional);
    return is_in_plane() ? plane_network(2) : models::mnist_generator(random_, 16);
  }

  /// models/mixture.h's networks, an eighth as wide.
  models::Network plane_network(int64_t outputs) {
    const models::Layer hidden{.map = models::Dense{{16}}, .activation = Activation::Relu};
    return models::Network(random_, {2}, {hidden, hidden, {.map = models::Dense{{outputs}}}});
  }

  losses::QpWgan objective() const {
    losses::QpWgan objective{options_.cost};
    if (options_.game == Game::Mixture) {
      objective.lambda1 = 0.1f;
      objective.lambda2 = 1;
      objective.p2 = Penalty::Square;  // neither penalty vanishes
    }
    if (is_convolutional()) objective.search_space = losses::SearchSpace::Both;
    return objective;
  }

  Tensor generated() {
    noise_.overwrite(random_.normal(noise_.shape()));
    return generator_(noise_);
  }

  void qp_wgan() {
    const losses::QpWgan objective = this->objective();
    const Tensor fake = generated();
    const auto critic_terms = objective.critic_loss(critic_, batch_, fake);
    critic_adam_.descend(grad(critic_terms.loss, critic_.parameters()));
    const Tensor distance = objective.generator_loss(critic_, batch_, fake).loss;
    generator_adam_.descend(grad(distance, generator_.parameters()));
    metrics_.record("dual", critic_terms.dual);
    metrics_.record("distance", distance);
    if (critic_terms.p1.defined()) metrics_.record("p1", critic_terms.p1);
    if (critic_terms.p2.defined()) metrics_.record("p2", critic_terms.p2);
  }

  void wgan_gp_critic() {
    const Tensor fake = generated().detach();
    const Tensor loss = losses::wgan_critic_loss(critic_, batch_, fake);
    losses::GradientPenalty kind;
    if (is_wwgan()) kind.metric = losses::intensity_metric(PixelGraph::diamond(), 1, 50, 3072);  // has every term
    const Tensor penalty = kind(critic_, interpolate(batch_, fake, random_));
    critic_adam_.descend(grad(loss + 10.0f * penalty, critic_.parameters()));
    metrics_.record("distance", -loss);
    metrics_.record("penalty", penalty);
  }

  void lipschitz_critic() {
    const Tensor loss = losses::wgan_critic_loss(losses::together(critic_, batch_, generated()));
    critic_adam_.descend(grad(loss, critic_.parameters()));
    metrics_.record("distance", -loss);
  }

  void wgan_generator() {
    const Tensor loss = losses::wgan_generator_loss(critic_, generated());
    generator_adam_.descend(grad(loss, generator_.parameters()));
    metrics_.record("generator", loss);
  }

  void keep(const std::vector<Metrics::Row>& rows) {
    for (const Metrics::Row& row : rows) losses_.push_back(row.values);
  }

  const std::vector<float>& made_up_batch(uint64_t step) {
    std::mt19937_64 source(step);
    for (float& value : host_batch_) value = static_cast<float>(source() % 256) / 127.5f - 1;
    return host_batch_;
  }

  NarrowOptions options_;
  Random random_;
  Phases phases_;
  Metrics metrics_;
  models::Network critic_, generator_;
  Adam critic_adam_, generator_adam_;
  Tensor batch_, noise_;
  std::vector<float> host_batch_ = std::vector<float>(static_cast<size_t>(batch_.size()));
  std::vector<std::vector<float>> losses_;
  uint64_t steps_ = 0;
};

}  // namespace wasserkern::testing
