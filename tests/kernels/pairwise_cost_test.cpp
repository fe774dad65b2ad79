#include "kernels/pairwise_cost.h"

#include <catch2/catch.hpp>

#include "kernels/paired_cost.h"
#include "tests/kernels/pairs.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

/// Costs [m,n].
template <class Stream>
std::vector<float> costs(Stream& stream, const Cost& cost, const Pairs& pairs) {
  const PairsOnStream on_stream(stream, pairs);
  const AnswerOnStream out(stream, pairs.m, pairs.n, pairs.gap);
  pairwise_cost(stream, cost, on_stream.x, on_stream.y, out.matrix);
  return out.values();
}

std::vector<float> costs(const Cost& cost, const Pairs& pairs) {
  std::vector<float> values;
  with_stream([&](auto& stream) { values = costs(stream, cost, pairs); });
  return values;
}

enum class Weights { AsTheyAre, Transposed };

/// The gradient [n,d] for weights [m,n], which lie in memory with gaps, perhaps transposed.
template <class Stream>
std::vector<float> gradient(Stream& stream, const Cost& cost, const Pairs& pairs, const std::vector<float>& weights,
                            Weights order = Weights::AsTheyAre) {
  const bool transposed = order == Weights::Transposed;
  const int64_t rows = transposed ? pairs.n : pairs.m, columns = transposed ? pairs.m : pairs.n;
  std::vector<float> lying(static_cast<size_t>(rows * (columns + pairs.gap)), kNan);
  for (int64_t i = 0; i < pairs.m; ++i)
    for (int64_t j = 0; j < pairs.n; ++j)
      lying[static_cast<size_t>(transposed ? j * (columns + pairs.gap) + i : i * (columns + pairs.gap) + j)] =
          weights[static_cast<size_t>(i * pairs.n + j)];
  const PairsOnStream on_stream(stream, pairs);
  const OnStream memory(stream, lying);
  const AnswerOnStream out(stream, pairs.n, pairs.d, pairs.gap);
  pairwise_cost_gradient(stream, cost, on_stream.x, on_stream.y,
                         {{memory.data(), rows, columns, columns + pairs.gap}, transposed}, out.matrix);
  return out.values();
}

std::vector<float> gradient(const Cost& cost, const Pairs& pairs, const std::vector<float>& weights,
                            Weights order = Weights::AsTheyAre) {
  std::vector<float> values;
  with_stream([&](auto& stream) { values = gradient(stream, cost, pairs, weights, order); });
  return values;
}

/// Terms and sums in float are off by some 1e-6 of the largest of the summands; powers multiply that by less than 5.
constexpr double kTolerance = 1e-5;

/// For points about `scale` apart.
void check_gradient(const Cost& cost, const Pairs& pairs, const std::vector<float>& weights,
                    const std::vector<float>& answer, double scale = 1) {
  INFO(cost_name(cost) << " " << pairs.text() << " scale " << scale);
  REQUIRE(answer.size() == static_cast<size_t>(pairs.n * pairs.d));
  for (int64_t j = 0; j < pairs.n; ++j) {
    std::vector<double> expected(static_cast<size_t>(pairs.d));
    double error = std::numeric_limits<float>::min();  // below it relative precision is lost
    for (int64_t i = 0; i < pairs.m; ++i) {
      const double weight = weights[static_cast<size_t>(i * pairs.n + j)];
      const auto of_pair = reference_gradient(cost, pairs.x_row(i), pairs.y_row(j), pairs.d, 1e-5 * scale);
      double largest = 0;
      for (size_t k = 0; k < expected.size(); ++k) {
        expected[k] += weight * of_pair[k];
        largest = std::max(largest, std::abs(of_pair[k]));
      }
      error += kTolerance * std::abs(weight) * largest;
    }
    for (size_t k = 0; k < expected.size(); ++k) {
      INFO("row " << j << " coordinate " << k);
      REQUIRE(answer[static_cast<size_t>(j * pairs.d) + k] == Approx(expected[k]).epsilon(0).margin(error));
    }
  }
}

}  // namespace

TEST_CASE("pairwise costs are those of the reference, for every cost and shape", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape : {Pairs{1, 1, 1},
                             {3, 0, 5},
                             {0, 3, 5},
                             {3, 2, 0},
                             {2, 7, 13, 3},
                             {9, 33, 17, 1},
                             {65, 31, 257},
                             {131, 67, 5, 2},
                             {7, 129, 600},
                             {257, 3, 31},
                             {131, 3137, 3}})  // so many that a GPU gets its large tiles
    for (const Cost& cost : sample_costs()) {
      const Pairs pairs = random_pairs(source, shape);
      INFO(cost_name(cost) << " " << pairs.text());
      const std::vector<float> answer = costs(cost, pairs);
      REQUIRE(answer.size() == static_cast<size_t>(pairs.m * pairs.n));
      for (int64_t i = 0; i < pairs.m; ++i)
        for (int64_t j = 0; j < pairs.n; ++j)
          REQUIRE(answer[static_cast<size_t>(i * pairs.n + j)] ==
                  Approx(reference_cost(cost, pairs.x_row(i), pairs.y_row(j), pairs.d)).epsilon(kTolerance));
    }
}

TEST_CASE("batched pairwise costs are those of each problem", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  constexpr int64_t kProblems = 5;
  for (const Pairs& one : {Pairs{2, 7, 13, 3}, {33, 17, 9}, {1, 1, 1}, {0, 3, 2}, {40, 65, 2, 1}})
    for (const Cost& cost : sample_costs()) {
      INFO(cost_name(cost) << " " << one.text());
      const Pairs all = random_pairs(source, {kProblems * one.m, kProblems * one.n, one.d, one.gap});
      with_stream([&](auto& stream) {
        const PairsOnStream on_stream(stream, all);
        const AnswerOnStream together(stream, all.m, one.n, one.gap);
        batched_pairwise_cost(stream, cost, kProblems, on_stream.x, on_stream.y, together.matrix);
        std::vector<float> expected;
        for (int64_t problem = 0; problem < kProblems; ++problem) {
          const AnswerOnStream alone(stream, one.m, one.n, 0);
          pairwise_cost(stream, cost, {on_stream.x.data + problem * one.m * one.stride(), one.m, one.d, one.stride()},
                        {on_stream.y.data + problem * one.n * one.stride(), one.n, one.d, one.stride()}, alone.matrix);
          for (const float value : alone.values()) expected.push_back(value);
        }
        REQUIRE(together.values() == expected);
      });
    }
}

TEST_CASE("pairwise costs hold over the range of float", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float scale : {1e-20f, 1e-13f, 1e-6f, 1e6f, 1e18f})
    for (const Cost& cost : sample_costs()) {
      const Pairs pairs = random_pairs(source, {5, 35, 9}, scale);
      INFO(cost_name(cost) << " scale " << scale);
      const std::vector<float> answer = costs(cost, pairs);
      for (int64_t i = 0; i < pairs.m; ++i)
        for (int64_t j = 0; j < pairs.n; ++j) {
          const double expected = reference_cost(cost, pairs.x_row(i), pairs.y_row(j), pairs.d);
          const float got = answer[static_cast<size_t>(i * pairs.n + j)];
          if (got == kInfinity)
            REQUIRE(expected > std::numeric_limits<float>::max() / 8);  // a p-th power, before p divides it
          else
            REQUIRE(got == Approx(expected).epsilon(kTolerance).margin(std::numeric_limits<float>::min()));
        }
    }
}

TEST_CASE("the pairwise cost's gradient is the sum of the gradients of pairs", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  // So many points or coordinates that a GPU gets its large tiles, with rows that begin at any address and at every
  // fourth.
  for (const Pairs& shape : {Pairs{3, 65, 4201}, {2, 33, 6200, 4}, {600, 40, 8}, {5, 3201, 3, 1}})
    for (const Cost& cost : sample_costs()) {
      INFO(cost_name(cost) << " " << shape.text());
      const Pairs pairs = random_pairs(source, shape);
      const std::vector<float> weights = random_normals(source, pairs.m * pairs.n);
      const std::vector<float> answer = gradient(cost, pairs, weights);
      std::vector<double> sums(answer.size()), sizes(answer.size());
      with_stream([&](auto& stream) {
        const PairsOnStream on_stream(stream, pairs);
        const OnStream scales(stream, weights);
        for (int64_t i = 0; i < pairs.m; ++i) {
          const AnswerOnStream of_row(stream, pairs.n, pairs.d, 0);
          const Matrix<const float> row{on_stream.x.data + i * pairs.stride(), pairs.n, pairs.d, 0};
          paired_cost_gradient(stream, cost, row, on_stream.y, {scales.data() + i * pairs.n, pairs.n}, of_row.matrix);
          const std::vector<float> values = of_row.values();
          for (size_t at = 0; at < sums.size(); ++at) {
            sums[at] += values[at];
            sizes[at] += std::abs(values[at]);
          }
        }
      });
      double worst = 0;
      for (size_t at = 0; at < sums.size(); ++at)
        worst = std::max(worst, std::abs(answer[at] - sums[at]) / (sizes[at] + std::numeric_limits<float>::min()));
      // Sums of d positive terms, one after the other, are off by a share of d 2^-24 at most.
      CHECK(worst <= kTolerance + 6e-8 * static_cast<double>(pairs.d));
    }
}

TEST_CASE("the pairwise cost's gradient agrees with finite differences", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape : {Pairs{1, 1, 1},
                             {2, 7, 13, 3},
                             {9, 33, 17, 1},
                             {3, 2, 300},
                             {150, 5, 7},
                             {67, 70, 3, 2},
                             {8, 32, 16},
                             {21, 65, 5}})
    for (const Cost& cost : sample_costs()) {
      const Pairs pairs = random_pairs(source, shape);
      const std::vector<float> weights = random_normals(source, pairs.m * pairs.n);
      const std::vector<float> answer = gradient(cost, pairs, weights);
      check_gradient(cost, pairs, weights, answer);
      CHECK(gradient(cost, pairs, weights, Weights::Transposed) == answer);
    }
}

TEST_CASE("the pairwise cost's gradient takes very many candidates piece by piece", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const Pairs pairs = random_pairs(source, {200000, 8, 2});
  const std::vector<float> weights = random_normals(source, pairs.m * pairs.n);
  const Cost cost = LqCost{1, 2};  // its slopes need sums, which take scratch memory
  check_gradient(cost, pairs, weights, gradient(cost, pairs, weights));
}

TEST_CASE("the pairwise cost's gradient holds over the range of float", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const float scale : {1e-20f, 1e-13f, 1e-6f, 1e6f, 1e18f})
    for (const Cost& cost : sample_costs()) {
      const Pairs pairs = random_pairs(source, {11, 35, 9}, scale);
      const auto far = reference_gradient(cost, pairs.x_row(0), pairs.y_row(0), pairs.d, 1e-5 * scale);
      if (std::abs(far[0]) > 1e30) continue;  // is not a float
      const std::vector<float> weights = random_normals(source, pairs.m * pairs.n);
      check_gradient(cost, pairs, weights, gradient(cost, pairs, weights), scale);
    }
}

TEST_CASE("pairwise costs and gradients are 0 on the kinks", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    Pairs pairs = random_pairs(source, {40, 40, 19});
    pairs.y = pairs.x;
    const std::vector<float> values = costs(cost, pairs);
    std::vector<float> identity(40 * 40);
    for (size_t i = 0; i < 40; ++i) {
      CHECK(values[41 * i] == 0);
      identity[41 * i] = 1;
    }
    CHECK(gradient(cost, pairs, identity) == std::vector<float>(40 * 19, 0.0f));
    // One coordinate in common.
    const std::vector<float> one = gradient(cost, {1, 1, 2, 0, {3, 0}, {3, 1}}, {1});
    CHECK(one[0] == 0);
    CHECK(one[1] > 0);
  }
}

TEST_CASE("NaN passes through pairwise costs and their gradients", "[pairwise_cost]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    Pairs in_x = random_pairs(source, {20, 35, 4}), in_y = in_x;
    in_x.x[7 * 4 + 2] = kNan;
    in_y.y[30 * 4 + 2] = kNan;
    const std::vector<float> from_x = costs(cost, in_x), from_y = costs(cost, in_y);
    for (size_t at = 0; at < from_x.size(); ++at) {
      REQUIRE(std::isnan(from_x[at]) == (at / 35 == 7));
      REQUIRE(std::isnan(from_y[at]) == (at % 35 == 30));
    }
    const std::vector<float> weights(20 * 35, 1.0f);
    const std::vector<float> pull_x = gradient(cost, in_x, weights), pull_y = gradient(cost, in_y, weights);
    for (size_t j = 0; j < 35; ++j) {
      REQUIRE(std::isnan(pull_x[j * 4 + 2]));
      REQUIRE(std::isnan(pull_y[j * 4 + 2]) == (j == 30));
    }
    std::vector<float> bad_weight(20 * 35, 1.0f);
    bad_weight[4 * 35 + 11] = kNan;
    const std::vector<float> pull = gradient(cost, random_pairs(source, {20, 35, 4}), bad_weight);
    for (size_t at = 0; at < pull.size(); ++at) REQUIRE(std::isnan(pull[at]) == (at / 4 == 11));
  }
}

TEST_CASE("the pairwise cost's gradient of no candidates is 0", "[pairwise_cost]") {
  for (const Cost& cost : sample_costs()) {
    INFO(cost_name(cost));
    CHECK(gradient(cost, {0, 2, 3, 1, {}, std::vector<float>(8, 1.0f)}, {}) == std::vector<float>(6, 0.0f));
    CHECK(gradient(cost, {2, 0, 3, 1, std::vector<float>(8, 1.0f), {}}, {}).empty());
    CHECK(gradient(cost, {2, 3, 0}, std::vector<float>(6, 1.0f)).empty());
  }
}

TEST_CASE("pairwise costs and gradients have the same bits on any number of threads", "[pairwise_cost]") {
  if (on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape : {Pairs{1003, 5, 97}, {3, 1003, 97}, {301, 303, 47}})
    for (const Cost& cost : sample_costs()) {
      const Pairs pairs = random_pairs(source, shape);
      const std::vector<float> weights = random_normals(source, pairs.m * pairs.n);
      INFO(cost_name(cost) << " " << pairs.text());
      CpuStream alone(1);
      const std::vector<float> values = costs(alone, cost, pairs), pull = gradient(alone, cost, pairs, weights);
      for (const int threads : {2, 3, 5}) {
        CpuStream together(threads);
        CHECK(costs(together, cost, pairs) == values);
        CHECK(gradient(together, cost, pairs, weights) == pull);
      }
    }
}

TEST_CASE("pairwise costs refuse shapes that do not fit", "[pairwise_cost]") {
  with_stream([](auto& stream) {
    const OnStream memory(stream, std::vector<float>(64));
    float* const p = memory.data();
    const Matrix<float> x{p, 2, 3}, y{p, 4, 3}, wide{p, 4, 5}, costs{p, 2, 4}, other{p, 4, 2};
    const Cost cost = LqCost{1, 1};
    CHECK_NOTHROW(pairwise_cost(stream, cost, x, y, costs));
    CHECK_THROWS_AS(pairwise_cost(stream, cost, x, wide, costs), ShapeError);
    CHECK_THROWS_AS(pairwise_cost(stream, cost, x, y, other), ShapeError);
    CHECK_THROWS_WITH(pairwise_cost(stream, cost, x, wide, costs), Catch::Contains("5") && Catch::Contains("3"));
    CHECK_THROWS_AS(pairwise_cost(stream, LqCost{0.5f, 1}, x, y, costs), UsageError);
    CHECK_NOTHROW(batched_pairwise_cost(stream, cost, 2, x, y, {p, 2, 2}));
    CHECK_NOTHROW(batched_pairwise_cost(stream, cost, 0, {p, 0, 3}, {p, 0, 3}, {p, 0, 2}));
    CHECK_THROWS_AS(batched_pairwise_cost(stream, cost, 2, x, y, costs), ShapeError);
    CHECK_THROWS_AS(batched_pairwise_cost(stream, cost, 2, x, wide, {p, 2, 2}), ShapeError);
    CHECK_THROWS_AS(batched_pairwise_cost(stream, cost, 4, x, y, {p, 2, 1}), ShapeError);
    CHECK_THROWS_AS(batched_pairwise_cost(stream, cost, -1, x, y, costs), ShapeError);
    CHECK_NOTHROW(pairwise_cost_gradient(stream, cost, x, y, {costs}, y));
    CHECK_NOTHROW(pairwise_cost_gradient(stream, cost, x, y, {other, true}, y));
    CHECK_THROWS_AS(pairwise_cost_gradient(stream, cost, x, y, {other}, y), ShapeError);
    CHECK_THROWS_AS(pairwise_cost_gradient(stream, cost, x, y, {costs, true}, y), ShapeError);
    CHECK_THROWS_AS(pairwise_cost_gradient(stream, cost, x, wide, {costs}, y), ShapeError);
    CHECK_THROWS_AS(pairwise_cost_gradient(stream, cost, x, y, {costs}, x), ShapeError);
    CHECK_THROWS_AS(pairwise_cost_gradient(stream, LqCost{1, 0}, x, y, {costs}, y), UsageError);
  });
}
