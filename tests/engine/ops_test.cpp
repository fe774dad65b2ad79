#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/dropout.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/ops/view.h"
#include "engine/random.h"
#include "engine/tape.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"

namespace wasserkern::testing {
namespace {

/// y_i = f(x_i).
std::function<Doubles(const std::vector<Doubles>&)> each(double (*f)(double)) {
  return [f](const std::vector<Doubles>& x) {
    Doubles y;
    for (const double value : x[0]) y.push_back(f(value));
    return y;
  };
}

/// z_ij = f(x_ij, y) with y a whole matrix, a scalar, a row or a column for x [rows, columns].
std::function<Doubles(const std::vector<Doubles>&)> each_pair(size_t rows, size_t columns,
                                                              double (*f)(double, double)) {
  return [=](const std::vector<Doubles>& in) {
    const auto at = [&](const Doubles& v, size_t i, size_t j) {
      if (v.size() == rows * columns) return v[i * columns + j];
      return v.size() == 1 ? v[0] : v.size() == columns ? v[j] : v[i];
    };
    Doubles out;
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j) out.push_back(f(at(in[0], i, j), at(in[1], i, j)));
    return out;
  };
}

double away_from_zero(double x) { return x + std::copysign(0.3, x); }
double positive(double x) { return 0.4 + std::abs(x); }

/// op(a) op(b) for row-major a [m,k] and b [k,n] after transposition.
Doubles product(const Doubles& a, bool ta, const Doubles& b, bool tb, size_t m, size_t k, size_t n) {
  Doubles out(m * n, 0.0);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j)
      for (size_t l = 0; l < k; ++l)
        out[i * n + j] += (ta ? a[l * m + i] : a[i * k + l]) * (tb ? b[j * k + l] : b[l * n + j]);
  return out;
}

double lq_cost(const LqCost& cost, const double* x, const double* y, size_t size) {
  double sum = 0;
  for (size_t k = 0; k < size; ++k) sum += std::pow(std::abs(x[k] - y[k]), cost.q);
  return std::pow(sum, double(cost.p) / cost.q) / cost.p;
}

}  // namespace

TEST_CASE("element-wise ops and their derivatives", "[ops]") {
  const auto unary_case = [](const char* name, Tensor (*op)(const Tensor&), double (*f)(double),
                             double (*domain)(double)) {
    check_op({name, {{3, 7}}, [op](const auto& x) { return op(x[0]); }, each(f), domain});
  };
  const auto any = [](double x) { return x; };
  unary_case("absolute", absolute, std::abs, away_from_zero);
  unary_case(
      "square", square, [](double x) { return x * x; }, any);
  unary_case("square_root", square_root, std::sqrt, positive);
  unary_case(
      "reciprocal", reciprocal, [](double x) { return 1 / x; }, away_from_zero);
  unary_case("exponential", exponential, std::exp, any);
  unary_case("logarithm", logarithm, std::log, positive);
  unary_case("tanh", tanh, std::tanh, any);
  unary_case(
      "softplus", softplus, [](double x) { return std::log1p(std::exp(x)); }, any);
  unary_case(
      "sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, any);
  unary_case(
      "relu", relu, [](double x) { return x > 0 ? x : 0; }, away_from_zero);
  unary_case(
      "leaky_relu", [](const Tensor& x) { return leaky_relu(x, 0.2f); },
      [](double x) { return x > 0 ? x : double(0.2f) * x; }, away_from_zero);
  unary_case(
      "clamp", [](const Tensor& x) { return clamp(x, -0.2f, 0.25f); },
      [](double x) { return std::min(std::max(x, double(-0.2f)), 0.25); }, away_from_zero);
  unary_case(
      "affine", [](const Tensor& x) { return affine(x, 3, -2); }, [](double x) { return 3 * x - 2; }, any);
  unary_case(
      "a composition", [](const Tensor& x) { return tanh(square(x) * 0.5f) * exponential(-x); },
      [](double x) { return std::tanh(x * x / 2) * std::exp(-x); }, any);
}

TEST_CASE("softplus has its limits' slopes far from 0, to the second order", "[ops]") {
  Tensor x = Tensor::from_host(test_device(), {4}, std::vector<float>{-1e30f, -200, 200, 1e30f});
  x.require_gradient();
  const Tensor slope = grad(sum(softplus(x)), x, Differentiable::Yes);
  CHECK(slope.to_host() == std::vector<float>{0, 0, 1, 1});
  CHECK(grad(sum(slope), x).to_host() == std::vector<float>{0, 0, 0, 0});
}

TEST_CASE("binary ops broadcast scalars, rows, channels and columns, and differentiate", "[ops]") {
  const std::vector<Shape> partners = {{5, 6}, {}, {1}, {6}, {1, 6}, {5, 1}};
  for (const Shape& partner : partners) {
    const auto pair_case = [&](const char* name, Tensor (*op)(const Tensor&, const Tensor&),
                               double (*f)(double, double)) {
      const std::string label = std::string(name) + " with " + partner.text();
      check_op({label,
                {{5, 6}, partner},
                [op](const auto& x) { return op(x[0], x[1]); },
                each_pair(5, 6, f),
                away_from_zero});
      check_op({label + ", first operand repeated",
                {partner, {5, 6}},
                [op](const auto& x) { return op(x[0], x[1]); },
                each_pair(5, 6, f),
                away_from_zero});
    };
    pair_case("add", add, [](double x, double y) { return x + y; });
    pair_case("subtract", subtract, [](double x, double y) { return x - y; });
    pair_case("multiply", multiply, [](double x, double y) { return x * y; });
    pair_case("divide", divide, [](double x, double y) { return x / y; });
  }
  check_op({"tanh_gradient",
            {{5, 6}, {5, 6}},
            [](const auto& x) { return tanh_gradient(x[0], x[1]); },
            each_pair(5, 6, [](double x, double y) { return x * (1 - y * y); })});
  CHECK_THROWS_AS(tanh_gradient(Tensor::full(test_device(), {2}, 0), Tensor::full(test_device(), {1}, 0)), ShapeError);
  const Tensor images = Tensor::full(test_device(), {2, 3, 3, 4}, 1);
  CHECK(add(images, Tensor::full(test_device(), {4}, 2)).to_host() == std::vector<float>(72, 3));
  CHECK_THROWS_AS(add(images, Tensor::full(test_device(), {3}, 2)), ShapeError);
  CHECK_THROWS_AS(add(Tensor::full(test_device(), {2, 1}, 0), Tensor::full(test_device(), {1, 2}, 0)), ShapeError);
}

TEST_CASE("kinks have the stated subgradients", "[ops]") {
  const auto slope_at = [](Tensor (*op)(const Tensor&), float x) {
    Tensor point = Tensor::full(test_device(), {1}, x);
    point.require_gradient();
    return grad(sum(op(point)), point).item();
  };
  CHECK(slope_at(absolute, 0) == 0);
  CHECK(slope_at(relu, 0) == 0);
  CHECK(slope_at([](const Tensor& x) { return leaky_relu(x, 0.2f); }, 0) == 0.2f);
  CHECK(slope_at([](const Tensor& x) { return clamp(x, 0, 1); }, 0) == 0);
  CHECK(slope_at([](const Tensor& x) { return clamp(x, 0, 1); }, 1) == 0);
}

TEST_CASE("reductions and their transposes differentiate", "[ops]") {
  check_op({"sum",
            {{4, 5}},
            [](const auto& x) { return square(sum(x[0])); },
            [](const auto& x) {
              double total = 0;
              for (const double value : x[0]) total += value;
              return Doubles{total * total};
            }});
  check_op({"mean",
            {{4, 5}},
            [](const auto& x) { return mean(square(x[0])); },
            [](const auto& x) {
              double total = 0;
              for (const double value : x[0]) total += value * value;
              return Doubles{total / 20};
            }});
  check_op({"sum_over_rows",
            {{4, 5}},
            [](const auto& x) { return square(sum_over_rows(x[0])); },
            [](const auto& x) {
              Doubles out(5, 0.0);
              for (size_t i = 0; i < 20; ++i) out[i % 5] += x[0][i];
              for (double& value : out) value *= value;
              return out;
            }});
  check_op({"sum_over_columns",
            {{4, 5}},
            [](const auto& x) { return square(sum_over_columns(x[0])); },
            [](const auto& x) {
              Doubles out(4, 0.0);
              for (size_t i = 0; i < 20; ++i) out[i / 5] += x[0][i];
              for (double& value : out) value *= value;
              return out;
            }});
  check_op({"broadcast_to",
            {{1, 5}},
            [](const auto& x) {
              return square(broadcast_to(x[0], {3, 5}));
            },
            [](const auto& x) {
              Doubles out;
              for (size_t i = 0; i < 15; ++i) out.push_back(x[0][i % 5] * x[0][i % 5]);
              return out;
            }});
  CHECK_THROWS_AS(mean(Tensor::empty(test_device(), {0})), ShapeError);
}

TEST_CASE("views differentiate", "[ops]") {
  check_op({"slice_rows and reshape",
            {{5, 4}},
            [](const auto& x) {
              return square(reshape(slice_rows(x[0], 1, 3), {4, 2}));
            },
            [](const auto& x) {
              Doubles out;
              for (size_t i = 4; i < 12; ++i) out.push_back(x[0][i] * x[0][i]);
              return out;
            }});
}

TEST_CASE("rows are concatenated, and differentiate", "[ops]") {
  const auto rows_together = [](const auto& x) { return square(concatenate_rows(x[0], x[1])); };
  const auto squares = [](const std::vector<Doubles>& x) {
    Doubles out;
    for (const Doubles& part : x)
      for (const double value : part) out.push_back(value * value);
    return out;
  };
  for (const int64_t first : {1, 3, 17}) check_op({"concatenate_rows", {{first, 5}, {4, 5}}, rows_together, squares});
  check_op({"concatenate_rows of images", {{2, 3, 2}, {1, 3, 2}}, rows_together, squares});
  check_op({"concatenate_rows of a tensor with itself",
            {{2, 3}},
            [](const auto& x) { return square(concatenate_rows(x[0], x[0])); },
            [&](const auto& x) {
              return squares({x[0], x[0]});
            }});

  Device& device = test_device();
  const Tensor one = Tensor::full(device, {1, 2}, 1), none = Tensor::empty(device, {0, 2});
  CHECK(concatenate_rows(none, one).to_host() == std::vector<float>{1, 1});
  CHECK(concatenate_rows(one, none).to_host() == std::vector<float>{1, 1});
  CHECK(concatenate_rows(none, none).shape() == Shape{0, 2});
  CHECK_THROWS_AS(concatenate_rows(one, Tensor::full(device, {1, 3}, 0)), ShapeError);
  CHECK_THROWS_AS(concatenate_rows(one, Tensor::full(device, {2}, 0)), ShapeError);
  CHECK_THROWS_AS(concatenate_rows(Tensor::full(device, {}, 0), one), ShapeError);
}

TEST_CASE("products of every transposition differentiate", "[ops]") {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      const auto transpose = [](bool yes) { return yes ? Transpose::Yes : Transpose::No; };
      check_op({"matmul " + std::to_string(ta) + std::to_string(tb),
                {ta ? Shape{4, 3} : Shape{3, 4}, tb ? Shape{5, 4} : Shape{4, 5}},
                [=](const auto& x) { return matmul(x[0], transpose(ta), x[1], transpose(tb)); },
                [=](const auto& x) { return product(x[0], ta, x[1], tb, 3, 4, 5); }});
    }
}

TEST_CASE("linear layers of every activation differentiate twice", "[ops]") {
  const auto layer_case = [](const char* name, Activation activation, double (*f)(double), bool biased) {
    std::vector<Shape> shapes = {{3, 4}, {5, 4}};
    if (biased) shapes.push_back({5});
    check_op({name, shapes,
              [=](const auto& x) { return linear(x[0], x[1], biased ? x[2] : Tensor(), activation, 0.2f); },
              [=](const auto& x) {
                Doubles out = product(x[0], false, x[1], true, 3, 4, 5);
                for (size_t i = 0; i < out.size(); ++i) out[i] = f(out[i] + (biased ? x[2][i % 5] : 0));
                return out;
              }});
  };
  layer_case(
      "linear", Activation::None, [](double x) { return x; }, true);
  layer_case(
      "linear without bias", Activation::None, [](double x) { return x; }, false);
  layer_case("linear tanh", Activation::Tanh, std::tanh, true);
  layer_case(
      "linear relu", Activation::Relu, [](double x) { return x > 0 ? x : 0; }, true);
  layer_case(
      "linear leaky relu", Activation::LeakyRelu, [](double x) { return x > 0 ? x : double(0.2f) * x; }, true);
}

TEST_CASE("dropout differentiates with the mask it drew", "[ops]") {
  Random random(test_device(), 7);
  Tensor x = Tensor::full(test_device(), {64, 33}, 2);
  x.require_gradient();
  const Tensor dropped = dropout(x, 0.3f, random);
  const auto values = dropped.to_host();
  const auto slopes = grad(sum(dropped), x).to_host();
  size_t kept = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    REQUIRE(slopes[i] == values[i] / 2);
    kept += values[i] != 0;
  }
  CHECK(kept > values.size() * 6 / 10);
  CHECK(kept < values.size() * 8 / 10);
  CHECK(dropout(x, 0.3f, random).to_host() != values);
  CHECK(dropout(x, 0, random).to_host() == x.to_host());
  CHECK_THROWS_AS(dropout(x, 1, random), UsageError);
}

TEST_CASE("interpolate takes one uniform a row and is off the tape", "[ops]") {
  Random random(test_device(), 7), twin(test_device(), 7);
  Tensor x = Tensor::full(test_device(), {40, 2, 3}, 1);
  x.require_gradient();
  const Tensor y = Tensor::full(test_device(), {40, 2, 3}, 0);
  const Tensor points = interpolate(x, y, random);
  CHECK_FALSE(points.on_tape());
  CHECK(points.shape() == x.shape());
  CHECK(points.to_host() == broadcast_to(twin.uniform({40, 1, 1}), {40, 2, 3}).to_host());
  CHECK(interpolate(x, y, random).to_host() != points.to_host());
  CHECK(interpolate(Tensor::full(test_device(), {0, 3}, 1), Tensor::full(test_device(), {0, 3}, 1), random).size() ==
        0);
  CHECK_THROWS_AS(interpolate(x, Tensor::full(test_device(), {40, 6}, 0), random), ShapeError);
}

TEST_CASE("costs of pairs differentiate twice", "[ops]") {
  for (const Cost& sample : sample_costs()) {
    const auto* lq = std::get_if<LqCost>(&sample);
    if (!lq) continue;
    const LqCost cost = *lq;
    // Coordinates of x are kept above those of y, so that no difference changes sign within a finite difference.
    check_op({"paired_cost " + cost.name(),
              {{3, 4}, {3, 4}},
              [=](const auto& x) { return paired_cost(cost, x[0] + 3.0f, x[1]); },
              [=](const auto& x) {
                Doubles shifted = x[0], out;
                for (double& value : shifted) value += 3;
                for (size_t i = 0; i < 3; ++i) out.push_back(lq_cost(cost, &shifted[4 * i], &x[1][4 * i], 4));
                return out;
              },
              [](double x) { return std::tanh(x); }});
  }
}

TEST_CASE("the c-transform differentiates through its argmin", "[ops]") {
  for (const LqCost cost : {LqCost{1, 1}, LqCost{2, 2}, LqCost{2, 1}, LqCost{1.2f, 1.2f}}) {
    const auto reference = [=](const std::vector<Doubles>& in) {
      Doubles out, x = in[0];
      for (double& value : x) value += 3;
      for (size_t j = 0; j < 5; ++j) {
        double best = INFINITY;
        for (size_t i = 0; i < 4; ++i) best = std::min(best, lq_cost(cost, &x[3 * i], &in[2][3 * j], 3) - in[1][i]);
        out.push_back(best);
      }
      return out;
    };
    check_op({"min_over " + cost.name(),
              {{4, 3}, {4, 1}, {5, 3}},
              [=](const auto& x) { return min_over(cost, x[0] + 3.0f, x[1], x[2]).value; },
              reference,
              [](double x) { return std::tanh(x); }});
  }
}

TEST_CASE("pairwise costs differentiate", "[ops]") {
  for (const LqCost cost : LqCost::samples()) {
    OpCase op{"pairwise_cost " + cost.name(),
              {{4, 3}, {5, 3}},
              [=](const auto& x) { return pairwise_cost(cost, x[0] + 3.0f, x[1]); },
              [=](const auto& x) {
                Doubles shifted = x[0], out;
                for (double& value : shifted) value += 3;
                for (size_t i = 0; i < 4; ++i)
                  for (size_t j = 0; j < 5; ++j) out.push_back(lq_cost(cost, &shifted[3 * i], &x[1][3 * j], 3));
                return out;
              },
              [](double x) { return std::tanh(x); }};
    op.twice = false;
    check_op(op);
  }
}

TEST_CASE("the soft c-transform differentiates", "[ops]") {
  for (const LqCost cost : LqCost::samples())
    for (const float epsilon : {0.3f, 5.0f}) {
      OpCase op{"soft_min_over " + cost.name(),
                {{4, 3}, {4, 1}, {5, 3}},
                [=](const auto& x) { return soft_min_over(cost, epsilon, x[0] + 2.0f, x[1], x[2]); },
                [=](const auto& in) {
                  Doubles out, x = in[0];
                  for (double& value : x) value += 2;
                  for (size_t j = 0; j < 5; ++j) {
                    double sum = 0;
                    for (size_t i = 0; i < 4; ++i)
                      sum += std::exp((in[1][i] - lq_cost(cost, &x[3 * i], &in[2][3 * j], 3)) / double{epsilon}) / 4;
                    out.push_back(-double{epsilon} * std::log(sum));
                  }
                  return out;
                },
                [](double x) { return std::tanh(x) / 2; }};
      op.twice = false;
      check_op(op);
    }
}

TEST_CASE("second derivatives of costs of all pairs fail by name", "[ops]") {
  Tensor x = Tensor::full(test_device(), {2, 3}, 1), y = Tensor::full(test_device(), {4, 3}, 2);
  Tensor potential = Tensor::full(test_device(), {2}, 0);
  for (Tensor* leaf : {&x, &y, &potential}) leaf->require_gradient();
  const LqCost cost{2, 2};
  const Tensor of_costs = grad(sum(square(pairwise_cost(cost, x, y))), y, Differentiable::Yes);
  CHECK_THROWS_WITH(grad(sum(of_costs), x), Catch::Contains("gradient of a pairwise cost"));
  for (const Tensor& leaf : {x, potential, y}) {
    const Tensor of_soft = grad(sum(soft_min_over(cost, 1, x, potential, y)), leaf, Differentiable::Yes);
    CHECK_THROWS_WITH(grad(sum(of_soft), y), Catch::Contains("soft c-transform's gradient"));
  }
}

TEST_CASE("rows are gathered and added up", "[ops]") {
  const std::vector<int32_t> index = {2, 0, 2, 1, 2};
  const Array<int32_t> on_device(test_device(), index);
  check_op({"gather_rows",
            {{3, 2}},
            [&](const auto& x) { return square(gather_rows(x[0], on_device)); },
            [&](const auto& x) {
              Doubles out;
              for (const int32_t row : index)
                for (size_t k = 0; k < 2; ++k) out.push_back(std::pow(x[0][static_cast<size_t>(row) * 2 + k], 2));
              return out;
            }});
  check_op({"scatter_rows",
            {{5, 2}},
            [&](const auto& x) { return square(scatter_rows(x[0], on_device, 4)); },
            [&](const auto& x) {
              Doubles out(8, 0.0);
              for (size_t j = 0; j < 5; ++j)
                for (size_t k = 0; k < 2; ++k) out[static_cast<size_t>(index[j]) * 2 + k] += x[0][2 * j + k];
              for (double& value : out) value *= value;
              return out;
            }});
}

TEST_CASE("distinct values are counted", "[ops]") {
  const Array<int32_t> index(test_device(), std::vector<int32_t>{4, 0, 4, 2, 0});
  CHECK(count_distinct(index, 5).item() == 3);
}

}  // namespace wasserkern::testing
