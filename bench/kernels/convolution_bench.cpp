#include "bench/kernels/measure.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
#include "kernels/convolution.h"

// The three passes of every convolution in DCGANs for 32x32 and 64x64 images, with their share of fused multiply-adds
// between registers. Products with the zeros around an image do not count as work.

namespace wasserkern::bench {
namespace {

/// A convolution of square images by square filters.
struct Layer {
  int64_t size, inputs, outputs, filter;
  Window window;

  int64_t y_size() const { return window.output_extent(size, filter); }
  std::string text() const {
    return std::to_string(inputs) + "-" + std::to_string(outputs) + "@" + std::to_string(size) + "k" +
           std::to_string(filter) + "s" + std::to_string(window.stride) + "p" + std::to_string(window.padding);
  }

  /// Pairs of a row of the output and a row of the filter that meet inside of the image.
  int64_t meetings() const {
    int64_t inside = 0;
    for (int64_t i = 0; i < y_size(); ++i)
      for (int64_t r = 0; r < filter; ++r) {
        const int64_t row = i * window.stride + r - window.padding;
        inside += row >= 0 && row < size;
      }
    return inside;
  }
  double operations(int64_t count) const {
    return 2.0 * static_cast<double>(count * inputs * outputs) * static_cast<double>(meetings() * meetings());
  }
};

enum class Pass { Convolution, Transposed, FilterGradient };

const char* name_of(Pass pass) {
  switch (pass) {
    case Pass::Convolution: return "convolution/";
    case Pass::Transposed: return "transposed_convolution/";
    default: return "convolution_filter_gradient/";
  }
}

void run(benchmark::State& state, Device& device, int64_t count, const Layer& layer, Pass pass) {
  const Array<float> x_values(device, random_values(count * layer.size * layer.size * layer.inputs));
  const Array<float> y_values(device, random_values(count * layer.y_size() * layer.y_size() * layer.outputs));
  const Array<float> w_values(device, random_values(layer.outputs * layer.filter * layer.filter * layer.inputs));
  const ImageView<float> x{x_values.data(), count, layer.size, layer.size, layer.inputs};
  const ImageView<float> y{y_values.data(), count, layer.y_size(), layer.y_size(), layer.outputs};
  FilterView<float> w{w_values.data(), layer.outputs, layer.filter, layer.filter, layer.inputs};

  const FilterPass reads = pass == Pass::Convolution ? FilterPass::Convolution : FilterPass::Transposed;
  const FilterLayout layout =
      device.stream().visit([&](auto& stream) { return filter_layout(stream, reads, layer.window, x, w, y); });
  const Array<float> packed(device, layout.floats);
  if (layout.floats > 0) {
    device.stream().visit([&](auto& stream) {
      if constexpr (requires { pack_filters(stream, layout, w, packed.vector()); })
        pack_filters(stream, layout, w, packed.vector());
    });
    w.packed = packed.data();
  }
  measure(state, device, "flop/s", layer.operations(count), {{"share_of_multiply_adds", multiply_add_limit(device)}},
          [=](auto& stream) {
            switch (pass) {
              case Pass::Convolution: return convolution(stream, layer.window, {}, x, w, y);
              case Pass::Transposed: return transposed_convolution(stream, layer.window, {}, y, w, x);
              default: return convolution_filter_gradient(stream, layer.window, x, y, w);
            }
          });
}

const Registration kRegistration([](Device& device) {
  const Layer layers[] = {
      // 32x32: the critic, then the generator, whose layers are transposes.
      {32, 3, 128, 3, {2, 1}},
      {16, 128, 256, 3, {2, 1}},
      {8, 256, 512, 3, {2, 1}},
      {8, 256, 512, 2, {2, 0}},
      {16, 128, 256, 2, {2, 0}},
      {32, 3, 128, 2, {2, 0}},
      // 64x64: both, which mirror each other but for the ends.
      {64, 3, 64, 4, {2, 1}},
      {32, 64, 128, 4, {2, 1}},
      {16, 128, 256, 4, {2, 1}},
      {8, 256, 512, 4, {2, 1}},
      {4, 512, 1, 4, {1, 0}},
      {4, 512, 100, 4, {1, 0}}};
  for (const Layer& layer : layers)
    for (int64_t count : {64, 128})
      for (Pass pass : {Pass::Convolution, Pass::Transposed, Pass::FilterGradient})
        add_benchmark(name_of(pass) + layer.text() + "/" + std::to_string(count),
                      [=, &device](benchmark::State& state) { run(state, device, count, layer, pass); });
});

}  // namespace
}  // namespace wasserkern::bench
