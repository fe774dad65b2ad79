#include "losses/objectives/wasserstein_metric.h"

#include <catch2/catch.hpp>
#include <random>

#include "engine/ops/stencil.h"
#include "kernels/error.h"
#include "tests/device.h"

namespace wasserkern::testing {

TEST_CASE("the intensity metric is a complete graph and the direction of total intensity", "[wasserstein_metric]") {
  constexpr int64_t kValues = 4 * 5 * 3;
  constexpr float kAlpha = 1.5f, kBeta = 7;
  std::mt19937_64 source(test_seed());
  INFO("seed " << test_seed());
  std::normal_distribution<float> normal;
  std::vector<float> g(kValues);
  for (float& value : g) value = normal(source);

  double pairs = 0, total = 0;
  for (const float a : g) {
    total += a;
    for (const float b : g) pairs += (double{a} - b) * (double{a} - b) / 2;
  }
  const double n = kValues;
  const double complete = 2 * kAlpha / (n * n) * pairs, intensity = 2 * kBeta / n * total * total;
  // The authors' code takes alpha's part of the total from beta twice.
  const double twice = 2 * kAlpha / (n * n) * total * total;

  const Tensor x = Tensor::full(test_device(), {1, 4, 5, 3}, 0);
  const Stencil stencil = losses::intensity_metric(PixelGraph{}, kAlpha, kBeta, kValues);
  const float form = stencil_form(stencil, x, Tensor::from_host(test_device(), x.shape(), g)).item();
  CHECK(form == Approx(complete + intensity - twice).epsilon(1e-5));
}

TEST_CASE("the metrics of the paper and of its code for CIFAR-10", "[wasserstein_metric]") {
  const Stencil paper = losses::intensity_metric(PixelGraph::diamond(), 1, 50, 3072);
  CHECK(paper.identity == Approx(2.0 / 3072));
  CHECK(paper.total == Approx(2.0 / 3072 * (50 - 2.0 / 3072)));
  const Stencil code = losses::ridge_metric(PixelGraph::diamond(), 1);
  CHECK(code.identity == 1);
  CHECK(code.total == 0);
}

TEST_CASE("a metric that is not positive is refused", "[wasserstein_metric]") {
  const PixelGraph graph = PixelGraph::diamond();
  CHECK_THROWS_AS(losses::ridge_metric(graph, -1), UsageError);
  CHECK_THROWS_AS(losses::ridge_metric(graph, NAN), UsageError);
  CHECK_THROWS_AS(losses::intensity_metric(graph, -1, 50, 12), UsageError);
  CHECK_THROWS_AS(losses::intensity_metric(graph, 1, 0, 12), UsageError);
  CHECK_THROWS_AS(losses::intensity_metric(graph, 1, INFINITY, 12), UsageError);
  CHECK_THROWS_AS(losses::intensity_metric(graph, 1, 50, 0), UsageError);
}

}  // namespace wasserkern::testing
