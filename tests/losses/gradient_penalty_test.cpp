#include "losses/objectives/gradient_penalty.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/tape.h"
#include "models/network.h"
#include "tests/central_differences.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

using losses::GradientPenalty;
using Doubles = std::vector<double>;

constexpr size_t kPoints = 9;
const std::vector<size_t> kWidths = {3, 6, 5, 1};

/// The same critic and its penalty again, in double and by plain loops: what finite differences are taken of.
struct Reference {
  Activation activation;
  double slope;  // of LeakyRelu
  Doubles points;
  std::vector<Doubles> parameters;  // weight, bias, weight, ...

  double value(double t) const { return activation == Activation::Tanh ? std::tanh(t) : t > 0 ? t : slope * t; }
  double derivative(double t) const {
    return activation == Activation::Tanh ? 1 - std::tanh(t) * std::tanh(t) : t > 0 ? 1 : slope;
  }

  /// |grad D(x_i)|_2.
  double gradient_norm(size_t point) const {
    Doubles features(points.begin() + std::ptrdiff_t(point * kWidths[0]),
                     points.begin() + std::ptrdiff_t((point + 1) * kWidths[0]));
    std::vector<Doubles> derivatives;  // of the hidden layers
    for (size_t layer = 0; layer + 2 < kWidths.size(); ++layer) {
      Doubles next, slopes;
      for (size_t i = 0; i < kWidths[layer + 1]; ++i) {
        double total = parameters[2 * layer + 1][i];
        for (size_t k = 0; k < features.size(); ++k)
          total += parameters[2 * layer][i * features.size() + k] * features[k];
        next.push_back(value(total));
        slopes.push_back(derivative(total));
      }
      derivatives.push_back(slopes);
      features = next;
    }
    Doubles gradient = parameters[2 * derivatives.size()];
    for (size_t layer = derivatives.size(); layer-- > 0;) {
      Doubles before(kWidths[layer], 0.0);
      for (size_t i = 0; i < gradient.size(); ++i)
        for (size_t k = 0; k < before.size(); ++k)
          before[k] += gradient[i] * derivatives[layer][i] * parameters[2 * layer][i * before.size() + k];
      gradient = before;
    }
    double sum = 0;
    for (const double g : gradient) sum += g * g;
    return std::sqrt(sum);
  }

  double penalty(const GradientPenalty& kind) const {
    double total = 0;
    for (size_t i = 0; i < kPoints; ++i) {
      double excess = gradient_norm(i) - kind.target;
      if (kind.sides == GradientPenalty::Sides::One) excess = std::max(excess, 0.0);
      total += excess * excess / kPoints;
    }
    return total;
  }

  std::vector<Doubles> penalty_gradient(const GradientPenalty& kind) {
    return central_differences(parameters, [&] { return penalty(kind); });
  }
};

models::Network make_critic(Random& random, Activation activation, float slope) {
  std::vector<models::Layer> layers;
  for (size_t i = 1; i + 1 < kWidths.size(); ++i)
    layers.push_back({.map = models::Dense{{int64_t(kWidths[i])}}, .activation = activation, .slope = slope});
  layers.push_back({.map = models::Dense{{int64_t(kWidths.back())}}});
  return models::Network(random, {int64_t(kWidths[0])}, layers);
}

Tensor random_points(std::mt19937_64& source) {
  return Tensor::from_host(test_device(), {kPoints, int64_t(kWidths[0])}, random_normals(source, kPoints * 3));
}

bool all_zero(const Tensor& tensor) {
  const auto values = tensor.to_host();
  return std::all_of(values.begin(), values.end(), [](float value) { return value == 0; });
}

}  // namespace

TEST_CASE("the gradient penalty's parameter gradient is that of finite differences", "[gradient_penalty]") {
  std::mt19937_64 source(test_seed());
  INFO("seed " << test_seed());
  Random random(test_device(), test_seed());
  for (const auto& [activation, slope] :
       {std::pair(Activation::LeakyRelu, 0.2f), std::pair(Activation::Relu, 0.0f), std::pair(Activation::Tanh, 0.0f)}) {
    const models::Network critic = make_critic(random, activation, slope);
    const Tensor points = random_points(source);
    const auto on_host = points.to_host();
    Reference reference{activation, slope, Doubles(on_host.begin(), on_host.end()), {}};
    for (const auto& named : critic.parameters().named()) {
      const auto values = random_normals(source, named.tensor.size(), 0.7f);
      named.tensor.copy_from_host(values);
      reference.parameters.emplace_back(values.begin(), values.end());
    }
    // A target in the midst of the norms, so that both sides are there.
    Doubles norms;
    for (size_t i = 0; i < kPoints; ++i) norms.push_back(reference.gradient_norm(i));
    const auto found = losses::slopes(critic, points).to_host();
    for (size_t i = 0; i < kPoints; ++i) CHECK(found[i] == Approx(norms[i]).epsilon(1e-5));
    std::sort(norms.begin(), norms.end());
    const auto target = static_cast<float>(0.5 * (norms.front() + norms.back()));
    REQUIRE(norms.front() < norms.back());

    for (const GradientPenalty& penalty : {GradientPenalty{}, GradientPenalty{GradientPenalty::Sides::Two, target},
                                           GradientPenalty{GradientPenalty::Sides::One, target}}) {
      INFO("activation " << int(activation) << ", sides " << int(penalty.sides) << ", target " << penalty.target);
      const Tensor value = penalty(critic, points);
      CHECK(value.item() == Approx(reference.penalty(penalty)).epsilon(1e-5));

      grad(value, critic.parameters());
      const auto expected = reference.penalty_gradient(penalty);
      double scale = 0;
      for (const Doubles& values : expected)
        for (const double g : values) scale = std::max(scale, std::abs(g));
      REQUIRE(scale > 1e-3);
      for (size_t p = 0; p < expected.size(); ++p) {
        const auto& named = critic.parameters().named()[p];
        INFO(named.name);
        const auto flat = critic.parameters().flat_gradient().to_host();
        const auto offset = named.tensor.data() - critic.parameters().flat().data();
        for (size_t k = 0; k < expected[p].size(); ++k)  // float arithmetic over a few dozen terms
          CHECK(flat[size_t(offset) + k] == Approx(expected[p][k]).margin(1e-5 * scale));
      }
    }
  }
}

TEST_CASE("where the critic is flat the gradient penalty pulls nowhere", "[gradient_penalty]") {
  std::mt19937_64 source(test_seed());
  Random random(test_device(), 1);
  for (const Activation activation : {Activation::LeakyRelu, Activation::Tanh}) {
    const models::Network critic = make_critic(random, activation, 0.2f);
    const Tensor last = critic.parameters()["2.weight"];
    last.copy_from_host(std::vector<float>(size_t(last.size()), 0));
    const Tensor penalty = GradientPenalty{}(critic, random_points(source));
    CHECK(penalty.item() == 1);
    CHECK(all_zero(grad(penalty, critic.parameters())));
  }
  const models::Network critic = make_critic(random, Activation::Tanh, 0);
  const losses::Critic blind = [&](const Tensor& x) { return critic(x.detach()); };
  const Tensor penalty = GradientPenalty{.target = 3}(blind, random_points(source));
  CHECK(penalty.item() == 9);
}

TEST_CASE("below the target the one-sided gradient penalty is zero", "[gradient_penalty]") {
  std::mt19937_64 source(test_seed());
  Random random(test_device(), 1);
  const models::Network critic = make_critic(random, Activation::Tanh, 0);
  const Tensor penalty = GradientPenalty{GradientPenalty::Sides::One, 100}(critic, random_points(source));
  CHECK(penalty.item() == 0);
  CHECK(all_zero(grad(penalty, critic.parameters())));
}

}  // namespace wasserkern::testing
