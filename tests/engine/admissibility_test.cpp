#include "engine/ops/admissibility.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "engine/ops/elementwise.h"
#include "engine/tape.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"
#include "tests/kernels/cost_reference.h"

namespace wasserkern::testing {
namespace {

constexpr int64_t kM = 5, kN = 7, kD = 3;

struct Points {
  std::vector<float> x, y;

  explicit Points(std::mt19937_64& source) : x(random_normals(source, kM * kD)), y(random_normals(source, kN * kD)) {}
  Tensor x_tensor() const { return Tensor::from_host(test_device(), {kM, kD}, x); }
  Tensor y_tensor() const { return Tensor::from_host(test_device(), {kN, kD}, y); }
};

}  // namespace

TEST_CASE("admissibility differentiates in the potentials", "[ops][admissibility]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Points points(source);
  for (const Cost& cost : sample_costs())
    for (const Penalty penalty : {Penalty::Square, Penalty::Violation}) {
      const auto reference = [&](const std::vector<Doubles>& potentials) {
        double total = 0;
        for (size_t i = 0; i < kM; ++i)
          for (size_t j = 0; j < kN; ++j) {
            const double slack =
                reference_cost(cost, &points.x[i * kD], &points.y[j * kD], kD) - potentials[0][i] - potentials[1][j];
            const double counted = penalty == Penalty::Square ? slack : std::min(slack, 0.0);
            total += counted * counted;
          }
        return Doubles{total / (kM * kN)};
      };
      check_op({"admissibility " + cost_name(cost),
                {{kM, 1}, {kN}},
                [&](const auto& potentials) {
                  return admissibility(cost, penalty, points.x_tensor(), potentials[0], points.y_tensor(),
                                       potentials[1]);
                },
                reference,
                [](double x) { return 2 * x; },
                false});
    }
}

TEST_CASE("admissibility takes points as constants, and says that it differentiates once", "[ops][admissibility]") {
  std::mt19937_64 source(test_seed());
  const Points points(source);
  Tensor phi = Tensor::full(test_device(), {kM}, 1);
  phi.require_gradient();
  const Tensor psi = Tensor::full(test_device(), {kN}, 1);
  const LqCost cost{1, 1};

  const Tensor value = admissibility(cost, Penalty::Square, points.x_tensor(), phi, points.y_tensor(), psi);
  const Tensor slope = grad(value, phi, Differentiable::Yes);
  CHECK_THROWS_WITH(grad(square(slope), phi), Catch::Contains("second derivative of admissibility"));

  Tensor x = points.x_tensor();
  x.require_gradient();
  CHECK_THROWS_AS(admissibility(cost, Penalty::Square, x, phi, points.y_tensor(), psi), UsageError);
  CHECK_THROWS_WITH(admissibility(cost, Penalty::Square, points.x_tensor(), phi, x, psi), Catch::Contains("y"));
  CHECK_THROWS_AS(admissibility(cost, Penalty::Square, points.x_tensor(), psi, points.y_tensor(), psi), ShapeError);
}

}  // namespace wasserkern::testing
