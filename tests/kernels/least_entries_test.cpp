#include "kernels/least_entries.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/pairwise_cost.h"
#include "tests/kernels/cost_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Search {
  int64_t m, n, k, gap;
  std::vector<float> costs, price;  // costs have `gap` unused elements after every row
  std::vector<int32_t> rows, first;

  float cost(int32_t i, int32_t j) const { return costs[static_cast<size_t>(i * (n + gap) + j)]; }
};

/// Columns of a row in the order of its list: NaN, then by sum, then by when the search meets them.
std::vector<int32_t> expected_columns(const Search& search, size_t at) {
  std::vector<int32_t> columns(static_cast<size_t>(search.n));
  std::iota(columns.begin(), columns.end(), 0);
  std::rotate(columns.begin(), columns.begin() + search.first[at], columns.end());
  const auto sum = [&](int32_t j) { return search.cost(search.rows[at], j) + search.price[static_cast<size_t>(j)]; };
  std::stable_sort(columns.begin(), columns.end(), [&](int32_t a, int32_t b) {
    if (std::isnan(sum(a)) != std::isnan(sum(b))) return std::isnan(sum(a));
    return sum(a) < sum(b);
  });
  columns.resize(static_cast<size_t>(search.k));
  return columns;
}

/// What the k-th sum is, or infinity.
std::vector<float> bounds_of(const Search& search, bool bounded) {
  std::vector<float> bounds(search.rows.size(), kInfinity);
  for (size_t at = 0; bounded && at < bounds.size(); ++at) {
    const int32_t last = expected_columns(search, at).back();
    bounds[at] = search.cost(search.rows[at], last) + search.price[static_cast<size_t>(last)];
  }
  return bounds;
}

void check(const Search& search, bool bounded) {
  with_stream([&](auto& stream) {
    const auto r = static_cast<int64_t>(search.rows.size()), stride = search.k + search.gap;
    const OnStream costs(stream, search.costs), price(stream, search.price);
    const OnStream rows(stream, search.rows), first(stream, search.first), bounds(stream, bounds_of(search, bounded));
    const OnStream values(stream, std::vector<float>(static_cast<size_t>(r * stride), -777));
    const OnStream columns(stream, std::vector<int32_t>(static_cast<size_t>(r * stride), -777));
    least_entries(stream, Matrix<const float>{costs.data(), search.m, search.n, search.n + search.gap},
                  {rows.vector(), first.vector(), bounds.vector()}, price.vector(),
                  {values.data(), r, search.k, stride}, {columns.data(), r, search.k, stride});
    const std::vector<float> found_values = values.host();
    const std::vector<int32_t> found_columns = columns.host();
    for (size_t at = 0; at < search.rows.size(); ++at) {
      const std::vector<int32_t> expected = expected_columns(search, at);
      for (int64_t entry = 0; entry < stride; ++entry) {
        const auto place = at * static_cast<size_t>(stride) + static_cast<size_t>(entry);
        INFO("search " << at << ", entry " << entry);
        if (entry >= search.k) {
          CHECK(found_columns[place] == -777);
          CHECK(found_values[place] == -777);
          continue;
        }
        const int32_t column = expected[static_cast<size_t>(entry)];
        CHECK(found_columns[place] == column);
        const float cost = search.cost(search.rows[at], column);
        CHECK((found_values[place] == cost || (std::isnan(cost) && std::isnan(found_values[place]))));
      }
    }
  });
}

Search random_search(std::mt19937_64& random, int64_t m, int64_t n, int64_t k, bool ties) {
  Search search{.m = m,
                .n = n,
                .k = k,
                .gap = 3,
                .costs = random_normals(random, m * (n + 3)),
                .price = random_normals(random, n),
                .rows = {},
                .first = {}};
  if (ties)
    for (std::vector<float>* values : {&search.costs, &search.price})
      for (float& value : *values) value = std::round(value);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = n; j < n + 3; ++j) search.costs[static_cast<size_t>(i * (n + 3) + j)] = kNan;  // must not be read
  for (int64_t at = 0; at < 1 + m / 2; ++at) {
    search.rows.push_back(static_cast<int32_t>(random() % static_cast<uint64_t>(m)));
    search.first.push_back(static_cast<int32_t>(random() % static_cast<uint64_t>(n)));
  }
  return search;
}

}  // namespace

TEST_CASE("least_entries lists the least sums of a row in order", "[least_entries]") {
  std::mt19937_64 random(7);
  for (const auto& [m, n, k] : {std::array<int64_t, 3>{1, 1, 1}, {3, 5, 5}, {7, 33, 16}, {5, 300, 16}, {4, 1031, 64}})
    for (const bool ties : {false, true}) {
      INFO(m << " x " << n << ", " << k << (ties ? ", ties" : ""));
      for (const bool bounded : {false, true}) check(random_search(random, m, n, k, ties), bounded);
    }
}

TEST_CASE("least_entries puts NaN first and infinity last", "[least_entries]") {
  std::mt19937_64 random(8);
  Search search = random_search(random, 4, 40, 20, false);
  for (int32_t i = 0; i < 4; ++i) {
    const auto row = static_cast<size_t>(i) * 43;
    search.costs[row + 7] = search.costs[row + 20] = kNan;
    search.costs[row + 3] = -kInfinity;
    for (size_t j = 21; j < 40; ++j) search.costs[row + j] = kInfinity;
  }
  check(search, false);
}

TEST_CASE("least_entries refuses lists that cannot be filled", "[least_entries]") {
  with_stream([](auto& stream) {
    const OnStream costs(stream, std::vector<float>(6)), price(stream, std::vector<float>(3)),
        values(stream, std::vector<float>(4));
    const OnStream bounds(stream, std::vector<float>(1)), rows(stream, std::vector<int32_t>(1)),
        columns(stream, std::vector<int32_t>(4));
    CHECK_THROWS_WITH(least_entries(stream, costs.matrix(2, 3), {rows.vector(), rows.vector(), bounds.vector()},
                                    price.vector(), values.matrix(1, 4), columns.matrix(1, 4)),
                      Catch::Contains("4 of 3 columns"));
  });
}

TEST_CASE("reduced_minima are the least differences of each row, in double", "[least_entries]") {
  std::mt19937_64 random(9);
  for (const int64_t n : {1, 2, 31, 257, 1000}) {
    const int64_t m = 5, stride = n + 2;
    std::vector<float> costs = random_normals(random, m * stride);
    std::vector<double> potential(static_cast<size_t>(n));
    for (double& v : potential) v = std::normal_distribution<double>(0, 1e3)(random);
    costs[static_cast<size_t>(2 * stride + n - 1)] = kInfinity;
    costs[static_cast<size_t>(3 * stride)] = kNan;
    with_stream([&](auto& stream) {
      const OnStream on_stream(stream, costs);
      const OnStream v(stream, potential), out(stream, std::vector<double>(m));
      reduced_minima(stream, Matrix<const float>{on_stream.data(), m, n, stride}, v.vector(), out.vector());
      const std::vector<double> found = out.host();
      for (int64_t i = 0; i < m; ++i) {
        double least = std::numeric_limits<double>::infinity();
        for (int64_t j = 0; j < n; ++j)
          least = std::min(least, costs[static_cast<size_t>(i * stride + j)] - potential[static_cast<size_t>(j)]);
        INFO("row " << i << " of " << n);
        if (i == 2 || i == 3)
          CHECK(std::isnan(found[static_cast<size_t>(i)]));
        else
          CHECK(found[static_cast<size_t>(i)] == least);
      }
    });
  }
}

TEST_CASE("Costs against packed targets are those of pairwise_cost", "[least_entries][pairwise_cost]") {
  std::mt19937_64 random(10);
  for (const Cost& cost : sample_costs())
    for (const auto& [m, n, d] : {std::array<int64_t, 3>{20, 37, 5}, {33, 65, 20}, {18, 17, 600}}) {
      const std::vector<float> x = random_normals(random, m * d), y = random_normals(random, n * d);
      with_stream([&](auto& stream) {
        const OnStream xs(stream, x), ys(stream, y);
        const OnStream all(stream, std::vector<float>(static_cast<size_t>(m * n)));
        const OnStream some(stream, std::vector<float>(static_cast<size_t>(m * n)));
        const OnStream packed(stream,
                              std::vector<float>(static_cast<size_t>(packed_targets_size(stream, ys.matrix(n, d)))));
        pairwise_cost(stream, cost, xs.matrix(m, d), ys.matrix(n, d), all.matrix(m, n));
        pack_targets(stream, ys.matrix(n, d), packed.vector());
        // One row, then the others: a cost does not depend on what it is asked for with.
        for (const auto& [first, rows] : {std::pair<int64_t, int64_t>{0, 1}, {1, m - 1}})
          pairwise_cost_packed(stream, cost, Matrix<const float>{xs.data() + first * d, rows, d, d}, ys.matrix(n, d),
                               packed.vector(), Matrix<float>{some.data() + first * n, rows, n, n});
        INFO(cost_name(cost) << ", " << m << " x " << n << " x " << d);
        CHECK(all.host() == some.host());
      });
    }
}
