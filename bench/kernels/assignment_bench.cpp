#include <random>
#include <string>

#include "bench/kernels/measure.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
#include "kernels/assignment.h"
#include "kernels/pairwise_cost.h"

namespace wasserkern::bench {
namespace {

constexpr int64_t kProblems = 1000;

std::vector<float> normal_values(int64_t size) {
  std::mt19937 source(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = normal(source);
  return values;
}

/// Distances of normal points in 20 dimensions, and room for the answers.
struct Problems {
  int64_t n;
  Array<float> costs;
  Array<int32_t> columns;
  Array<double> u, v;
  Array<AssignmentValue> value;

  Problems(Device& device, int64_t size)
      : n(size),
        costs(device, kProblems * n * n),
        columns(device, kProblems * n),
        u(device, kProblems * n),
        v(device, kProblems * n),
        value(device, kProblems) {
    constexpr int64_t kCoordinates = 20;
    const Array<float> points(device, normal_values(2 * kProblems * n * kCoordinates));
    const Matrix<const float> x{points.data(), kProblems * n, kCoordinates},
        y{points.data() + kProblems * n * kCoordinates, kProblems * n, kCoordinates};
    submit(device, [=, to = matrix()](auto& stream) {
      batched_pairwise_cost(stream, LqCost{.q = 2, .p = 1}, kProblems, x, y, to);
    });
    device.synchronize();
  }
  Matrix<float> matrix() const { return {costs.data(), kProblems * n, n}; }
};

/// Problems per second. Searches go step by step, each of which waits for the one before, so that there is no limit of
/// the hardware to compare with.
void run(benchmark::State& state, Device& device, int64_t n) {
  const Problems problems(device, n);
  measure(state, device, "problems/s", static_cast<double>(kProblems), {}, [=](auto& stream) {
    assignment(stream, kProblems, problems.matrix(),
               {problems.columns.vector(), problems.u.vector(), problems.v.vector(), problems.value.vector()});
  });
}

const Registration kRegistration([](Device& device) {
  for (const int64_t n : {int64_t{16}, int64_t{64}, int64_t{256}})
    add_benchmark("assignment_1000/" + std::to_string(n),
                  [=, &device](benchmark::State& state) { run(state, device, n); });
});

}  // namespace
}  // namespace wasserkern::bench
