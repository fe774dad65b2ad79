#include "kernels/cost/cost.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/kernels/cost_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

TEST_CASE("parameters that make no metric are refused by name", "[cost]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const LqCost cost : {LqCost{0.5f, 1}, LqCost{1, 0.5f}, LqCost{nan, 1}, LqCost{1, nan}, LqCost{infinity, 1}}) {
    INFO(cost.name());
    REQUIRE_THROWS_AS(visit_cost(cost, [](const auto&) {}), UsageError);
    REQUIRE_THROWS_WITH(visit_cost(cost, [](const auto&) {}), Catch::Contains(cost.name()));
  }
}

TEST_CASE("every sample specialises to a form of its own place", "[cost]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const int place = visit_cost(cost, []<class Form>(const Form&) { return AllCostForms::index<Form>(); });
    REQUIRE(place >= 0);
  }
  REQUIRE(AllCostForms::index<Lq<Exponent::One>>() != AllCostForms::index<Lq<Exponent::Two>>());
  REQUIRE(AllCostForms::index<Lq<Exponent::Two>>() != AllCostForms::index<Lq<Exponent::General>>());
}

TEST_CASE("terms summed up and finished are the cost", "[cost]") {
  std::mt19937_64 source(test_seed());
  const std::vector<float> x = random_normals(source, 17), y = random_normals(source, 17);
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    const float value = visit_cost(cost, [&](const auto& form) {
      float sum = 0, fused = 0;
      for (size_t k = 0; k < x.size(); ++k) {
        sum += form.term(x[k], y[k]);
        fused = form.add_term(fused, x[k], y[k]);
      }
      CHECK(fused == Approx(sum).epsilon(1e-5));
      CHECK(form.term(0.0f, 0.0f) == 0);
      CHECK(form.trusted(sum));
      return form.finish(sum, 1.0f);
    });
    CHECK(value == Approx(reference_cost(cost, x.data(), y.data(), 17)).epsilon(1e-5));
  }
}

TEST_CASE("units are powers of two near the largest difference", "[cost]") {
  CHECK(unit_near(1) == 1);
  CHECK(unit_near(1.4f) == 1);
  CHECK(unit_near(1.5f) == 2);
  CHECK(unit_near(0.7f) == 0.5f);
  CHECK(unit_near(1e-20f) == std::ldexp(1.0f, -66));
  CHECK(unit_near(std::numeric_limits<float>::denorm_min()) == std::ldexp(1.0f, -126));
  CHECK(unit_near(std::numeric_limits<float>::max()) == std::ldexp(1.0f, 126));
  CHECK(unit_near(0) == 1);
  CHECK(unit_near(std::numeric_limits<float>::infinity()) == 1);
  CHECK(unit_near(std::numeric_limits<float>::quiet_NaN()) == 1);
}
