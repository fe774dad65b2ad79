#include "bench/kernels/pairs_bench.h"
#include "kernels/c_transform.h"
#include "kernels/matmul.h"

namespace wasserkern::bench {
namespace {

/// The arguments of c-transforms, one or as many as `problems`.
struct CTransforms {
  int64_t problems;
  Points points;
  Array<float> phi, out;
  Array<int32_t> argmin;

  CTransforms(Device& device, PairsShape shape, int64_t count = 1)
      : problems(count),
        points(device, {count * shape.m, count * shape.n, shape.d}),
        phi(device, random_values(count * shape.m)),
        out(device, count * shape.n),
        argmin(device, count * shape.n) {}

  double terms() const { return terms_of(points.shape) / static_cast<double>(problems); }
  template <class AnyStream>
  void run(AnyStream& stream, const Cost& cost) const {
    batched_c_transform(stream, cost, problems, points.x(), phi.vector(), points.y(), out.vector(), argmin.vector());
  }
};

/// Terms of the matrix product x y^T per second, as a library does it: a multiply-add each, all products stored.
Limit bare_product(Device& device, PairsShape shape) {
  const Points points(device, shape);
  const Array<float> out(device, shape.m * shape.n);
  return Limit(device, [=, &device](int64_t rounds) {
    for (int64_t round = 0; round < rounds; ++round)
      submit(device, [&](auto& stream) {
        matmul(stream, {}, {points.x()}, {points.y(), true}, {out.data(), shape.m, shape.n});
      });
    return static_cast<double>(rounds) * terms_of(shape);
  });
}

/// Terms per second of one large c-transform.
Limit large_c_transform(Device& device, const Cost& cost) {
  const CTransforms large(device, {1024, 1024, 3072});
  return Limit(device, [=, &device](int64_t rounds) {
    for (int64_t round = 0; round < rounds; ++round) submit(device, [&](auto& stream) { large.run(stream, cost); });
    return static_cast<double>(rounds) * large.terms();
  });
}

void run(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  const CTransforms one(device, shape);
  std::vector<Comparison> comparisons{{"share_of_registers", term_limit(device, cost)}};
  if (const auto* lq = std::get_if<LqCost>(&cost); lq && lq->q == 2)
    comparisons.push_back({"share_of_product", bare_product(device, shape)});
  measure(state, device, "terms/s", one.terms(), std::move(comparisons), [=](auto& stream) { one.run(stream, cost); });
}

void run_batched(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape) {
  constexpr int64_t kProblems = 1000;
  const CTransforms many(device, shape, kProblems);
  measure(state, device, "terms/s", many.terms(),
          {{"share_of_registers", term_limit(device, cost)}, {"share_of_large", large_c_transform(device, cost)}},
          [=](auto& stream) { many.run(stream, cost); });
}

const Registration kRegistration([](Device& device) {
  add_pairs(device, "c_transform",
            {.everywhere = {{64, 64, 784}, {256, 256, 784}, {1024, 1024, 3072}, {60000, 1024, 784}, {60000, 8, 784}},
             .on_cuda = {{10000, 10000, 3072}, {60000, 10000, 784}}},
            run);
  add_pairs(device, "c_transform_batched_1000", {.everywhere = {{64, 64, 784}}}, run_batched);
});

}  // namespace
}  // namespace wasserkern::bench
