#include "bench/kernels/pairs_bench.h"
#include "kernels/matmul.h"

// The products of paper 000's MNIST networks at batch 64, forward and backward, with their share of fused multiply-adds
// between registers.

namespace wasserkern::bench {
namespace {

struct Product {
  int64_t m, n, k;
  bool a_transposed, b_transposed;

  std::string text() const {
    return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + (a_transposed ? "/a^T" : "") +
           (b_transposed ? "/b^T" : "");
  }
};

Matrix<const float> matrix(const std::vector<float>& values, int64_t rows, int64_t columns, bool transposed) {
  return transposed ? Matrix<const float>{values.data(), columns, rows}
                    : Matrix<const float>{values.data(), rows, columns};
}

void run(benchmark::State& state, const Product& of) {
  CpuStream stream(omp_get_max_threads());
  const std::vector<float> a = random_values(of.m * of.k), b = random_values(of.k * of.n);
  std::vector<float> out(static_cast<size_t>(of.m * of.n));
  measure(state, "flop/s", 2.0 * static_cast<double>(of.m * of.n * of.k),
          {{"share_of_multiply_adds", multiply_add_limit(stream.threads())}}, [&] {
            matmul(stream, {}, {matrix(a, of.m, of.k, of.a_transposed), of.a_transposed},
                   {matrix(b, of.k, of.n, of.b_transposed), of.b_transposed}, {out.data(), of.m, of.n});
          });
}

[[maybe_unused]] const bool kRegistered = [] {
  for (const Product product : {Product{64, 1024, 784, false, true},
                                {64, 784, 1024, false, true},
                                {64, 784, 1024, false, false},
                                {1024, 784, 64, true, false},
                                {2048, 2048, 2048, false, false}})
    benchmark::RegisterBenchmark(("matmul/" + product.text()).c_str(),
                                 [=](benchmark::State& state) { run(state, product); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace wasserkern::bench
