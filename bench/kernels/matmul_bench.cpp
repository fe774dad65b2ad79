#include "bench/kernels/measure.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
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

Factor factor(const Array<float>& values, int64_t rows, int64_t columns, bool transposed) {
  if (transposed) std::swap(rows, columns);
  return {{values.data(), rows, columns}, transposed};
}

void run(benchmark::State& state, Device& device, const Product& of) {
  const Array<float> a(device, random_values(of.m * of.k)), b(device, random_values(of.k * of.n));
  const Array<float> out(device, of.m * of.n);
  measure(state, device, "flop/s", 2.0 * static_cast<double>(of.m * of.n * of.k),
          {{"share_of_multiply_adds", multiply_add_limit(device)}}, [=](auto& stream) {
            matmul(stream, {}, factor(a, of.m, of.k, of.a_transposed), factor(b, of.k, of.n, of.b_transposed),
                   {out.data(), of.m, of.n});
          });
}

const Registration kRegistration([](Device& device) {
  std::vector<Product> products{{64, 1024, 784, false, true},
                                {64, 784, 1024, false, true},
                                {64, 784, 1024, false, false},
                                {1024, 784, 64, true, false},
                                {2048, 2048, 2048, false, false}};
  if (device.is_cuda()) products.push_back({4096, 4096, 4096, false, false});
  for (const Product& product : products)
    add_benchmark("matmul/" + product.text(), [=, &device](benchmark::State& state) { run(state, device, product); });
});

}  // namespace
}  // namespace wasserkern::bench
