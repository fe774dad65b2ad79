#include <cmath>
#include <cstdio>
#include <vector>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/tape.h"
#include "engine/tensor.h"

using namespace wasserkern;

/// The transport cost between a cloud of points and a moved copy of it, by subgradient ascent on the semi-dual
/// mean_i phi_i + mean_j min_i c(x_i, y_j) - phi_i, and the mean of its gradient in the copy's points. With
/// c = |x - y|^2 / 2 the cost is |shift|^2 / 2, and the gradient points along the shift.
int main() {
  constexpr int64_t kPoints = 100;
  const float shift[] = {0.3f, -0.4f};
  std::vector<float> here, there;
  for (int64_t i = 0; i < kPoints; ++i) {
    const auto angle = static_cast<float>(i);
    const float radius = std::sqrt((angle + 0.5f) / kPoints);
    for (const float coordinate : {radius * std::cos(angle), radius * std::sin(angle)}) {
      there.push_back(coordinate + shift[here.size() % 2]);
      here.push_back(coordinate);
    }
  }

  try {
    Device device({.name = "cpu"});
    const LqCost cost{.q = 2, .p = 2};
    const Tensor x = Tensor::from_host(device, {kPoints, 2}, here);
    Tensor y = Tensor::from_host(device, {kPoints, 2}, there);
    y.require_gradient();
    Tensor potential = Tensor::full(device, {kPoints}, 0);
    potential.require_gradient();
    const auto dual = [&] { return mean(potential) + mean(min_over(cost, x, potential, y).value); };

    for (int step = 0; step < 2000; ++step) {
      const Tensor direction = grad(dual(), potential);
      potential.overwrite(potential.detach() + direction * (2 / std::sqrt(1.0f + static_cast<float>(step))));
    }
    const std::vector<float> pull = sum_over_rows(grad(dual(), y)).to_host();
    std::printf("transport cost %.4f\ngradient %.4f %.4f\n", dual().item(), pull[0], pull[1]);
  } catch (const Error& error) {
    std::fprintf(stderr, "transport: %s\n", error.what());
    return 1;
  }
}
