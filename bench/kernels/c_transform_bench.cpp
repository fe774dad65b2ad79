#include "bench/kernels/pairs_bench.h"
#include "kernels/c_transform.h"
#include "kernels/matmul.h"

namespace wasserkern::bench {
namespace {

/// The arguments of c-transforms, one or as many as `problems`.
struct CTransforms {
  int64_t problems;
  Points points;
  std::vector<float> phi = random_values(points.shape.m);
  std::vector<float> out = std::vector<float>(static_cast<size_t>(points.shape.n));
  std::vector<int32_t> argmin = std::vector<int32_t>(out.size());

  explicit CTransforms(PairsShape shape, int64_t count = 1)
      : problems(count), points({count * shape.m, count * shape.n, shape.d}) {}

  double terms() const { return terms_of(points.shape) / static_cast<double>(problems); }
  void run(const Cost& cost) {
    const auto [m, n, d] = points.shape;
    batched_c_transform(points.stream, cost, problems, points.x(), {phi.data(), m}, points.y(), {out.data(), n},
                        {argmin.data(), n});
  }
};

/// Terms of the matrix product x y^T per second, as a library does it: a multiply-add each, all products stored.
Limit bare_product(PairsShape shape) {
  auto points = std::make_shared<Points>(shape);
  auto out = std::make_shared<std::vector<float>>(static_cast<size_t>(shape.m * shape.n));
  return Limit([=](int64_t rounds) {
    for (int64_t round = 0; round < rounds; ++round)
      matmul(points->stream, {}, {points->x()}, {points->y(), true}, {out->data(), shape.m, shape.n});
    return static_cast<double>(rounds) * terms_of(shape);
  });
}

/// Terms per second of one large c-transform.
Limit large_c_transform(const Cost& cost) {
  auto large = std::make_shared<CTransforms>(PairsShape{1024, 1024, 3072});
  return Limit([=](int64_t rounds) {
    for (int64_t round = 0; round < rounds; ++round) large->run(cost);
    return static_cast<double>(rounds) * large->terms();
  });
}

void run(benchmark::State& state, const Cost& cost, PairsShape shape) {
  CTransforms one(shape);
  std::vector<Comparison> comparisons{{"share_of_registers", term_limit(cost, omp_get_max_threads())}};
  if (const auto* lq = std::get_if<LqCost>(&cost); lq && lq->q == 2)
    comparisons.push_back({"share_of_product", bare_product(shape)});
  measure(state, "terms/s", one.terms(), std::move(comparisons), [&] { one.run(cost); });
}

void run_batched(benchmark::State& state, const Cost& cost, PairsShape shape) {
  constexpr int64_t kProblems = 1000;
  CTransforms many(shape, kProblems);
  measure(
      state, "terms/s", many.terms(),
      {{"share_of_registers", term_limit(cost, omp_get_max_threads())}, {"share_of_large", large_c_transform(cost)}},
      [&] { many.run(cost); });
}

[[maybe_unused]] const bool kRegistered = [] {
  register_pairs("c_transform",
                 {{64, 64, 784}, {256, 256, 784}, {1024, 1024, 3072}, {60000, 1024, 784}, {60000, 8, 784}}, run);
  register_pairs("c_transform_batched_1000", {{64, 64, 784}}, run_batched);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
