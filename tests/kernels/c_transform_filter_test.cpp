#include "kernels/cpu/c_transform_filter.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "kernels/c_transform.h"
#include "kernels/cuda/c_transform_filter.h"
#include "kernels/paired_cost.h"
#include "tests/kernels/pairs.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

struct Problem {
  Pairs pairs;
  std::vector<float> phi = {};
};

struct Answer {
  std::vector<float> out;
  std::vector<int32_t> argmin;
};

Problem random_problem(std::mt19937_64& source, Pairs shape) {
  return {random_pairs(source, shape), random_normals(source, shape.m)};
}

/// Calls change(value, row, coordinate) for the coordinates of rows.
template <class Change>
void change_rows(const Pairs& pairs, std::vector<float>& rows, Change change) {
  for (size_t at = 0; at < rows.size(); ++at) {
    const int64_t row = static_cast<int64_t>(at) / pairs.stride(), k = static_cast<int64_t>(at) % pairs.stride();
    if (k < pairs.d) rows[at] = change(rows[at], row, k);
  }
}

/// The answer of `solve(x, phi, y, out, argmin)` on a stream.
template <class Stream, class Solve>
Answer answer(Stream& stream, const Problem& problem, Solve solve) {
  const PairsOnStream<Stream> pairs(stream, problem.pairs);
  const OnStream phi(stream, problem.phi);
  const OnStream out(stream, std::vector<float>(static_cast<size_t>(problem.pairs.n), -777));
  const OnStream argmin(stream, std::vector<int32_t>(static_cast<size_t>(problem.pairs.n), -777));
  solve(pairs.x, Vector<const float>(phi.vector()), pairs.y, out.vector(), argmin.vector());
  return {out.host(), argmin.host()};
}

/// The same index, and the same bits unless both are NaN.
void require_same(const Answer& filtered, const Answer& direct) {
  REQUIRE(filtered.argmin == direct.argmin);
  for (size_t j = 0; j < direct.out.size(); ++j) {
    if (std::isnan(direct.out[j]) && std::isnan(filtered.out[j])) continue;
    REQUIRE(std::bit_cast<uint32_t>(filtered.out[j]) == std::bit_cast<uint32_t>(direct.out[j]));
  }
}

float ulps_from(float value, int ulps) {
  for (; ulps > 0; --ulps) value = std::nextafter(value, kInfinity);
  for (; ulps < 0; ++ulps) value = std::nextafter(value, -kInfinity);
  return value;
}

int below(std::mt19937_64& source, int64_t end) { return static_cast<int>(source() % static_cast<uint64_t>(end)); }

/// Problems whose candidates differ by no more than a few units in the last place of their distance: by `kind`.
constexpr int kNearTies = 6;
Problem near_ties(std::mt19937_64& source, int kind, Pairs shape) {
  Problem problem = random_problem(source, shape);
  Pairs& pairs = problem.pairs;
  problem.phi.assign(problem.phi.size(), 0);
  const std::vector<float> centre = random_normals(source, pairs.d);
  const auto at_centre = [&](float, int64_t, int64_t k) { return centre[static_cast<size_t>(k)]; };
  const auto row = [&](std::vector<float>& rows, int64_t i) { return rows.begin() + i * pairs.stride(); };
  switch (kind) {
    case 0:  // one coordinate of one point, one step away
      change_rows(pairs, pairs.x, at_centre);
      for (int64_t i = 0; i < pairs.m; ++i) {
        float& value = *(row(pairs.x, i) + below(source, pairs.d));
        value = ulps_from(value, below(source, 3) - 1);
      }
      break;
    case 1:  // the same differences, summed in other orders
      change_rows(pairs, pairs.y, [&](float, int64_t j, int64_t) { return static_cast<float>(j % 7) / 8; });
      change_rows(pairs, pairs.x, at_centre);
      for (int64_t i = 0; i < pairs.m; ++i) std::shuffle(row(pairs.x, i), row(pairs.x, i) + pairs.d, source);
      break;
    case 2:  // on a sphere around points that are steps apart
      change_rows(pairs, pairs.x, at_centre);
      for (int64_t i = 0; i < pairs.m; ++i) *(row(pairs.x, i) + below(source, pairs.d)) += below(source, 2) ? 3 : -3;
      change_rows(pairs, pairs.y, [&](float, int64_t, int64_t k) {
        return ulps_from(centre[static_cast<size_t>(k)], below(source, 3) - 1);
      });
      break;
    case 3:  // so far away that the expansion cancels
      for (auto* rows : {&pairs.x, &pairs.y})
        change_rows(pairs, *rows,
                    [&](float, int64_t, int64_t) { return 4096 + static_cast<float>(below(source, 5)) / 2048; });
      break;
    case 4:  // potentials that make up for the distances, to the last places
      change_rows(pairs, pairs.y, [&](float, int64_t, int64_t k) {
        return ulps_from(centre[static_cast<size_t>(k)], below(source, 3) - 1);
      });
      for (int64_t i = 0; i < pairs.m; ++i) {
        float sum = 0;
        for (int64_t k = 0; k < pairs.d; ++k) sum += std::pow(pairs.x_row(i)[k] - centre[static_cast<size_t>(k)], 2.0f);
        problem.phi[static_cast<size_t>(i)] = ulps_from(sum / 2, below(source, 3) - 1);
      }
      break;
    default:  // few points, many times
      change_rows(pairs, pairs.x, [&](float, int64_t i, int64_t k) { return pairs.x_row(i * i % 16)[k]; });
  }
  return problem;
}

/// More than a million pairs, a sixth of each kind. Few candidates fill a CUDA column's list of survivors, many are too
/// many for it.
template <class Check>
void for_each_near_tie(Check check) {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  struct Size {
    int64_t m, n;
  };
  constexpr Size kFew{128, 660}, kMany{1003, 84};
  static_assert((kFew.m * kFew.n + kMany.m * kMany.n) * kNearTies >= 1'000'000);
  for (int kind = 0; kind < kNearTies; ++kind)
    for (const Size size : {kFew, kMany}) {
      const Problem problem = near_ties(source, kind, {size.m, size.n, 8 + below(source, 25), below(source, 3)});
      const LqCost cost = kind == 1 || kind == 5 ? LqCost{2, 1} : LqCost{2, 2};
      INFO("kind " << kind << " " << problem.pairs.text() << " " << cost.name());
      check(cost, problem);
    }
}

}  // namespace

TEST_CASE("a million near ties: the CPU's filter has the index of direct differences", "[c_transform_filter]") {
  if (on_cuda()) return;
  CpuStream stream(2);
  for_each_near_tie([&](const Cost& cost, const Problem& problem) {
    const Answer filtered =
        answer(stream, problem, [&](auto... arguments) { filtered_c_transform(stream, cost, arguments...); });
    // All pairs at once, by broadcast rows of y.
    Answer direct{std::vector<float>(filtered.out.size(), kInfinity), std::vector<int32_t>(filtered.out.size())};
    std::vector<float> costs(static_cast<size_t>(problem.pairs.m));
    const Pairs& pairs = problem.pairs;
    for (int64_t j = 0; j < pairs.n; ++j) {
      paired_cost(stream, cost, {pairs.x.data(), pairs.m, pairs.d, pairs.stride()},
                  {pairs.y_row(j), pairs.m, pairs.d, 0}, {costs.data(), pairs.m});
      for (int64_t i = 0; i < pairs.m; ++i) {
        const float value = costs[static_cast<size_t>(i)] - problem.phi[static_cast<size_t>(i)];
        if (value >= direct.out[static_cast<size_t>(j)]) continue;
        direct.out[static_cast<size_t>(j)] = value;
        direct.argmin[static_cast<size_t>(j)] = static_cast<int32_t>(i);
      }
    }
    require_same(filtered, direct);
  });
}

#if WASSERKERN_CUDA

namespace {

const char* route_name(FilterRoute route) {
  switch (route) {
    case FilterRoute::Direct: return "direct";
    case FilterRoute::Product: return "product";
    case FilterRoute::TensorTf32: return "tensor cores, tf32";
    case FilterRoute::TensorBf16: return "tensor cores, bf16";
  }
  return "";
}

/// The routes that a stream can take, but for direct differences.
std::vector<FilterRoute> routes(CudaStream& stream) {
  std::vector<FilterRoute> possible;
  for (const FilterRoute route : {FilterRoute::Product, FilterRoute::TensorTf32, FilterRoute::TensorBf16})
    if (can_take(stream, route)) possible.push_back(route);
  return possible;
}

/// Requires that routes have the bits of direct differences.
void check_routes(CudaStream& stream, const std::vector<FilterRoute>& routes, const Cost& cost,
                  const Problem& problem) {
  const Pairs& pairs = problem.pairs;
  INFO(cost_name(cost) << " " << pairs.text());
  REQUIRE(filter_route(cost, pairs.m, pairs.n, pairs.d, 90, true) == FilterRoute::Direct);  // what follows is direct
  const Answer direct = answer(stream, problem, [&](auto... arguments) { c_transform(stream, cost, arguments...); });
  for (const FilterRoute route : routes) {
    INFO(route_name(route));
    require_same(
        answer(stream, problem, [&](auto... arguments) { filtered_c_transform(stream, route, cost, arguments...); }),
        direct);
  }
}

/// As above, for every route that the stream can take.
void check_routes(CudaStream& stream, const Cost& cost, const Problem& problem) {
  check_routes(stream, routes(stream), cost, problem);
}

CudaStream& cuda_stream() {
  static CudaStream stream({});
  return stream;
}

}  // namespace

TEST_CASE("every route of the filter has the bits of direct differences", "[c_transform_filter]") {
  if (!on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  for (const Pairs& shape : {Pairs{1, 1, 1},
                             {3, 0, 5},
                             {2, 7, 13, 3},
                             {128, 128, 16},
                             {129, 127, 33, 1},
                             {500, 257, 65, 0},
                             {67, 131, 5, 2},
                             {1, 300, 17},
                             {300, 1, 16},
                             {40, 30, 0}})
    for (const LqCost cost : {LqCost{2, 2}, LqCost{2, 1}, LqCost{2, 3}})
      check_routes(cuda_stream(), cost, random_problem(source, shape));
}

TEST_CASE("a filter goes over many candidates and points panel by panel", "[c_transform_filter]") {
  if (!on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  CudaStream& stream = cuda_stream();
  // Tensor cores fill up both sides to whole tiles, so an emulator takes long for them: once each.
  for (const auto& [shape, route] : {std::pair(Pairs{16400, 3, 2}, FilterRoute::TensorBf16),
                                     {Pairs{3, 16400, 2}, FilterRoute::TensorTf32},
                                     {Pairs{700, 5000, 2}, FilterRoute::Product}})
    if (can_take(stream, route)) check_routes(stream, {route}, LqCost{2, 2}, random_problem(source, shape));
}

TEST_CASE("a filter's routes keep to the contract at the edges of float's range", "[c_transform_filter]") {
  if (!on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  const std::string kind = GENERATE(as<std::string>(), "far from the origin", "ties", "descending", "not finite",
                                    "tiny", "subnormal", "large");
  INFO(kind);
  Problem problem = random_problem(source, {700, 140, 19, 1});
  Pairs& pairs = problem.pairs;
  const auto change_all = [&](auto change) {
    for (auto* rows : {&pairs.x, &pairs.y}) change_rows(pairs, *rows, change);
  };
  const auto scale = [&](float by) {
    change_all([&](float v, int64_t, int64_t) { return v * by; });
    for (float& value : problem.phi) value *= by;
  };
  if (kind == "far from the origin") change_all([](float v, int64_t, int64_t) { return 1000 + v; });
  if (kind == "ties") {
    change_all([](float v, int64_t, int64_t) { return std::round(v / 2); });
    problem.phi.assign(problem.phi.size(), 0);
  }
  if (kind == "descending")
    for (int64_t i = 0; i < pairs.m; ++i) problem.phi[static_cast<size_t>(i)] = static_cast<float>(i);
  if (kind == "not finite") {
    pairs.x[static_cast<size_t>(5 * pairs.stride())] = kInfinity;
    problem.phi[77] = -kInfinity;
    pairs.y[static_cast<size_t>(3 * pairs.stride() + 1)] = -kInfinity;
    pairs.y[static_cast<size_t>(4 * pairs.stride() + 1)] = 1e30f;
    pairs.y[static_cast<size_t>(5 * pairs.stride() + 2)] = kNan;
    check_routes(cuda_stream(), LqCost{2, 2}, problem);
    problem.phi[600] = kNan;
    problem.phi[300] = kNan;
    check_routes(cuda_stream(), LqCost{2, 2}, problem);
    problem.phi[600] = problem.phi[300] = kInfinity;
    pairs.x[static_cast<size_t>(400 * pairs.stride())] = kNan;
  }
  if (kind == "tiny") scale(1e-20f);
  if (kind == "subnormal") scale(1e-40f);
  if (kind == "large") scale(1e18f);
  for (const LqCost cost : {LqCost{2, 2}, LqCost{2, 1}}) check_routes(cuda_stream(), cost, problem);
}

TEST_CASE("a filter's bounds hold where rounding moves values as far as it can", "[c_transform_filter]") {
  if (!on_cuda()) return;
  CudaStream tf32_stream({0, true});
  for (CudaStream* stream : {&cuda_stream(), &tf32_stream})
    for (const int bits : {8, 10, 11, 24}) {
      INFO("rounded after " << bits << " bits");
      // The nearest candidate has a product that is too small by twice the rounding, so that it looks far; all others
      // have products without an error and potentials that make them nearly as good.
      const float value = 1 + std::ldexp(1.0f, -bits) - std::ldexp(1.0f, -22);
      Problem problem{{120, 40, 64}};  // few enough for a column's list of survivors
      Pairs& pairs = problem.pairs;
      pairs.x.assign(static_cast<size_t>(pairs.m * pairs.d), 0);
      pairs.y.assign(static_cast<size_t>(pairs.n * pairs.d), value);
      std::fill_n(pairs.x.begin() + 77 * pairs.d, pairs.d, value);
      problem.phi.assign(static_cast<size_t>(pairs.m), static_cast<float>(pairs.d) * value * value / 2 * (1 - 1e-6f));
      problem.phi[77] = 0;
      check_routes(*stream, LqCost{2, 2}, problem);
    }
}

// [gpu-only]: a billion products take an emulator half a minute.
TEST_CASE("c_transform of a large problem is that of its parts, which are too small for a filter",
          "[c_transform_filter][gpu-only]") {
  if (!on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  CudaStream& stream = cuda_stream();
  const Problem problem = random_problem(source, {4003, 331, 784});
  const Pairs& pairs = problem.pairs;
  constexpr int64_t kPart = 40;
  REQUIRE(filter_route(LqCost{2, 2}, pairs.m, pairs.n, pairs.d, 75, false) == FilterRoute::Product);
  REQUIRE(filter_route(LqCost{2, 2}, pairs.m, pairs.n, pairs.d, 80, false) == FilterRoute::TensorBf16);
  REQUIRE(filter_route(LqCost{2, 2}, pairs.m, kPart, pairs.d, 90, true) == FilterRoute::Direct);
  const Answer whole = answer(stream, problem, [&](auto... arguments) {
    c_transform(stream, LqCost{2, 2}, arguments...);
  });
  const Answer parts = answer(stream, problem, [&](auto x, auto phi, auto y, auto out, auto argmin) {
    for (int64_t first = 0; first < y.rows; first += kPart) {
      const int64_t count = std::min(y.rows - first, kPart);
      c_transform(stream, LqCost{2, 2}, x, phi, {y.data + first * y.stride, count, y.columns, y.stride},
                  {out.data + first, count}, {argmin.data + first, count});
    }
  });
  require_same(whole, parts);
}

TEST_CASE("a million near ties: every route of the filter has the index of direct differences",
          "[c_transform_filter]") {
  if (!on_cuda()) return;
  for_each_near_tie([](const Cost& cost, const Problem& problem) { check_routes(cuda_stream(), cost, problem); });
}

TEST_CASE("a filter with TF32 products has the bits of direct differences", "[c_transform_filter]") {
  if (!on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  CudaStream stream({0, true});
  check_routes(stream, LqCost{2, 2}, random_problem(source, {300, 70, 40}));
  check_routes(stream, LqCost{2, 2}, near_ties(source, 4, {300, 70, 16}));
}

TEST_CASE("a filter can be recorded", "[c_transform_filter]") {
  if (!on_cuda()) return;
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  CudaStream& stream = cuda_stream();
  const Problem problem = near_ties(source, 2, {300, 70, 16});
  for (const FilterRoute route : routes(stream)) {
    INFO(route_name(route));
    const auto by_route = [&](auto... arguments) { filtered_c_transform(stream, route, LqCost{2, 2}, arguments...); };
    const Answer eager = answer(stream, problem, by_route);
    const Answer recorded = answer(stream, problem, [&](auto... arguments) {
      stream.begin_recording();
      by_route(arguments...);
      const std::unique_ptr<Recording> recording = stream.end_recording();
      recording->replay();
    });
    require_same(recorded, eager);
  }
}

TEST_CASE("a filter's routes are chosen by shape and refuse what they cannot serve", "[c_transform_filter]") {
  const auto route = [](LqCost cost, int64_t m, int64_t n, int64_t d, int capability) {
    return filter_route(cost, m, n, d, capability, false);
  };
  CHECK(route({2, 2}, 50000, 50000, 784, 75) == FilterRoute::Product);
  CHECK(route({2, 2}, 50000, 50000, 784, 80) == FilterRoute::TensorBf16);
  CHECK(route({2, 1}, 50000, 50000, 100, 90) == FilterRoute::TensorTf32);
  CHECK(route({2, 2}, 50000, 50000, 2, 90) == FilterRoute::Direct);
  CHECK(route({2, 2}, 64, 64, 784, 90) == FilterRoute::Direct);
  CHECK(route({2, 2}, 50000, 50000, 70000, 90) == FilterRoute::Direct);
  CHECK(route({1, 1}, 50000, 50000, 784, 90) == FilterRoute::Direct);
  if (!on_cuda()) return;
  std::mt19937_64 source(test_seed());
  const Problem problem = random_problem(source, {3, 4, 5});
  answer(cuda_stream(), problem, [&](auto... arguments) {
    const auto call = [&](LqCost cost, FilterRoute route) {
      filtered_c_transform(cuda_stream(), route, cost, arguments...);
    };
    CHECK_THROWS_AS(call({1, 1}, FilterRoute::Product), UsageError);
    CHECK_THROWS_AS(call({2, 2}, FilterRoute::Direct), UsageError);
    if (!can_take(cuda_stream(), FilterRoute::TensorBf16))
      CHECK_THROWS_AS(call({2, 2}, FilterRoute::TensorBf16), DeviceError);
    else
      CHECK_NOTHROW(call({2, 2}, FilterRoute::TensorBf16));
  });
}

#endif
