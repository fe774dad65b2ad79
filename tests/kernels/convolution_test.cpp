#include "kernels/convolution.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "tests/convolution_reference.h"
#include "tests/cuda_calls.h"
#include "tests/kernels/epilogue_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Floats = std::vector<float>;

struct Geometry : ConvolutionReference {
  template <class T>
  ImageView<T> x(T* data) const {
    return {data, count, height, width, inputs};
  }
  template <class T>
  FilterView<T> w(T* data) const {
    return {data, outputs, filter_height, filter_width, inputs};
  }
  template <class T>
  ImageView<T> y(T* data) const {
    return {data, count, y_height(), y_width(), outputs};
  }
};

/// What `pass` writes to the `size` floats that it is given, which it must overwrite, and nothing behind them.
template <class Stream, class Pass>
Floats written(Stream& stream, int64_t size, Pass&& pass) {
  Floats poison(static_cast<size_t>(size) + 1, std::numeric_limits<float>::quiet_NaN());
  poison.back() = 7;
  OnStream out(stream, poison);
  pass(out.data());
  Floats result = out.host();
  REQUIRE(result.back() == 7);
  result.pop_back();
  return result;
}

/// The passes on the stream; bias may be empty.
template <class Stream>
struct Passes {
  Stream& stream;
  const Geometry& g;

  Floats forward(const Floats& x, const Floats& w, const Floats& bias = {}, Epilogue epilogue = {}) const {
    const OnStream images(stream, x), filters(stream, w), biases(stream, bias);
    epilogue.bias = biases.vector();
    return filtered(FilterPass::Convolution, w, g.y_size(), [&](const float* packed, float* out) {
      convolution(stream, g.window, epilogue, g.x<const float>(images.data()), with(filters, packed), g.y(out));
    });
  }
  Floats transposed(const Floats& y, const Floats& w, const Floats& bias = {}, Epilogue epilogue = {}) const {
    const OnStream images(stream, y), filters(stream, w), biases(stream, bias);
    epilogue.bias = biases.vector();
    return filtered(FilterPass::Transposed, w, g.x_size(), [&](const float* packed, float* out) {
      transposed_convolution(stream, g.window, epilogue, g.y<const float>(images.data()), with(filters, packed),
                             g.x(out));
    });
  }
  Floats filter_gradient(const Floats& x, const Floats& y) const {
    const OnStream images(stream, x), outputs(stream, y);
    return written(stream, g.w_size(), [&](float* out) {
      convolution_filter_gradient(stream, g.window, g.x<const float>(images.data()), g.y<const float>(outputs.data()),
                                  g.w(out));
    });
  }

 private:
  FilterView<const float> with(const OnStream<float, Stream>& filters, const float* packed) const {
    FilterView<const float> view = g.w<const float>(filters.data());
    view.packed = packed;
    return view;
  }

  /// With filters as they are and, where the stream wants them packed, with those: the same bits.
  template <class Pass>
  Floats filtered(FilterPass of, const Floats& w, int64_t size, Pass&& pass) const {
    const Floats result = written(stream, size, [&](float* out) { pass(nullptr, out); });
    const OnStream filters(stream, w);
    const FilterView<const float> view = with(filters, nullptr);
    const FilterLayout layout =
        filter_layout(stream, of, g.window, g.x<const float>(nullptr), view, g.y<const float>(nullptr));
    if constexpr (std::is_same_v<Stream, CpuStream>) {
      if (layout.floats > 0) {
        const OnStream packed(stream, Floats(layout.floats));
        pack_filters(stream, layout, view, packed.vector());
        REQUIRE(written(stream, size, [&](float* out) { pass(packed.data(), out); }) == result);
      }
    } else {
      REQUIRE(layout.floats == 0);
    }
    return result;
  }
};

Floats magnitudes(Floats values) {
  for (float& value : values) value = std::abs(value);
  return values;
}

/// Rounding of a float sum of so many terms, in any order: as many half-ulps of the sum of their magnitudes; of the
/// bias and what follows as much again, and 8 ulp of tanh.
void require_close(const Floats& result, const std::vector<double>& expected, const std::vector<double>& magnitude,
                   int64_t terms, const Epilogue& epilogue = {}, double half_ulp = 0x1p-24) {
  REQUIRE(result.size() == expected.size());
  for (size_t i = 0; i < result.size(); ++i) {
    const double value = activated(epilogue, expected[i]);
    const double allowed = half_ulp * (static_cast<double>(terms + 2) * magnitude[i] + 8 * std::abs(value));
    if (!(std::abs(result[i] - value) <= allowed))
      FAIL("element " << i << " is " << result[i] << ", expected " << value << " to " << allowed);
  }
}

struct Values {
  Floats x, w, y, x_bias, y_bias;

  Values(std::mt19937_64& source, const Geometry& g)
      : x(random_normals(source, g.x_size())),
        w(random_normals(source, g.w_size())),
        y(random_normals(source, g.y_size())),
        x_bias(random_normals(source, g.inputs)),
        y_bias(random_normals(source, g.outputs)) {}
};

template <class Stream>
void require_passes(Stream& stream, std::mt19937_64& source, const Geometry& g, const Epilogue& epilogue, bool biased,
                    double half_ulp = 0x1p-24) {
  INFO(g.text() << ", activation " << static_cast<int>(epilogue.activation) << " bias " << biased << ", seed "
                << test_seed());
  const Values of(source, g);
  const Floats x_bias = biased ? of.x_bias : Floats(), y_bias = biased ? of.y_bias : Floats();
  const Passes<Stream> passes{stream, g};
  const Floats x = magnitudes(of.x), w = magnitudes(of.w), y = magnitudes(of.y);
  const int64_t filter = g.filter_height * g.filter_width;
  require_close(passes.forward(of.x, of.w, y_bias, epilogue), g.forward(of.x, of.w, y_bias),
                g.forward(x, w, magnitudes(y_bias)), filter * g.inputs, epilogue, half_ulp);
  require_close(passes.transposed(of.y, of.w, x_bias, epilogue), g.transposed(of.y, of.w, x_bias),
                g.transposed(y, w, magnitudes(x_bias)), filter * g.outputs, epilogue, half_ulp);
  require_close(passes.filter_gradient(of.x, of.y), g.filter_gradient(of.x, of.y), g.filter_gradient(x, y),
                g.count * g.y_height() * g.y_width(), {}, half_ulp);
}

const std::vector<Epilogue> kEpilogues = {
    {}, {{}, Activation::Relu}, {{}, Activation::LeakyRelu, 0.2f}, {{}, Activation::Tanh}};

/// One whose products can be counted in a moment; often some of x is reached by no window.
Geometry random_geometry(std::mt19937_64& source) {
  const auto of = [&](std::initializer_list<int64_t> choices) { return choices.begin()[source() % choices.size()]; };
  while (true) {
    Geometry g;
    g.count = of({1, 2, 5});
    g.height = 1 + static_cast<int64_t>(source() % 12);
    g.width = 1 + static_cast<int64_t>(source() % 12);
    g.inputs = of({1, 3, 16, 17, 32});
    g.outputs = of({1, 3, 16, 17, 32});
    g.filter_height = of({1, 2, 3, 4, 5});
    g.filter_width = of({1, 2, 3, 4, 5});
    g.window = {of({1, 2, 3}), of({0, 1, 2})};
    if (g.y_size() > 0 && g.y_size() * g.filter_height * g.filter_width * g.inputs < 500'000) return g;
  }
}

/// DCGAN's, of fewer channels.
const Geometry kNetworks[] = {
    {2, 32, 32, 3, 8, 3, 3, {2, 1}},                                     // 32x32: the critic's first and a later layer,
    {2, 16, 16, 8, 16, 3, 3, {2, 1}}, {2, 16, 16, 8, 16, 2, 2, {2, 0}},  // the generator's, transposed, up to the image
    {2, 32, 32, 3, 16, 2, 2, {2, 0}}, {2, 16, 16, 8, 16, 4, 4, {2, 1}},  // 64x64
    {2, 4, 4, 16, 1, 4, 4, {1, 0}},
};

}  // namespace

TEST_CASE("the passes of a convolution are sums of products", "[convolution]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (int turn = 0; turn < 24; ++turn)
      require_passes(stream, source, random_geometry(source), kEpilogues[turn % 4], turn / 4 % 2);
  });
}

TEST_CASE("the passes of a DCGAN's layers", "[convolution]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const Geometry& g : kNetworks) require_passes(stream, source, g, {{}, Activation::LeakyRelu, 0.2f}, true);
  });
}

TEST_CASE("pixels that no window reaches get the bias and no gradient", "[convolution]") {
  with_stream([&](auto& stream) {
    const Geometry g{1, 5, 8, 1, 1, 1, 2, {3, 0}};  // rows 0 and 3, columns 0, 1, 3, 4, 6, 7
    const Floats ones(g.y_size(), 1), w(g.w_size(), 1);
    const Floats x = Passes{stream, g}.transposed(ones, w, {0.5f});
    for (int64_t i = 0; i < g.height; ++i)
      for (int64_t j = 0; j < g.width; ++j) REQUIRE(x[i * g.width + j] == (i % 3 == 0 && j % 3 < 2 ? 1.5f : 0.5f));
  });
}

// <C(x, w), y> = <x, D(y, w)> = <w, B(x, y)>; the error of each is bounded by that of the longest sum in it.
TEST_CASE("the passes are each other's adjoints", "[convolution]") {
  std::mt19937_64 source(test_seed());
  const auto inner = [](const Floats& a, const Floats& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus(),
                              [](double one, double other) { return one * other; });
  };
  with_stream([&](auto& stream) {
    for (const Geometry& g : {Geometry{3, 32, 20, 3, 32, 5, 5, {2, 2}}, Geometry{2, 16, 31, 32, 17, 3, 4, {3, 1}}}) {
      const Values of(source, g);
      const Passes passes{stream, g};
      const double expected = inner(passes.forward(of.x, of.w), of.y);
      const double magnitude = inner(passes.forward(magnitudes(of.x), magnitudes(of.w)), magnitudes(of.y));
      const int64_t terms = std::max(g.filter_height * g.filter_width * std::max(g.inputs, g.outputs),
                                     g.count * g.y_height() * g.y_width());
      const double tolerance = 2 * 0x1p-24 * static_cast<double>(terms) * magnitude;
      CHECK(std::abs(inner(of.x, passes.transposed(of.y, of.w)) - expected) <= tolerance);
      CHECK(std::abs(inner(of.w, passes.filter_gradient(of.x, of.y)) - expected) <= tolerance);
    }
  });
}

TEST_CASE("no images have no outputs and no gradient", "[convolution]") {
  with_stream([&](auto& stream) {
    const Geometry g{0, 6, 5, 3, 4, 3, 2, {2, 1}};
    const Passes passes{stream, g};
    const Floats w(g.w_size(), 1);
    CHECK(passes.forward({}, w, Floats(4, 1)).empty());
    CHECK(passes.transposed({}, w, Floats(3, 1)).empty());
    CHECK(passes.filter_gradient({}, {}) == Floats(g.w_size(), 0));
  });
}

TEST_CASE("convolutions refuse shapes that do not fit", "[convolution]") {
  with_stream([&](auto& stream) {
    const OnStream data(stream, Floats(4096));
    const Geometry fits{2, 7, 5, 3, 4, 3, 2, {2, 1}};
    const auto refused = [&](const Geometry& x, const Geometry& w, const Geometry& y, const Window& window,
                             const std::string& value) {
      const auto says = Catch::Contains(value);
      const ImageView<float> images = x.x(data.data()), outputs = y.y(data.data());
      const FilterView<float> filters = w.w(data.data());
      CHECK_THROWS_AS(convolution(stream, window, {}, images, filters, outputs), ShapeError);
      CHECK_THROWS_WITH(convolution(stream, window, {}, images, filters, outputs), says);
      CHECK_THROWS_WITH(transposed_convolution(stream, window, {}, outputs, filters, images), says);
      CHECK_THROWS_WITH(convolution_filter_gradient(stream, window, images, outputs, filters), says);
    };
    const auto with = [&](auto change) {
      Geometry g = fits;
      change(g);
      return g;
    };
    const Geometry count = with([](Geometry&g) { g.count = 3; }), height = with([](Geometry&g) { g.height = 11; });
    const Geometry inputs = with([](Geometry& g) { g.inputs = 6; });
    const Geometry filter = with([](Geometry&g) { g.filter_width = 9; }), none = with([](Geometry&g) { g.width = 0; });
    refused(count, fits, fits, fits.window, "[3, 7, 5, 3]");
    refused(height, fits, fits, fits.window, "[2, 11, 5, 3]");
    refused(none, fits, fits, fits.window, "[2, 7, 0, 3]");
    refused(inputs, fits, fits, fits.window, "[2, 7, 5, 6]");
    refused(fits, inputs, fits, fits.window, "[4, 3, 2, 6]");
    refused(fits, filter, fits, fits.window, "[4, 3, 9, 3]");
    refused(fits, fits, height, fits.window, "[2, 6, 3, 4]");
    refused(fits, fits, fits, {0, 1}, "stride 0");
    refused(fits, fits, fits, {2, -1}, "padding -1");

    const Epilogue epilogue{{data.data(), 5}};
    const auto says = Catch::Contains("bias is 5, expected ");
    CHECK_THROWS_WITH(
        convolution(stream, fits.window, epilogue, fits.x(data.data()), fits.w(data.data()), fits.y(data.data())),
        says);
    CHECK_THROWS_WITH(transposed_convolution(stream, fits.window, epilogue, fits.y(data.data()), fits.w(data.data()),
                                             fits.x(data.data())),
                      says);
  });
}

TEST_CASE("recorded convolutions run again with the same memory", "[convolution]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    const Geometry g{2, 9, 8, 3, 5, 3, 3, {2, 1}};
    const Values first(source, g), second(source, g);
    const OnStream x(stream, first.x), w(stream, first.w), bias(stream, first.y_bias);
    const OnStream y(stream, Floats(g.y_size())), x_gradient(stream, Floats(g.x_size())),
        w_gradient(stream, Floats(g.w_size()));
    const auto body = [&g, x = g.x(x.data()), w = g.w(w.data()), bias = bias.vector(), y = g.y(y.data()),
                       x_gradient = g.x(x_gradient.data()), w_gradient = g.w(w_gradient.data())](auto& s) {
      convolution(s, g.window, {bias, Activation::Tanh}, x, w, y);
      transposed_convolution(s, g.window, {}, y, w, x_gradient);
      convolution_filter_gradient(s, g.window, x, y, w_gradient);
    };
    const auto results = [&] { return std::vector{y.host(), x_gradient.host(), w_gradient.host()}; };
    const auto upload = [&](const Floats& values) {
      stream.copy_from_host(values.data(), x.data(), values.size() * sizeof(float));
    };
    std::vector<std::vector<Floats>> expected;
    for (const Values* of : {&second, &first}) {
      upload(of->x);
      body(stream);
      expected.push_back(results());
    }
    stream.begin_recording();
    stream.submit(body);
    const std::unique_ptr<Recording> recording = stream.end_recording();
    CHECK(results() == expected[1]);
    upload(second.x);
    recording->replay();
    CHECK(results() == expected[0]);
  });
}

#if WASSERKERN_CUDA
TEST_CASE("cuDNN plans a geometry once, and not while a phase is recorded", "[convolution]") {
  if (!on_cuda()) return;
  CudaStream stream({});
  std::mt19937_64 source(test_seed());
  const Geometry g{1, 6, 7, 2, 3, 3, 3, {1, 1}}, other{1, 6, 7, 2, 3, 3, 3, {1, 0}};
  const OnStream x(stream, Floats(g.x_size())), w(stream, Floats(g.w_size())), y(stream, Floats(g.y_size()));
  const auto run = [&](const Geometry& of) {
    const CudaCalls before = cuda_calls();
    convolution(stream, of.window, {}, of.x(x.data()), of.w(w.data()), of.y(y.data()));
    transposed_convolution(stream, of.window, {}, of.y(y.data()), of.w(w.data()), of.x(x.data()));
    convolution_filter_gradient(stream, of.window, of.x(x.data()), of.y(y.data()), of.w(w.data()));
    return (cuda_calls() - before).allocations;
  };
  const auto refused = [&](const Geometry& of) {
    stream.begin_recording();
    CHECK_THROWS_WITH(run(of), Catch::Contains(of.window.padding ? "padding 1" : "padding 0") &&
                                   Catch::Contains("run the phase once before recording it"));
    stream.abandon_recording();
  };
  refused(g);
  CHECK(run(g) > 0);
  CHECK(run(g) == 0);
  refused(other);
  CHECK(run(other) > 0);
  CHECK(run(g) + run(other) == 0);
}

TEST_CASE("the next algorithm of cuDNN is taken when one refuses", "[convolution]") {
  if (!on_cuda()) return;
  CudaStream stream({});
  std::mt19937_64 source(test_seed());
  const Geometry g{1, 6, 7, 2, 3, 3, 3, {1, 1}};
  cudnn_refusals = 1;
  require_passes(stream, source, g, {}, false);
  CHECK(cudnn_refusals == 0);

  const Floats x(g.x_size()), w(g.w_size());
  const OnStream images(stream, x), filters(stream, w), outputs(stream, Floats(g.y_size()));
  const auto run = [&] {
    convolution(stream, g.window, {}, g.x(images.data()), g.w(filters.data()), g.y(outputs.data()));
  };
  cudnn_refusals = 1;
  stream.begin_recording();
  CHECK_THROWS_WITH(run(), Catch::Contains("CUDNN_STATUS_NOT_SUPPORTED"));
  stream.abandon_recording();
  run();

  const CudaCalls before = cuda_calls();
  cudnn_refusals = 1000;
  CHECK_THROWS_AS(run(), DeviceError);
  CHECK_THROWS_WITH(run(), Catch::Contains("[1, 6, 7, 2]") && Catch::Contains("--device cpu"));
  CHECK_THROWS_AS(
      transposed_convolution(stream, g.window, {}, g.y(outputs.data()), g.w(filters.data()), g.x(images.data())),
      DeviceError);
  CHECK(cudnn_refusals < 1000);
  cudnn_refusals = 0;
  CHECK((cuda_calls() - before).nondeterministic == 0);
}

TEST_CASE("cuDNN may round factors to TF32 where it is asked for", "[convolution]") {
  if (!on_cuda()) return;
  CudaStream stream({.tf32 = true});
  std::mt19937_64 source(test_seed());
  for (const Geometry& g : {kNetworks[0], kNetworks[4]})
    require_passes(stream, source, g, {{}, Activation::LeakyRelu, 0.2f}, true, 0x1p-11);
  CHECK(stream.description().find("cuDNN 9.") != std::string::npos);
}

TEST_CASE("convolutions larger than cuDNN counts are ShapeErrors", "[convolution]") {
  if (!on_cuda()) return;
  CudaStream stream({});
  const auto refused = [&](const Geometry& g, const std::string& value) {
    float* const nowhere = nullptr;
    CHECK_THROWS_AS(convolution(stream, g.window, {}, g.x(nowhere), g.w(nowhere), g.y(nowhere)), ShapeError);
    CHECK_THROWS_WITH(transposed_convolution(stream, g.window, {}, g.y(nowhere), g.w(nowhere), g.x(nowhere)),
                      Catch::Contains(value) && Catch::Contains("2^31 - 1"));
  };
  constexpr int64_t kLarge = int64_t{1} << 31;
  refused({kLarge, 1, 1, 1, 1, 1, 1, {}}, "[2147483648, 1, 1, 1]");
  refused({kLarge / 4, 2, 2, 1, 1, 1, 1, {}}, "[536870912, 2, 2, 1]");
  refused({1, 1, 1, 1 << 16, 1 << 15, 1, 1, {}}, "filters of [32768, 1, 1, 65536]");
  refused({1, 1, 1, 1, 1, 1, 1, {kLarge, 0}}, "stride of 2147483648");
}
#endif
