#include "bench/kernels/limits.h"

#include <algorithm>

#include "bench/kernels/bursts.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/seconds_of.h"
#include "engine/array.h"
#include "engine/stream.h"
#include "kernels/convolution.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace wasserkern::bench {
namespace {

constexpr double kBurstSeconds = 2e-3;
constexpr int kCalm = 8;            // bursts without a reason to lengthen them
constexpr double kPatience = 0.25;  // seconds after which the first sample is good enough

/// Of `burst(stream, rounds)`.
template <class Burst>
Limit limit_of(Device& device, Burst burst) {
  return Limit(device, [&device, burst](int64_t rounds) {
    return device.stream().visit([&](auto& stream) { return burst(stream, rounds); });
  });
}

/// What a layer's convolution reads and writes.
struct LayerBatch {
  ConvolutionLayer layer;
  int64_t count;
  Array<float> x, w, y;

  ImageView<const float> inputs() const { return {x.data(), count, layer.extent, layer.extent, layer.inputs}; }
  ImageView<float> outputs() const {
    return {y.data(), count, layer.output_extent(), layer.output_extent(), layer.outputs};
  }
  FilterView<const float> filters() const {
    return {w.data(), layer.outputs, layer.filter, layer.filter, layer.inputs};
  }
};

}  // namespace

Limit::Limit(Device& device, std::function<double(int64_t)> burst) : device_(&device), burst_(std::move(burst)) {
  for (int unchanged = 0; unchanged < kCalm && seconds_ < kPatience; ++unchanged) {
    const int64_t rounds = rounds_;
    sample();
    if (rounds_ != rounds) unchanged = 0;
  }
}

void Limit::sample() {
  double work = 0;
  const double taken = seconds_of(*device_, [&] { work = burst_(rounds_); });
  seconds_ += taken;
  rate_ = std::max(rate_, work / taken);
  if (work / rate_ < kBurstSeconds) rounds_ *= 2;  // by the best rate: this burst may have been interrupted
}

Limit multiply_add_limit(Device& device) {
  return limit_of(device, [](auto& stream, int64_t rounds) { return multiply_adds(stream, rounds); });
}

Limit term_limit(Device& device, const Cost& cost) {
  return limit_of(device, [cost](auto& stream, int64_t rounds) { return terms(stream, cost, rounds); });
}

Limit byte_term_limit(Device& device) {
  return limit_of(device, [](auto& stream, int64_t rounds) { return byte_terms(stream, rounds); });
}

Limit exponential_limit(Device& device, int64_t terms) {
  return limit_of(device, [terms](auto& stream, int64_t rounds) {
    return static_cast<double>(terms) * exponentials(stream, rounds);
  });
}

Limit triad_limit(Device& device) {
  const int64_t size = int64_t{1} << (device.is_cuda() ? 26 : 25);  // 256 or 128 MiB each: more than the caches
  const Array<float> a(device, size), b(device, size), c(device, size);
  for (const auto& array : {a, b, c}) submit(device, [&](auto& stream) { fill(stream, 1, array.vector()); });
  return limit_of(device, [a, b, c](auto& stream, int64_t rounds) {
    return triad(stream, b.vector(), c.vector(), a.vector(), rounds);
  });
}

Limit product_limit(Device& device) {
  const int64_t size = device.is_cuda() ? 4096 : 2048;
  const Array<float> a(device, random_values(size * size)), b(device, random_values(size * size));
  const Array<float> out(device, size * size);
  return limit_of(device, [=](auto& stream, int64_t rounds) {
    for (int64_t round = 0; round < rounds; ++round)
      matmul(stream, {}, {{a.data(), size, size}}, {{b.data(), size, size}}, {out.data(), size, size});
    return static_cast<double>(rounds) * 2 * static_cast<double>(size) * static_cast<double>(size * size);
  });
}

Limit convolution_limit(Device& device, const ConvolutionLayer& layer, int64_t count) {
  const int64_t input_pixels = count * layer.extent * layer.extent;
  const int64_t output_pixels = count * layer.output_extent() * layer.output_extent();
  const int64_t filter_size = layer.filter * layer.filter * layer.inputs;
  const LayerBatch batch{layer, count, Array<float>(device, random_values(input_pixels * layer.inputs)),
                         Array<float>(device, random_values(layer.outputs * filter_size)),
                         Array<float>(device, output_pixels * layer.outputs)};
  const FilterLayout layout = device.stream().visit([&](auto& stream) {
    return filter_layout(stream, FilterPass::Convolution, layer.window, batch.inputs(), batch.filters(),
                         batch.outputs());
  });
  const Array<float> packed(device, layout.floats);
  submit(device, [=](auto& stream) {
    if constexpr (requires { pack_filters(stream, layout, batch.filters(), packed.vector()); })  // CUDA never wants it
      if (layout.floats > 0) pack_filters(stream, layout, batch.filters(), packed.vector());
  });
  return limit_of(device, [=](auto& stream, int64_t rounds) {
    FilterView<const float> filters = batch.filters();
    if (layout.floats > 0) filters.packed = packed.data();
    for (int64_t round = 0; round < rounds; ++round)
      convolution(stream, layer.window, {}, batch.inputs(), filters, batch.outputs());
    return static_cast<double>(rounds) * layer.operations(count);
  });
}

}  // namespace wasserkern::bench
