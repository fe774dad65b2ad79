#include "bench/kernels/measure.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
#include "kernels/batch_norm.h"
#include "kernels/elementwise.h"
#include "kernels/instance_norm.h"
#include "kernels/interpolate.h"
#include "kernels/layer_norm.h"
#include "kernels/optimizer.h"
#include "kernels/paired_cost.h"
#include "kernels/random.h"
#include "kernels/reduce.h"
#include "kernels/rows.h"

// Kernels that touch every element once: bytes per second, counted as they must be read and written, and the share of
// what the memory does in a triad. Random numbers are bound by arithmetic.

namespace wasserkern::bench {
namespace {

constexpr int64_t kRows = 4096;

/// Memory that all of these kernels can use: matrices larger than the caches, as vectors of all their elements too.
struct Memory {
  static constexpr int64_t channels = 128;
  static constexpr int64_t side = 16;
  static constexpr int64_t image = side * side * channels;

  int64_t columns;
  Array<float> a, b, c, d;
  Array<float> per_channels, per_images, styles;
  Array<float> rate;
  Array<double> powers;
  Array<int32_t> permutation;
  Array<uint64_t> step;

  explicit Memory(Device& device)
      : columns(device.is_cuda() ? 16384 : 4096),  // 256 MiB or 64
        a(device, size()),
        b(device, size()),
        c(device, size()),
        d(device, size()),
        per_channels(device, std::vector(8 * channels, 1.0f)),
        per_images(device, std::vector(static_cast<size_t>(2 * size() / image), 0.1f)),
        styles(device, std::vector(static_cast<size_t>(6 * size() / image * channels), 1.0f)),
        rate(device, std::vector{1e-4f}),
        powers(device, std::vector{1.0, 1.0}),
        permutation(device, permuted(kRows)),
        step(device, std::vector<uint64_t>{1}) {
    submit(device, [&](auto& stream) {
      for (const auto& array : {a, b, c}) uniform(stream, draw(), array.vector());
      fill(stream, 1, d.vector());
    });
  }
  static std::vector<int32_t> permuted(int64_t count) {
    std::vector<int32_t> places(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) places[static_cast<size_t>(i)] = static_cast<int32_t>(i * 61 % count);
    return places;
  }
  int64_t size() const { return kRows * columns; }
  Matrix<float> matrix(const Array<float>& of) const { return {of.data(), kRows, columns}; }
  Matrix<float> images(const Array<float>& of) const { return {of.data(), size() / image, image}; }
  Vector<float> per_image(int64_t which) const {
    return {per_images.data() + which * (size() / image), size() / image};
  }
  ImageView<float> image_view(const Array<float>& of) const {
    return {of.data(), size() / image, side, side, channels};
  }
  /// A value for every channel of every image.
  Matrix<float> style(int64_t which) const {
    const int64_t count = size() / image;
    return {styles.data() + which * count * channels, count, channels};
  }
  /// What a style generator adds to images.
  PixelAdditions additions() const {
    return {.bias = per_channel(0), .noise = {d.data(), size() / image, side * side}, .strength = per_channel(1)};
  }
  /// As images' pixels.
  Matrix<float> pixels(const Array<float>& of) const { return {of.data(), size() / channels, channels}; }
  Vector<float> per_channel(int64_t which) const { return {per_channels.data() + which * channels, channels}; }
  Vector<float> per_row(const Array<float>& of) const { return {of.data(), kRows}; }
  Vector<float> per_column(const Array<float>& of) const { return {of.data(), columns}; }
  Broadcast all(const Array<float>& of) const { return {of.data(), columns, 1}; }
  Draw draw() const { return {1, step.data(), 0}; }
};

/// Adds `kernel(stream, memory)`, which reads or writes `floats` numbers per element.
template <class Kernel>
void add(Device& device, const char* name, int floats, Kernel kernel) {
  add_benchmark(std::string("streaming/") + name, [=, &device](benchmark::State& state) {
    const Memory memory(device);
    measure(state, device, "B/s", static_cast<double>(memory.size() * floats) * sizeof(float),
            {{"share_of_triad", triad_limit(device)}}, [=](auto& stream) { kernel(stream, memory); });
  });
}

const Registration kRegistration([](Device& device) {
  add(device, "unary/tanh", 2,
      [](auto& stream, const Memory& m) { unary(stream, {UnaryFunction::Kind::Tanh}, m.a.vector(), m.b.vector()); });
  add(device, "unary/softplus", 2, [](auto& stream, const Memory& m) {
    unary(stream, {UnaryFunction::Kind::Softplus}, m.a.vector(), m.b.vector());
  });
  add(device, "binary/multiply", 3, [](auto& stream, const Memory& m) {
    binary(stream, {BinaryFunction::Kind::Multiply}, m.all(m.a), m.all(m.b), m.matrix(m.c));
  });
  add(device, "accumulate", 3, [](auto& stream, const Memory& m) { accumulate(stream, m.a.vector(), m.b.vector()); });
  add(device, "fill", 1, [](auto& stream, const Memory& m) { fill(stream, 1, m.a.vector()); });
  add(device, "copy", 2, [](auto& stream, const Memory& m) { copy(stream, m.a.vector(), m.b.vector()); });
  add(device, "sum", 1, [](auto& stream, const Memory& m) { sum(stream, m.a.vector(), {m.b.data(), 1}); });
  add(device, "sum_over_rows", 1,
      [](auto& stream, const Memory& m) { sum_over_rows(stream, m.matrix(m.a), m.per_column(m.b)); });
  add(device, "sum_over_columns", 1,
      [](auto& stream, const Memory& m) { sum_over_columns(stream, m.matrix(m.a), m.per_row(m.b)); });
  add(device, "gather_rows", 2,
      [](auto& stream, const Memory& m) { gather_rows(stream, m.matrix(m.a), m.permutation.vector(), m.matrix(m.b)); });
  add(device, "scatter_rows", 2, [](auto& stream, const Memory& m) {
    scatter_rows(stream, m.matrix(m.a), m.permutation.vector(), m.matrix(m.b));
  });
  add(device, "uniform", 1, [](auto& stream, const Memory& m) { uniform(stream, m.draw(), m.a.vector()); });
  add(device, "normal", 1, [](auto& stream, const Memory& m) { normal(stream, m.draw(), m.a.vector()); });
  add(device, "dropout", 2,
      [](auto& stream, const Memory& m) { dropout(stream, m.draw(), 0.3f, m.a.vector(), m.b.vector()); });
  add(device, "interpolate", 3, [](auto& stream, const Memory& m) {
    interpolate(stream, m.draw(), m.matrix(m.a), m.matrix(m.b), m.matrix(m.c));
  });
  add(device, "adam", 7, [](auto& stream, const Memory& m) {
    adam(stream, {}, m.rate.vector(), m.a.vector(), m.powers.vector(), m.b.vector(), m.d.vector(), m.c.vector());
  });
  add(device, "rmsprop", 5, [](auto& stream, const Memory& m) {
    rmsprop(stream, {}, m.rate.vector(), m.a.vector(), m.d.vector(), m.c.vector());
  });
  add(device, "batch_norm", 3, [](auto& stream, const Memory& m) {
    batch_norm(stream, {.activation = Activation::Relu}, m.pixels(m.a), m.per_channel(0), m.per_channel(1),
               m.per_channel(2), m.per_channel(3), m.pixels(m.b), m.per_channel(4), m.per_channel(5));
  });
  add(device, "batch_norm_gradient", 5, [](auto& stream, const Memory& m) {
    batch_norm_gradient(stream, {.activation = Activation::Relu}, m.pixels(m.a), m.per_channel(0), m.per_channel(1),
                        m.per_channel(4), m.per_channel(5), m.pixels(m.b), m.pixels(m.c), m.per_channel(6),
                        m.per_channel(7));
  });
  // Rows as long as an image of 16 x 16 pixels, which a cache holds between the sums and what needs them.
  add(device, "layer_norm", 2, [](auto& stream, const Memory& m) {
    layer_norm(stream, {.activation = Activation::Relu}, m.images(m.a), m.per_channel(0), m.per_channel(1),
               m.images(m.b), m.per_image(0), m.per_image(1));
  });
  add(device, "layer_norm_gradient", 3, [](auto& stream, const Memory& m) {
    layer_norm_gradient(stream, m.images(m.a), m.per_image(0), m.per_image(1), m.images(m.b), m.images(m.c));
  });
  add(device, "layer_norm_hessian", 4, [](auto& stream, const Memory& m) {
    layer_norm_hessian(stream, m.images(m.a), m.per_image(0), m.per_image(1), m.images(m.b), m.images(m.c),
                       m.images(m.d));
  });
  add(device, "instance_norm", 2, [](auto& stream, const Memory& m) {
    instance_norm(stream, {.activation = Activation::LeakyRelu, .slope = 0.2f}, m.image_view(m.a), m.additions(),
                  m.style(0), m.style(1), m.image_view(m.b), m.style(2), m.style(3));
  });
  add(device, "instance_norm_gradient", 3, [](auto& stream, const Memory& m) {
    instance_norm_gradient(stream, {.activation = Activation::LeakyRelu, .slope = 0.2f}, m.image_view(m.a),
                           m.additions(), m.style(0), m.style(2), m.style(3), m.image_view(m.b),
                           {m.image_view(m.c), m.style(4), m.style(5), m.per_channel(6), m.per_channel(7)});
  });
  add(device, "exponential_average", 3,
      [](auto& stream, const Memory& m) { exponential_average(stream, 0.999f, m.a.vector(), m.b.vector()); });
  add(device, "paired_cost/l1", 2, [](auto& stream, const Memory& m) {
    paired_cost(stream, LqCost{1, 1}, m.matrix(m.a), m.matrix(m.b), m.per_row(m.c));
  });
  add(device, "paired_cost_gradient/l1", 3, [](auto& stream, const Memory& m) {
    paired_cost_gradient(stream, LqCost{1, 1}, m.matrix(m.a), m.matrix(m.b), m.per_row(m.d), m.matrix(m.c));
  });
});

}  // namespace
}  // namespace wasserkern::bench
