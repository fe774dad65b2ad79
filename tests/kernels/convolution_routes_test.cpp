#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "kernels/convolution.h"
#include "tests/stream.h"

// The CPU's routes through the passes of a convolution, by sizes that take each of them and end within its tiles.

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

struct Sizes {
  int64_t count, height, width, inputs, outputs, filter_height, filter_width;
  Window window;

  int64_t y_height() const { return window.output_extent(height, filter_height); }
  int64_t y_width() const { return window.output_extent(width, filter_width); }
  int64_t x_size() const { return count * height * width * inputs; }
  int64_t y_size() const { return count * y_height() * y_width() * outputs; }
  int64_t w_size() const { return outputs * filter_height * filter_width * inputs; }

  template <class T>
  ImageView<T> x(T* data) const {
    return {data, count, height, width, inputs};
  }
  template <class T>
  ImageView<T> y(T* data) const {
    return {data, count, y_height(), y_width(), outputs};
  }
  template <class T>
  FilterView<T> w(T* data, const float* packed = nullptr) const {
    return {data, outputs, filter_height, filter_width, inputs, packed};
  }

  std::string text() const {
    std::string all;
    for (int64_t size :
         {count, height, width, inputs, outputs, filter_height, filter_width, window.stride, window.padding})
      all += std::to_string(size) + " ";
    return all;
  }
};

std::ostream& operator<<(std::ostream& out, const Sizes& sizes) { return out << sizes.text(); }

/// What a pass must give: every sum, the sum of its terms' magnitudes, and how many they are.
struct Sums {
  std::vector<double> sum, size, terms;

  explicit Sums(int64_t count) : sum(static_cast<size_t>(count)), size(sum), terms(sum) {}
  void add(int64_t at, double term) {
    sum[at] += term;
    size[at] += std::abs(term);
    terms[at] += 1;
  }
};

/// Calls visit(x, w, y) with the places of every product.
template <class Visit>
void for_each_product(const Sizes& sizes, Visit visit) {
  for (int64_t n = 0; n < sizes.count; ++n)
    for (int64_t i = 0; i < sizes.y_height(); ++i)
      for (int64_t j = 0; j < sizes.y_width(); ++j)
        for (int64_t r = 0; r < sizes.filter_height; ++r)
          for (int64_t s = 0; s < sizes.filter_width; ++s) {
            const int64_t row = i * sizes.window.stride + r - sizes.window.padding;
            const int64_t column = j * sizes.window.stride + s - sizes.window.padding;
            if (row < 0 || row >= sizes.height || column < 0 || column >= sizes.width) continue;
            for (int64_t o = 0; o < sizes.outputs; ++o)
              for (int64_t c = 0; c < sizes.inputs; ++c)
                visit(((n * sizes.height + row) * sizes.width + column) * sizes.inputs + c,
                      ((o * sizes.filter_height + r) * sizes.filter_width + s) * sizes.inputs + c,
                      ((n * sizes.y_height() + i) * sizes.y_width() + j) * sizes.outputs + o);
          }
}

/// Each term of a sum of k products and a bias is rounded at most k + 2 times, each time by half an ulp of what has
/// been summed so far; the slope of a LeakyReLU rounds once more.
void require_sums(const Sums& expected, const std::vector<float>& result, const std::vector<float>& bias, bool leaky) {
  REQUIRE(result.size() == expected.sum.size());
  for (size_t at = 0; at < result.size(); ++at) {
    const double shift = bias.empty() ? 0 : bias[at % bias.size()];
    double sum = expected.sum[at] + shift;
    if (leaky && sum < 0) sum *= 0.2f;
    const double bound = (expected.terms[at] + 3) * 0x1p-24 * (expected.size[at] + std::abs(shift));
    if (!(std::abs(result[at] - sum) <= bound)) {
      INFO("at " << at << ": " << result[at] << ", expected " << sum << " to " << bound);
      REQUIRE(false);
    }
  }
}

/// A pass's result, the same bits for unpacked and packed filters, when other work came between, and with other
/// threads.
template <class Pass>
std::vector<float> same_bits(int64_t size, Pass pass) {
  CpuStream stream(2), three(3);
  const auto run = [&](CpuStream& with, bool packed) {
    OnStream out(with, std::vector<float>(static_cast<size_t>(size), 7.0f));
    pass(with, packed, out.data());
    return out.host();
  };
  const std::vector<float> result = run(stream, false);
  CHECK(run(stream, true) == result);
  OnStream other(stream, std::vector<float>(64, 3.0f)), out(stream, std::vector<float>(64));
  convolution(stream, {1, 1}, {}, {other.data(), 1, 4, 4, 4}, {other.data(), 1, 3, 3, 4}, {out.data(), 1, 4, 4, 1});
  CHECK(run(stream, false) == result);
  CHECK(run(three, false) == result);
  return result;
}

/// The filters as a pass wants them.
struct Packed {
  OnStream<float, CpuStream> floats;

  Packed(CpuStream& stream, FilterPass pass, const Sizes& sizes, const float* w)
      : floats(stream, filter_layout(stream, pass, sizes.window, sizes.x<const float>(nullptr), sizes.w(w),
                                     sizes.y<const float>(nullptr))
                           .floats) {
    pack_filters(stream,
                 filter_layout(stream, pass, sizes.window, sizes.x<const float>(nullptr), sizes.w(w),
                               sizes.y<const float>(nullptr)),
                 sizes.w(w), floats.vector());
  }
};

void require_passes(std::mt19937_64& source, const Sizes& sizes, bool leaky) {
  INFO("sizes " << sizes);
  const auto x = random_normals(source, sizes.x_size()), y = random_normals(source, sizes.y_size());
  const auto w = random_normals(source, sizes.w_size());
  const auto y_bias = random_normals(source, leaky ? sizes.outputs : 0);
  const auto x_bias = random_normals(source, leaky ? sizes.inputs : 0);
  Sums forward(sizes.y_size()), transposed(sizes.x_size()), gradient(sizes.w_size());
  for_each_product(sizes, [&](int64_t at_x, int64_t at_w, int64_t at_y) {
    forward.add(at_y, static_cast<double>(x[at_x]) * w[at_w]);
    transposed.add(at_x, static_cast<double>(y[at_y]) * w[at_w]);
    gradient.add(at_w, static_cast<double>(x[at_x]) * y[at_y]);
  });

  CpuStream memory(1);
  OnStream x_device(memory, x), y_device(memory, y), w_device(memory, w);
  OnStream x_bias_device(memory, x_bias), y_bias_device(memory, y_bias);
  const ImageView<const float> from_x = sizes.x(x_device.data()), from_y = sizes.y(y_device.data());
  const auto epilogue = [&](const OnStream<float, CpuStream>& bias) {
    return Epilogue{bias.vector(), leaky ? Activation::LeakyRelu : Activation::None, 0.2f};
  };
  require_sums(forward,
               same_bits(sizes.y_size(),
                         [&](CpuStream& stream, bool packed, float* out) {
                           const Packed copy(stream, FilterPass::Convolution, sizes, w_device.data());
                           convolution(stream, sizes.window, epilogue(y_bias_device), from_x,
                                       sizes.w<const float>(w_device.data(), packed ? copy.floats.data() : nullptr),
                                       sizes.y(out));
                         }),
               y_bias, leaky);
  require_sums(transposed,
               same_bits(sizes.x_size(),
                         [&](CpuStream& stream, bool packed, float* out) {
                           const Packed copy(stream, FilterPass::Transposed, sizes, w_device.data());
                           transposed_convolution(
                               stream, sizes.window, epilogue(x_bias_device), from_y,
                               sizes.w<const float>(w_device.data(), packed ? copy.floats.data() : nullptr),
                               sizes.x(out));
                         }),
               x_bias, leaky);
  require_sums(gradient,
               same_bits(sizes.w_size(),
                         [&](CpuStream& stream, bool, float* out) {
                           convolution_filter_gradient(stream, sizes.window, from_x, from_y, sizes.w(out));
                         }),
               {}, false);
}

}  // namespace

TEST_CASE("convolutions on every route of the CPU", "[convolution]") {
  if (on_cuda()) return;
  std::mt19937_64 source(test_seed());
  INFO("seed " << test_seed());
  const Sizes all[] = {
      {2, 8, 8, 3, 17, 3, 3, {2, 1}},      // classes joined in one panel; a panel that is not full
      {5, 6, 6, 5, 3, 4, 4, {2, 1}},       // outputs that fit one word; patches in several runs
      {1, 4, 4, 65, 64, 3, 3, {2, 1}},     // classes apart
      {2, 6, 6, 64, 65, 3, 3, {1, 1}},     // patches by whole panels of channels
      {2, 4, 4, 128, 16, 2, 2, {2, 0}},    // no zeros to be seen: images are read where they lie
      {3, 1, 1, 100, 33, 1, 1, {1, 0}},    // a matrix product
      {2, 4, 4, 40, 10, 4, 4, {1, 0}},     // outputs of one pixel
      {2, 5, 6, 33, 4, 3, 4, {1, 1}},      // filters that are not square
      {1, 7, 8, 16, 5, 2, 2, {3, 0}},      // a stride beyond the filters, rows that no window reaches
      {2, 3, 3, 4, 16, 3, 3, {3, 2}},      // and joined
      {1, 2, 3, 3, 3, 1, 1, {1, 2}},       // outputs that see only zeros
      {1, 40, 40, 45, 1, 3, 3, {1, 1}},    // an image larger than a block
      {9, 18, 18, 3, 5, 3, 3, {2, 1}},     // more patches than are summed at a time, more images than a block
      {9, 64, 64, 1, 32, 1, 1, {1, 0}},    // so many outputs of so short sums that they go past the caches
      {1, 3, 3, 2, 2, 3, 3, {1000000, 0}}  // any stride, for outputs of one pixel
  };
  bool leaky = false;
  for (const Sizes& sizes : all) require_passes(source, sizes, leaky = !leaky);
}

TEST_CASE("convolutions of random sizes on the CPU", "[convolution]") {
  if (on_cuda()) return;
  std::mt19937_64 source(test_seed());
  INFO("seed " << test_seed());
  for (int round = 0; round < 30; ++round) {
    const auto up_to = [&](int64_t most) { return 1 + static_cast<int64_t>(source() % static_cast<uint64_t>(most)); };
    Sizes sizes{up_to(5), up_to(9), up_to(9), up_to(40), up_to(40), up_to(4), up_to(4), {up_to(3), up_to(3) - 1}};
    if (sizes.y_height() > 0 && sizes.y_width() > 0) require_passes(source, sizes, round % 2 == 0);
  }
}

TEST_CASE("layouts of filters are shared by what reads them alike", "[convolution]") {
  if (on_cuda()) return;
  CpuStream stream(1);
  const auto layout = [&](FilterPass pass, const Sizes& sizes) {
    return filter_layout(stream, pass, sizes.window, sizes.x<const float>(nullptr), sizes.w<const float>(nullptr),
                         sizes.y<const float>(nullptr))
        .id;
  };
  const Sizes sizes{4, 8, 8, 24, 24, 3, 3, {2, 1}}, larger{9, 16, 16, 24, 24, 3, 3, {2, 1}};
  const Sizes slower{4, 8, 8, 24, 24, 3, 3, {1, 1}};
  CHECK(layout(FilterPass::Convolution, sizes) == layout(FilterPass::Convolution, larger));
  CHECK(layout(FilterPass::Convolution, sizes) == layout(FilterPass::Convolution, slower));
  CHECK(layout(FilterPass::Transposed, sizes) == layout(FilterPass::Transposed, larger));
  CHECK(layout(FilterPass::Transposed, sizes) != layout(FilterPass::Transposed, slower));
  CHECK(layout(FilterPass::Transposed, slower) != layout(FilterPass::Convolution, slower));
}

TEST_CASE("convolutions of no images on the CPU", "[convolution]") {
  if (on_cuda()) return;
  CpuStream stream(2);
  const Sizes sizes{0, 4, 4, 3, 2, 3, 3, {1, 1}};
  OnStream w(stream, std::vector<float>(static_cast<size_t>(sizes.w_size()), 5.0f));
  convolution_filter_gradient(stream, sizes.window, sizes.x<const float>(nullptr), sizes.y<const float>(nullptr),
                              sizes.w(w.data()));
  for (float value : w.host()) CHECK(value == 0);
  convolution(stream, sizes.window, {}, sizes.x<const float>(nullptr), sizes.w<const float>(w.data()),
              sizes.y<float>(nullptr));
  transposed_convolution(stream, sizes.window, {}, sizes.y<const float>(nullptr), sizes.w<const float>(w.data()),
                         sizes.x<float>(nullptr));
}
