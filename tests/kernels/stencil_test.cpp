#include "kernels/stencil.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "kernels/error.h"
#include "tests/kernels/stencil_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Floats = std::vector<float>;

/// The sizes of a batch.
struct Sizes {
  int64_t count, height, width, channels;

  int64_t image() const { return height * width * channels; }
  int64_t all() const { return count * image(); }
  template <class T>
  ImageView<T> view(T* data) const {
    return {data, count, height, width, channels};
  }
};

std::ostream& operator<<(std::ostream& out, const Sizes& of) {
  return out << of.count << "x" << of.height << "x" << of.width << "x" << of.channels;
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class Stream>
Floats form_of(Stream& stream, const Stencil& stencil, const Sizes& of, const Floats& x, const Floats& g) {
  const OnStream images(stream, x), gradients(stream, g), form(stream, Floats(of.count, kNan));
  stencil_form(stream, stencil, of.view<const float>(images.data()), of.view<const float>(gradients.data()),
               form.vector());
  return form.host();
}

/// `offset` floats into the memory of each.
template <class Stream>
Floats product_of(Stream& stream, const Stencil& stencil, const Sizes& of, const Floats& x, const Floats& scale,
                  const Floats& g, int64_t offset = 0) {
  const auto behind = [&](Floats values) {
    values.insert(values.begin(), offset, 7.0f);
    return values;
  };
  const OnStream images(stream, behind(x)), gradients(stream, behind(g)), scales(stream, scale);
  Floats poison = behind(Floats(of.all(), kNan));
  poison.push_back(7);
  const OnStream product(stream, poison);
  stencil_product(stream, stencil, of.view<const float>(images.data() + offset), scales.vector(),
                  of.view<const float>(gradients.data() + offset), of.view(product.data() + offset));
  Floats result = product.host();
  REQUIRE(result.back() == 7);  // nothing is written behind the images
  result.pop_back();
  result.erase(result.begin(), result.begin() + offset);
  return result;
}

double dot(const Floats& a, const Floats& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

/// Different edges with weights of all sizes, among them 0.
PixelGraph random_graph(std::mt19937_64& source) {
  const int32_t reach = 1 + static_cast<int32_t>(source() % PixelGraph::kReach);
  const int64_t wanted = random_size(source, std::min<int64_t>(PixelGraph::kMostEdges, 2 * reach * (reach + 1)));
  std::vector<PixelEdge> edges;
  while (static_cast<int64_t>(edges.size()) < wanted) {
    const auto step = [&] { return static_cast<int32_t>(source() % (2 * reach + 1)) - reach; };
    const PixelEdge edge{step(), step(), static_cast<float>(source() % 5) / 2};
    const bool fresh = std::ranges::none_of(edges, [&](const PixelEdge& other) {
      return (other.down == edge.down && other.right == edge.right) ||
             (other.down == -edge.down && other.right == -edge.right);
    });
    if (fresh && (edge.down || edge.right)) edges.push_back(edge);
  }
  return PixelGraph(std::span<const PixelEdge>(edges));
}

/// Every term with a factor of its own.
Stencil random_stencil(std::mt19937_64& source) {
  std::uniform_real_distribution<float> factor(-1, 2);
  Stencil stencil;
  switch (source() % 5) {
    case 0: stencil.graph = PixelGraph::four_neighbours(); break;
    case 1: stencil.graph = PixelGraph::eight_neighbours(); break;
    case 2: break;
    default: stencil.graph = random_graph(source);
  }
  if (source() % 3) stencil.identity = factor(source);
  if (source() % 3) stencil.total = 0.1f * factor(source);
  if (source() % 2) {
    stencil.mass_scale = factor(source);
    stencil.mass_offset = factor(source);
  }
  return stencil;
}

Floats random_pixels(std::mt19937_64& source, int64_t size) {
  std::uniform_real_distribution<float> value(-1, 1);
  Floats x(size);
  for (float& pixel : x) pixel = value(source);
  return x;
}

// A word of a product is the sum of up to 64 neighbours' parts, of a few roundings each; they are as random as the
// values, and 64 half-ulps are more than they add up to.
constexpr double kTolerance = 64 * 0x1p-24;

template <class Stream>
void require_definition(Stream& stream, std::mt19937_64& source, const Stencil& stencil, const Sizes& of) {
  INFO(of << ", " << stencil.graph.edges().size() << " edges, identity " << stencil.identity << ", total "
          << stencil.total << ", seed " << test_seed());
  const Floats x = random_pixels(source, of.all()), g = random_normals(source, of.all());
  const Floats scale = random_normals(source, of.count);
  const Floats form = form_of(stream, stencil, of, x, g);
  const Floats product = product_of(stream, stencil, of, x, scale, g);
  REQUIRE(product_of(stream, stencil, of, x, scale, g, 1) == product);
  for (int64_t n = 0; n < of.count; ++n) {
    const int64_t first = n * of.image();
    const StencilReference expected(stencil, of.height, of.width, of.channels, &x[first], &g[first]);
    if (!(std::abs(form[n] - expected.form) <= kTolerance * expected.form_magnitude))
      FAIL("form " << n << " is " << form[n] << ", expected " << expected.form);
    for (int64_t k = 0; k < of.image(); ++k) {
      const double value = scale[n] * expected.product[k];
      if (!(std::abs(product[first + k] - value) <= kTolerance * std::abs(scale[n]) * expected.magnitude[k]))
        FAIL("product " << n << ", " << k << " is " << product[first + k] << ", expected " << value);
    }
  }
}

}  // namespace

TEST_CASE("the stencil is the paper's dense matrix", "[stencil]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const Sizes& of : {Sizes{1, 1, 1, 1},
                            {2, 1, 17, 1},
                            {2, 19, 1, 3},
                            {3, 1, 1, 5},
                            {2, 3, 3, 2},
                            {1, 33, 37, 1},
                            {3, 13, 11, 4},
                            {2, 9, 40, 5},
                            {1, 41, 7, 3},
                            {2, 5, 21, 11},
                            {1, 3, 150, 1}})
      for (int turn = 0; turn < 3; ++turn) require_definition(stream, source, random_stencil(source), of);
    for (int turn = 0; turn < 10; ++turn) {
      const auto size = [&](int64_t most) { return std::max<int64_t>(1, random_size(source, most)); };
      require_definition(stream, source, random_stencil(source), {size(3), size(33), size(37), size(5)});
    }
  });
}

TEST_CASE("the stencil of the papers' images is the dense matrix", "[stencil]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    require_definition(stream, source, {.identity = 6.5e-4f, .total = 0.0326f}, {2, 32, 32, 3});
    require_definition(stream, source, {.identity = 1}, {1, 64, 64, 3});
  });
}

TEST_CASE("the stencil ends where rows end", "[stencil]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (int64_t width = 1; width <= 35; ++width) require_definition(stream, source, {}, {1, 4, width, 1});
  });
}

TEST_CASE("edges longer than the image join nothing", "[stencil]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    const Stencil stencil{.graph = {{8, 0}, {0, 8}, {8, 8}, {8, -8}, {3, 1}, {1, -4}}, .identity = 0.5f};
    for (const Sizes& of : {Sizes{2, 3, 4, 3}, {1, 8, 8, 1}, {1, 8, 30, 1}, {1, 9, 9, 2}})
      require_definition(stream, source, stencil, of);
    const Sizes of{2, 3, 4, 3};
    const Floats x = random_pixels(source, of.all()), g = random_normals(source, of.all());
    Floats expected = g;
    for (float& value : expected) value *= 0.5f;
    REQUIRE(product_of(stream, stencil, of, x, {1, 1}, g) == expected);
  });
}

TEST_CASE("no images, and images without pixels, are fine", "[stencil]") {
  with_stream([&](auto& stream) {
    const Stencil stencil{.identity = 1, .total = 1};
    REQUIRE(form_of(stream, stencil, {0, 5, 5, 3}, {}, {}).empty());
    REQUIRE(product_of(stream, stencil, {0, 5, 5, 3}, {}, {}, {}).empty());
    for (const Sizes& of : {Sizes{2, 0, 5, 3}, {2, 5, 0, 3}, {2, 5, 5, 0}}) {
      REQUIRE(form_of(stream, stencil, of, {}, {}) == Floats{0, 0});
      REQUIRE(product_of(stream, stencil, of, {}, {1, 1}, {}).empty());
    }
  });
}

// Sums in double of products of floats, whose rounding is as above.
TEST_CASE("the stencil's product is symmetric, the form's half gradient", "[stencil]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (int turn = 0; turn < 8; ++turn) {
      const Sizes of{1, 3 + turn, 12 - turn, 1 + turn % 3};
      const Stencil stencil = random_stencil(source);
      INFO(of << ", " << stencil.graph.edges().size() << " edges, seed " << test_seed());
      const Floats x = random_pixels(source, of.all());
      const Floats g = random_normals(source, of.all()), h = random_normals(source, of.all());
      const Floats of_g = product_of(stream, stencil, of, x, {1}, g), of_h = product_of(stream, stencil, of, x, {1}, h);
      const StencilReference expected(stencil, of.height, of.width, of.channels, x.data(), g.data());
      const double rounding = kTolerance * expected.form_magnitude;
      const double largest = std::abs(*std::ranges::max_element(h, {}, [](float value) { return std::abs(value); }));
      REQUIRE(std::abs(dot(h, of_g) - dot(g, of_h)) <= 10 * largest * rounding);
      REQUIRE(std::abs(form_of(stream, stencil, of, x, g)[0] - dot(g, of_g)) <= 2 * rounding);

      // A quadratic form's differences are exact at any distance: a large one leaves rounding no say.
      const Sizes steps{2 * of.all(), of.height, of.width, of.channels};
      Floats at, pixels;
      for (int64_t k = 0; k < of.all(); ++k)
        for (const float step : {1.0f, -1.0f}) {
          Floats moved = g;
          moved[k] += step;
          at.insert(at.end(), moved.begin(), moved.end());
          pixels.insert(pixels.end(), x.begin(), x.end());
        }
      const Floats values = form_of(stream, stencil, steps, pixels, at);
      const Floats gradient = product_of(stream, stencil, of, x, {2}, g);
      for (int64_t k = 0; k < of.all(); ++k)
        if (!(std::abs((double{values[2 * k]} - values[2 * k + 1]) / 2 - gradient[k]) <= 10 * rounding))
          FAIL("slope " << k << " is " << (values[2 * k] - values[2 * k + 1]) / 2 << ", gradient " << gradient[k]);
    }
  });
}

// Paper 001, section 2.2, for the metric's linearisation. In a row of pixels the potential that moves a unit of mass
// from one to another is a ramp between them, and the form of it the squared length of that motion.
TEST_CASE("moving a pixel's mass is as far as it moves, and L2 does not see that", "[stencil]") {
  constexpr int64_t kPixels = 12, kFrom = 1;
  const Stencil stencil{.graph = {{0, 1}}};  // pixels of 0 have the mass 1/2, edges 1
  with_stream([&](auto& stream) {
    for (int64_t to = kFrom + 1; to < kPixels; ++to) {
      Floats ramp(kPixels), motion(kPixels);
      for (int64_t i = 0; i < kPixels; ++i) ramp[i] = static_cast<float>(std::clamp(i, kFrom, to));
      motion[kFrom] = -1;
      motion[to] = 1;
      const Sizes of{1, 1, kPixels, 1};
      REQUIRE(product_of(stream, stencil, of, Floats(kPixels), {1}, ramp) == motion);
      REQUIRE(form_of(stream, stencil, of, Floats(kPixels), ramp)[0] == static_cast<float>(to - kFrom));
      REQUIRE(dot(motion, motion) == 2);
    }
  });
}

// Why the stencil has none of them. Pixels whose neighbours are all there have the largest
// degree.
TEST_CASE("the paper's degrees are a factor but for pixels at the border", "[stencil]") {
  constexpr int64_t kHeight = 9, kWidth = 11;
  std::mt19937_64 source(test_seed());
  std::uniform_real_distribution<double> mass(0, 1);
  std::vector<double> u(kHeight * kWidth);
  for (double& value : u) value = mass(source);
  for (const PixelGraph& graph :
       {PixelGraph::four_neighbours(), PixelGraph::eight_neighbours(), PixelGraph::diamond()}) {
    const PixelLaplacian laplacian(graph, kHeight, kWidth);
    const std::vector<double> degrees = laplacian.degrees(), halves(u.size(), 0.5);
    REQUIRE(std::accumulate(degrees.begin(), degrees.end(), 0.0) == Approx(1));
    const double inner_degree = degrees[kHeight / 2 * kWidth + kWidth / 2];
    const auto inner = [&](int64_t i) { return degrees[i] == inner_degree; };
    const int64_t reach = graph.edges().size() == 6 ? 2 : 1;
    REQUIRE(std::ranges::count_if(degrees, [&](double d) { return d == inner_degree; }) ==
            (kHeight - 2 * reach) * (kWidth - 2 * reach));
    for (int64_t i = 0; i < laplacian.pixels(); ++i)
      for (int64_t j = 0; j < laplacian.pixels(); ++j) {
        if (i == j || laplacian.weight(i, j) == 0) continue;
        const double ratio = laplacian.off_diagonal(u, degrees, i, j) / laplacian.off_diagonal(u, halves, i, j);
        if (inner(i) && inner(j))
          REQUIRE(ratio == Approx(0.5 / inner_degree));
        else
          REQUIRE(ratio > 0.5 / inner_degree);
      }
  }
}

TEST_CASE("the stencil's bits do not depend on the threads", "[stencil]") {
  if (on_cuda()) return;
  std::mt19937_64 source(test_seed());
  const Stencil stencil{.identity = 0.1f, .total = 0.01f};
  for (const Sizes& of : {Sizes{1, 90, 70, 3}, {5, 40, 40, 3}, {2, 1, 3000, 5}}) {
    const Floats x = random_pixels(source, of.all()), g = random_normals(source, of.all());
    const Floats scale = random_normals(source, of.count);
    CpuStream alone(1);
    const Floats form = form_of(alone, stencil, of, x, g), product = product_of(alone, stencil, of, x, scale, g);
    for (const int threads : {2, 3, 7}) {
      CpuStream stream(threads);
      REQUIRE(form_of(stream, stencil, of, x, g) == form);
      REQUIRE(product_of(stream, stencil, of, x, scale, g) == product);
    }
  }
}

TEST_CASE("stencils refuse shapes that differ", "[stencil]") {
  with_stream([&](auto& stream) {
    const OnStream memory(stream, Floats(200));
    const auto images = [&](int64_t count, int64_t height, int64_t width, int64_t channels) {
      return ImageView<float>{memory.data(), count, height, width, channels};
    };
    const auto values = [&](int64_t size) { return Vector<float>{memory.data(), size}; };
    const ImageView<float> x = images(2, 4, 5, 3);
    for (const ImageView<float>& other :
         {images(1, 4, 5, 3), images(2, 5, 4, 3), images(2, 4, 4, 3), images(2, 4, 5, 1)}) {
      REQUIRE_THROWS_AS(stencil_form(stream, {}, x, other, values(2)), ShapeError);
      REQUIRE_THROWS_AS(stencil_product(stream, {}, x, values(2), other, x), ShapeError);
      REQUIRE_THROWS_AS(stencil_product(stream, {}, x, values(2), x, other), ShapeError);
    }
    REQUIRE_THROWS_WITH(stencil_form(stream, {}, x, images(2, 4, 5, 1), values(2)),
                        Catch::Contains("[2, 4, 5, 3]") && Catch::Contains("[2, 4, 5, 1]"));
    REQUIRE_THROWS_AS(stencil_form(stream, {}, x, x, values(1)), ShapeError);
    REQUIRE_THROWS_AS(stencil_product(stream, {}, x, values(3), x, x), ShapeError);
  });
}
