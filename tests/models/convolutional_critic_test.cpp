#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "engine/ops/convolution.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/tape.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/wasserstein_metric.h"
#include "models/network.h"
#include "tests/central_differences.h"
#include "tests/convolution_reference.h"
#include "tests/device.h"
#include "tests/kernels/stencil_reference.h"

// A whole critic of convolutions, as WGAN-GP trains it, against the same in double by plain loops.

namespace wasserkern::testing {
namespace {

using Doubles = std::vector<double>;
using models::Normalisation;

constexpr int64_t kCount = 2, kHeight = 6, kWidth = 5, kInputs = 2, kFirst = 3, kSecond = 4, kFilter = 3;
constexpr Window kHalving{2, 1};
constexpr double kEpsilon = 1e-5;  // of the layer normalisation

const ConvolutionReference kMaps[] = {{1, kHeight, kWidth, kInputs, kFirst, kFilter, kFilter, kHalving},
                                      {1, 3, 3, kFirst, kSecond, kFilter, kFilter, kHalving}};

struct Kind {
  const char* name;
  Activation activation;
  Normalisation normalisation;  // of the second convolution
};

const Kind kKinds[] = {{"LeakyReLU", Activation::LeakyRelu, Normalisation::None},
                       {"LeakyReLU and layer normalisation", Activation::LeakyRelu, Normalisation::Layer},
                       {"tanh", Activation::Tanh, Normalisation::None}};

models::Network make_critic(Random& random, const Kind& kind) {
  const auto layer = [&](int64_t channels, Normalisation normalisation) {
    return models::Layer{.map = models::Convolution{channels, kFilter, kHalving},
                         .activation = kind.activation,
                         .slope = 0.2f,
                         .normalisation = normalisation};
  };
  return models::Network(
      random, {kHeight, kWidth, kInputs},
      {layer(kFirst, Normalisation::None), layer(kSecond, kind.normalisation), {.map = models::Dense{{1}}}});
}

/// The critic and its penalty in double. The gradient in x is by hand, that of the penalty by differences.
struct Reference {
  Kind kind;
  std::optional<Stencil> metric;
  std::vector<Doubles> parameters = {};  // in the order of the network's

  double value(double t) const { return kind.activation == Activation::Tanh ? std::tanh(t) : t > 0 ? t : 0.2 * t; }
  double derivative(double t) const {
    return kind.activation == Activation::Tanh ? 1 - std::tanh(t) * std::tanh(t) : t > 0 ? 1 : 0.2;
  }
  bool normalises() const { return kind.normalisation == Normalisation::Layer; }

  /// What the layers before the last make of one image, before their activations, and what a normalisation divided by.
  struct Features {
    Doubles first, normalised, second;
    double deviation = 1;
  };

  Features features(const Doubles& image) const {
    Features at;
    at.first = kMaps[0].forward(image, parameters[0], parameters[1]);
    Doubles between = at.first;
    for (double& t : between) t = value(t);
    if (!normalises()) {
      at.second = kMaps[1].forward(between, parameters[2], parameters[3]);
      return at;
    }
    at.normalised = kMaps[1].forward(between, parameters[2], {});
    const double n = static_cast<double>(at.normalised.size());
    double mean = 0, variance = 0;
    for (const double t : at.normalised) mean += t / n;
    for (const double t : at.normalised) variance += (t - mean) * (t - mean) / n;
    at.deviation = std::sqrt(variance + kEpsilon);
    for (double& t : at.normalised) t = (t - mean) / at.deviation;
    for (size_t i = 0; i < at.normalised.size(); ++i)
      at.second.push_back(parameters[3][i % kSecond] * at.normalised[i] + parameters[4][i % kSecond]);
    return at;
  }

  Doubles gradient(const Doubles& image) const {
    const Features at = features(image);
    Doubles gradient = parameters[parameters.size() - 2];
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] *= derivative(at.second[i]);
    if (normalises()) {
      const double n = static_cast<double>(gradient.size());
      double mean = 0, along = 0;
      for (size_t i = 0; i < gradient.size(); ++i) {
        gradient[i] *= parameters[3][i % kSecond];
        mean += gradient[i] / n;
        along += gradient[i] * at.normalised[i] / n;
      }
      for (size_t i = 0; i < gradient.size(); ++i)
        gradient[i] = (gradient[i] - mean - at.normalised[i] * along) / at.deviation;
    }
    gradient = kMaps[1].transposed(gradient, parameters[2], {});
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] *= derivative(at.first[i]);
    return kMaps[0].transposed(gradient, parameters[0], {});
  }

  double gradient_norm(const Doubles& image) const {
    const Doubles g = gradient(image);
    if (metric) return std::sqrt(StencilReference(*metric, kHeight, kWidth, kInputs, image.data(), g.data()).form);
    double sum = 0;
    for (const double value : g) sum += value * value;
    return std::sqrt(sum);
  }

  double penalty(const Doubles& images) const {
    double total = 0;
    const auto each = static_cast<std::ptrdiff_t>(images.size() / kCount);
    for (std::ptrdiff_t i = 0; i < kCount; ++i) {
      const double excess = gradient_norm({images.begin() + i * each, images.begin() + (i + 1) * each}) - 1;
      total += excess * excess / kCount;
    }
    return total;
  }

  std::vector<Doubles> penalty_gradient(const Doubles& images) {
    return central_differences(parameters, [&] { return penalty(images); });
  }
};

/// LeakyReLU whose slope is on the tape, with an explicit zero for its derivative: what nothing prunes.
Tensor unpruned_gradient(const Tensor& gradient, const Tensor& x) {
  return taped("unpruned_gradient", leaky_relu_gradient(gradient.detach(), x.detach(), 0.2f), {gradient, x},
               [x = Saved(x)](Sweep& sweep) {
                 if (sweep.wants(0)) sweep.give(0, unpruned_gradient(sweep.gradient(), sweep.get(x)));
                 if (sweep.wants(1)) sweep.give(1, Tensor::full(test_device(), sweep.get(x).shape(), 0));
               });
}

Tensor unpruned_leaky_relu(const Tensor& x) {
  return taped("unpruned_leaky_relu", leaky_relu(x.detach(), 0.2f), {x},
               [x = Saved(x)](Sweep& sweep) { sweep.give(0, unpruned_gradient(sweep.gradient(), sweep.get(x))); });
}

/// The gradient of the penalty in x, which a piecewise linear critic has none of, and in the parameters.
std::pair<Tensor, std::vector<float>> penalty_gradients(const losses::Critic& critic, const Parameters& parameters,
                                                        const Tensor& points) {
  Tensor x = points.detach();
  x.require_gradient();
  const Tensor slope = grad(sum(critic(x)), x, Differentiable::Yes);
  const Tensor penalty = sum(square(slope));
  const auto in_x = grad(std::vector{penalty}, {x}).front();
  return {in_x, grad(penalty, parameters).to_host()};
}

double largest(const std::vector<Doubles>& all) {
  double largest = 0;
  for (const Doubles& values : all)
    for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

TEST_CASE("the gradient penalty of a convolutional critic, against differences in double", "[critic]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  Random random(test_device(), test_seed());
  const PixelGraph graph = PixelGraph::diamond();
  const std::optional<Stencil> metrics[] = {std::nullopt, losses::ridge_metric(graph, 1),
                                            losses::intensity_metric(graph, 1, 50, kHeight * kWidth * kInputs)};
  for (const Kind& kind : kKinds)
    for (const std::optional<Stencil>& metric : metrics) {
      INFO(kind.name << (!metric ? ", l2" : metric->total == 0 ? ", the code's metric" : ", the paper's metric"));
      const models::Network critic = make_critic(random, kind);
      Reference reference{kind, metric};
      for (const auto& named : critic.parameters().named()) {
        const auto values = random_normals(source, named.tensor.size(), 0.5f);
        named.tensor.copy_from_host(values);
        reference.parameters.emplace_back(values.begin(), values.end());
      }
      auto images = random_normals(source, kCount * kHeight * kWidth * kInputs);
      for (float& value : images) value = std::tanh(value);
      const Doubles images_in_double(images.begin(), images.end());

      const Tensor points = Tensor::from_host(test_device(), {kCount, kHeight, kWidth, kInputs}, images);
      const Tensor penalty = losses::GradientPenalty{.metric = metric}(critic, points);
      CHECK(penalty.item() == Approx(reference.penalty(images_in_double)).epsilon(1e-5));

      grad(penalty, critic.parameters());
      const auto expected = reference.penalty_gradient(images_in_double);
      const double scale = largest(expected);
      REQUIRE(scale > 1e-3);
      const auto flat = critic.parameters().flat_gradient().to_host();
      for (size_t p = 0; p < expected.size(); ++p) {
        const auto& named = critic.parameters().named()[p];
        INFO(named.name);
        const auto offset = named.tensor.data() - critic.parameters().flat().data();
        for (size_t k = 0; k < expected[p].size(); ++k)  // float arithmetic over some hundred terms
          CHECK(flat[size_t(offset) + k] == Approx(expected[p][k]).margin(2e-5 * scale));
      }
    }
}

TEST_CASE("what is pruned of a convolutional critic's penalty is zero, and tanh is not pruned", "[critic]") {
  Random random(test_device(), 5);
  const models::Network critic = make_critic(random, kKinds[0]);
  const Tensor points = random.normal({kCount, kHeight, kWidth, kInputs});
  const auto& weights = critic.parameters();
  const losses::Critic full = [&](const Tensor& x) {
    Tensor features = x;
    for (const char* layer : {"0", "1"})
      features = unpruned_leaky_relu(convolution(features, weights[layer + std::string(".weight")],
                                                 weights[layer + std::string(".bias")], kHalving));
    return linear(features, weights["2.weight"], weights["2.bias"]);
  };
  const auto [pruned_x, pruned] = penalty_gradients(critic, weights, points);
  const auto [full_x, whole] = penalty_gradients(full, weights, points);
  CHECK_FALSE(pruned_x.defined());
  REQUIRE(full_x.defined());
  for (const float zero : full_x.to_host()) CHECK(zero == 0);
  REQUIRE(pruned.size() == whole.size());
  CHECK(std::any_of(whole.begin(), whole.end(), [](float value) { return value != 0; }));
  for (size_t i = 0; i < whole.size(); ++i) CHECK(pruned[i] == whole[i]);

  const models::Network smooth = make_critic(random, kKinds[2]);
  CHECK(penalty_gradients(smooth, smooth.parameters(), points).first.defined());
}

}  // namespace wasserkern::testing
