#include "losses/objectives/qp_wgan.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/parameters.h"
#include "engine/tape.h"
#include "tests/device.h"

namespace wasserkern::testing {
namespace {

constexpr size_t kReal = 5, kFake = 4, kFeatures = 3;

double cost_of(const LqCost& cost, const float* x, const float* y) {
  double sum = 0;
  for (size_t k = 0; k < kFeatures; ++k) sum += std::pow(std::abs(double(x[k]) - y[k]), cost.q);
  return std::pow(sum, double(cost.p) / cost.q) / cost.p;
}

}  // namespace

TEST_CASE("the (q,p)-WGAN objective is the semi-dual of a plain loop, with its gradients", "[qp_wgan]") {
  std::mt19937_64 source(test_seed());
  const auto real = random_normals(source, kReal * kFeatures), fake = random_normals(source, kFake * kFeatures);
  const auto weights = random_normals(source, kFeatures);
  const Tensor x = Tensor::from_host(test_device(), {kReal, kFeatures}, real);
  Tensor y = Tensor::from_host(test_device(), {kFake, kFeatures}, fake);
  y.require_gradient();
  Parameters parameters(test_device(), {{"weight", {1, kFeatures}}});
  parameters["weight"].copy_from_host(weights);
  const losses::Critic critic = [&](const Tensor& points) { return linear(points, parameters["weight"], {}); };

  for (const LqCost cost : {LqCost{1, 1}, LqCost{1, 2}, LqCost{2, 1}, LqCost{2, 2}, LqCost{1.2f, 1.2f}}) {
    INFO(cost.name());
    std::vector<double> phi(kReal, 0.0);
    double dual = 0;
    for (size_t i = 0; i < kReal; ++i) {
      for (size_t k = 0; k < kFeatures; ++k) phi[i] += double(weights[k]) * real[i * kFeatures + k];
      dual += phi[i] / kReal;
    }
    std::vector<int32_t> argmin(kFake);
    for (size_t j = 0; j < kFake; ++j) {
      double best = INFINITY;
      for (size_t i = 0; i < kReal; ++i) {
        const double value = cost_of(cost, &real[i * kFeatures], &fake[j * kFeatures]) - phi[i];
        if (value < best) argmin[j] = static_cast<int32_t>(i);
        best = std::min(best, value);
      }
      dual += best / kFake;
    }

    const auto terms = losses::QpWgan{cost}.critic_loss(critic, x, y);
    CHECK(terms.dual.item() == Approx(dual).epsilon(1e-5));
    CHECK(terms.loss.item() == -terms.dual.item());
    CHECK(terms.argmin.to_host() == argmin);
    CHECK_FALSE(grad(terms.loss, y).defined());  // the generator's batch is constant for the critic

    // d dual / d weight = mean x - mean of the matched x.
    const auto gradient = grad(terms.loss, parameters).to_host();
    for (size_t k = 0; k < kFeatures; ++k) {
      double expected = 0;
      for (size_t i = 0; i < kReal; ++i) expected -= double(real[i * kFeatures + k]) / kReal;
      for (size_t j = 0; j < kFake; ++j) expected += double(real[size_t(argmin[j]) * kFeatures + k]) / kFake;
      CHECK(gradient[k] == Approx(expected).margin(1e-5));
    }

    const auto generator = losses::QpWgan{cost}.generator_loss(critic, x, y);
    CHECK(generator.loss.item() == Approx(dual).epsilon(1e-5));
    const auto pull = grad(generator.loss, y).to_host();
    for (size_t j = 0; j < kFake; ++j)
      for (size_t k = 0; k < kFeatures; ++k) {
        const float* at = &real[size_t(argmin[j]) * kFeatures];
        auto shifted = fake;
        const double h = 1e-3;
        shifted[j * kFeatures + k] = fake[j * kFeatures + k] + float(h);
        const double above = cost_of(cost, at, &shifted[j * kFeatures]);
        shifted[j * kFeatures + k] = fake[j * kFeatures + k] - float(h);
        const double below = cost_of(cost, at, &shifted[j * kFeatures]);
        CHECK(pull[j * kFeatures + k] == Approx((above - below) / (2 * h) / kFake).margin(2e-3));
      }
  }
}

}  // namespace wasserkern::testing
