#include "kernels/matmul.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "tests/kernels/epilogue_reference.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

/// A factor's values on the host, with rows `gap` elements further apart than they need be.
struct HostFactor {
  int64_t rows, columns;
  bool transposed;
  int64_t gap;
  std::vector<float> values;

  HostFactor(std::mt19937_64& source, int64_t rows_, int64_t columns_, bool transposed_, int64_t gap_)
      : rows(rows_), columns(columns_), transposed(transposed_), gap(gap_) {
    values = random_normals(source, transposed ? columns * (rows + gap) : rows * (columns + gap));
  }
  double at(int64_t i, int64_t j) const {
    return transposed ? values[j * (rows + gap) + i] : values[i * (columns + gap) + j];
  }
  Factor on(const float* data) const {
    return transposed ? Factor{{data, columns, rows, rows + gap}, true} : Factor{{data, rows, columns, columns + gap}};
  }
};

/// Rounding of a float sum of k products and a bias: k + 2 half-ulps of the sum of magnitudes, and 8 ulp of tanh.
template <class Stream>
void require_product(Stream& stream, const HostFactor& a, const HostFactor& b, Epilogue epilogue,
                     const std::vector<float>& bias, int64_t gap) {
  const int64_t m = a.rows, k = a.columns, n = b.columns, stride = n + gap;
  OnStream a_device(stream, a.values), b_device(stream, b.values), bias_device(stream, bias);
  OnStream out(stream, std::vector<float>(m * stride + 1, 7.0f));
  epilogue.bias = bias_device.vector();
  matmul(stream, epilogue, a.on(a_device.data()), b.on(b_device.data()), {out.data(), m, n, stride});
  const std::vector<float> result = out.host();
  INFO(m << "x" << k << "x" << n << " transposed " << a.transposed << b.transposed << " gap " << gap << " bias "
         << bias.size() << " activation " << static_cast<int>(epilogue.activation));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = bias.empty() ? 0 : bias[j], size = std::abs(sum);
      for (int64_t l = 0; l < k; ++l) {
        sum += a.at(i, l) * b.at(l, j);
        size += std::abs(a.at(i, l) * b.at(l, j));
      }
      const double expected = activated(epilogue, sum);
      REQUIRE(std::abs(result[i * stride + j] - expected) <=
              0x1p-24 * (static_cast<double>(k + 2) * size + 8 * std::abs(expected)));
    }
    for (int64_t j = n; j < stride; ++j) REQUIRE(result[i * stride + j] == 7.0f);
  }
  REQUIRE(result.back() == 7.0f);
}

}  // namespace

TEST_CASE("products of every shape and transposition", "[matmul]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    for (const int64_t m : {0, 1, 7, 33})
      for (const int64_t k : {0, 1, 13, 64})
        for (const int64_t n : {0, 1, 5, 34})
          for (const int transposed : {0, 1, 2, 3})
            for (const int64_t gap : {0, 3}) {
              const HostFactor a(source, m, k, transposed & 1, gap), b(source, k, n, transposed & 2, gap);
              require_product(stream, a, b, {}, {}, gap);
            }
  });
}

TEST_CASE("a product's epilogue adds the bias and activates", "[matmul]") {
  std::mt19937_64 source(test_seed());
  const std::vector<Epilogue> epilogues = {
      {}, {{}, Activation::Relu}, {{}, Activation::LeakyRelu, 0.2f}, {{}, Activation::Tanh}};
  with_stream([&](auto& stream) {
    for (const Epilogue& epilogue : epilogues)
      for (const bool biased : {false, true})
        for (const int64_t k : {0, 29}) {
          const HostFactor a(source, 17, k, false, 0), b(source, k, 31, true, 0);
          require_product(stream, a, b, epilogue, biased ? random_normals(source, 31) : std::vector<float>(), 0);
        }
  });
}

TEST_CASE("a larger product", "[matmul]") {
  std::mt19937_64 source(test_seed());
  with_stream([&](auto& stream) {
    const HostFactor a(source, 64, 257, false, 0), b(source, 257, 128, true, 0);
    require_product(stream, a, b, {{}, Activation::LeakyRelu, 0.2f}, random_normals(source, 128), 0);
  });
}

TEST_CASE("matmul refuses shapes that do not fit", "[matmul]") {
  with_stream([&](auto& stream) {
    OnStream data(stream, std::vector<float>(64));
    const auto matrix = [&](int64_t rows, int64_t columns) { return data.matrix(rows, columns); };
    REQUIRE_THROWS_AS(matmul(stream, {}, {matrix(2, 3)}, {matrix(4, 2)}, matrix(2, 2)), ShapeError);
    REQUIRE_THROWS_AS(matmul(stream, {}, {matrix(2, 3)}, {matrix(3, 2)}, matrix(3, 2)), ShapeError);
    REQUIRE_THROWS_AS(matmul(stream, {}, {matrix(2, 3)}, {matrix(3, 2)}, matrix(2, 3)), ShapeError);
    REQUIRE_THROWS_AS(matmul(stream, {}, {matrix(2, 3), true}, {matrix(3, 2)}, matrix(3, 2)), ShapeError);
    const Epilogue epilogue{{data.data(), 5}};
    REQUIRE_THROWS_WITH(matmul(stream, epilogue, {matrix(2, 3)}, {matrix(3, 2)}, matrix(2, 2)),
                        Catch::Contains("5") && Catch::Contains("2"));
  });
}

#if WASSERKERN_CUDA
// 1 + 2^-12 is a float, and 1 in TF32, which keeps ten bits after the leading one. Tensor cores of sm_75 have no TF32.
TEST_CASE("TF32 rounds factors where it is asked for, and only there", "[matmul]") {
  if (!on_cuda()) return;
  constexpr int64_t kSize = 64;
  for (const bool tf32 : {false, true}) {
    CudaStream stream({.tf32 = tf32});
    CHECK(stream.description().ends_with(tf32 ? ", tf32" : ", fp32"));
    const OnStream a(stream, std::vector<float>(kSize * kSize, 1 + 0x1p-12f));
    const OnStream b(stream, std::vector<float>(kSize * kSize, 1));
    const OnStream out(stream, std::vector<float>(kSize * kSize));
    matmul(stream, {}, {a.matrix(kSize, kSize)}, {b.matrix(kSize, kSize)}, out.matrix(kSize, kSize));
    const bool has_tf32 = stream.description().find("capability 7.") == std::string::npos;
    if (tf32 && has_tf32) CHECK(out.host() == std::vector<float>(kSize * kSize, kSize));
    if (!tf32) CHECK(out.host() == std::vector<float>(kSize * kSize, kSize * (1 + 0x1p-12f)));
  }
}
#endif
