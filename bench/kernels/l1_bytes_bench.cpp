#include "bench/kernels/pairs_bench.h"
#include "kernels/c_transform.h"
#include "kernels/l1_bytes.h"

namespace wasserkern::bench {
namespace {

std::vector<uint8_t> random_bytes(int64_t size) {
  std::mt19937 source(1);
  std::vector<uint8_t> values(static_cast<size_t>(size));
  for (uint8_t& value : values) value = static_cast<uint8_t>(source());
  return values;
}

/// Terms per second of the c-transform of as many floats.
Limit of_floats(Device& device, PairsShape shape) {
  const Points points(device, shape);
  const Array<float> phi(device, random_values(shape.m)), out(device, shape.n);
  const Array<int32_t> argmin(device, shape.n);
  return Limit(device, [=, &device](int64_t rounds) {
    for (int64_t round = 0; round < rounds; ++round)
      submit(device, [&](auto& stream) {
        c_transform(stream, LqCost{1, 1}, points.x(), phi.vector(), points.y(), out.vector(), argmin.vector());
      });
    return static_cast<double>(rounds) * terms_of(shape);
  });
}

/// Terms per second of c_transform_bytes, packing included.
void run(benchmark::State& state, Device& device, PairsShape shape) {
  const Array<uint8_t> x(device, random_bytes(shape.m * shape.d)), y(device, random_bytes(shape.n * shape.d));
  const Array<float> phi(device, random_values(shape.m)), out(device, shape.n);
  const Array<int32_t> argmin(device, shape.n);
  measure(state, device, "terms/s", terms_of(shape),
          {{"share_of_registers", byte_term_limit(device)}, {"times_fp32", of_floats(device, shape)}},
          [=](auto& stream) {
            c_transform_bytes(stream, 2 / 255.0f, {x.data(), shape.m, shape.d}, phi.vector(),
                              {y.data(), shape.n, shape.d}, out.vector(), argmin.vector());
          });
}

const Registration kRegistration([](Device& device) {
  const Shapes shapes{.everywhere = {{64, 64, 784}, {1024, 1024, 3072}, {60000, 1024, 784}},
                      .on_cuda = {{10000, 10000, 3072}}};
  for (const PairsShape shape : shapes.for_device(device))
    add_benchmark("c_transform_bytes/" + shape.text(),
                  [=, &device](benchmark::State& state) { run(state, device, shape); });
});

}  // namespace
}  // namespace wasserkern::bench
