#include "kernels/random.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/metric_ring.h"
#include "kernels/philox.h"
#include "tests/stream.h"

using namespace wasserkern;
using namespace wasserkern::testing;

namespace {

using Four = std::array<uint32_t, 4>;

/// Philox 4x32-10 as the paper writes it, round by round.
Four naive_philox(Four x, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * x[0], b = uint64_t{0xCD9E8D57} * x[2];
    x = {static_cast<uint32_t>(b >> 32) ^ x[1] ^ key[0], static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ x[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return x;
}

uint32_t naive_word(uint64_t seed, uint64_t step, uint32_t op, int64_t i) {
  const Four counter = {static_cast<uint32_t>(i / 4), op, static_cast<uint32_t>(step),
                        static_cast<uint32_t>(step >> 32)};
  return naive_philox(counter, {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)})[i % 4];
}

double naive_uniform(uint32_t word) { return (word >> 8) * 0x1p-24 + 0x1p-25; }

constexpr uint64_t kSeed = 0x0123456789ABCDEF;
constexpr uint64_t kStep = (uint64_t{5} << 32) + 9;
constexpr uint32_t kOp = 17;

/// `count` results of a kernel that draws.
template <class T, class Stream, class Kernel>
std::vector<T> drawn(Stream& stream, Kernel kernel, int64_t count, uint64_t step = kStep, uint32_t op = kOp,
                     int64_t offset = 0) {
  OnStream step_device(stream, std::vector<uint64_t>{step});
  OnStream out(stream, std::vector<T>(static_cast<size_t>(count + offset)));
  kernel(stream, Draw{kSeed, step_device.data(), op}, Vector<T>{out.data() + offset, count});
  std::vector<T> result = out.host();
  result.erase(result.begin(), result.begin() + offset);
  return result;
}

const auto kWords = [](auto& stream, Draw draw, Vector<uint32_t> out) { random_words(stream, draw, out); };
const auto kUniform = [](auto& stream, Draw draw, Vector<float> out) { uniform(stream, draw, out); };
const auto kNormal = [](auto& stream, Draw draw, Vector<float> out) { normal(stream, draw, out); };

/// FNV-1a.
uint64_t hash(const std::vector<float>& values) {
  uint64_t result = 0xCBF29CE484222325;
  for (const float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    for (int byte = 0; byte < 4; ++byte) result = (result ^ ((bits >> (8 * byte)) & 0xFF)) * 0x100000001B3;
  }
  return result;
}

}  // namespace

TEST_CASE("Philox 4x32-10 gives the known answers of the Random123 distribution", "[random]") {
  struct Answer {
    Four counter;
    std::array<uint32_t, 2> key;
    Four words;
  };
  const Answer answers[] = {{{0, 0, 0, 0}, {0, 0}, {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8}},
                            {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD}},
                            {{0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344},
                             {0xA4093822, 0x299F31D0},
                             {0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1}}};
  for (const auto& [counter, key, words] : answers) {
    REQUIRE(naive_philox(counter, key) == words);
    const philox::Source source(key[0] | uint64_t{key[1]} << 32, counter[2] | uint64_t{counter[3]} << 32, counter[1]);
    const philox::Words x = philox::words(source, counter[0]);
    REQUIRE(Four{x.w0, x.w1, x.w2, x.w3} == words);
  }
}

TEST_CASE("words are Philox's at every length and alignment", "[random]") {
  with_stream([&](auto& stream) {
    std::mt19937_64 source(test_seed());
    INFO("seed " << test_seed());
    for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, random_size(source, 5000)})
      for (const int64_t offset : {0, 1}) {
        const std::vector<uint32_t> words = drawn<uint32_t>(stream, kWords, count, kStep, kOp, offset);
        const std::vector<float> uniforms = drawn<float>(stream, kUniform, count, kStep, kOp, offset);
        INFO("count " << count << " offset " << offset);
        for (int64_t i = 0; i < count; ++i) {
          REQUIRE(words[i] == naive_word(kSeed, kStep, kOp, i));
          REQUIRE(uniforms[i] == static_cast<float>(naive_uniform(words[i])));
        }
      }
  });
}

TEST_CASE("uniforms lie inside (0, 1)", "[random]") {
  REQUIRE(philox::uniform(0) == 0x1p-25f);
  REQUIRE(philox::uniform(0xFFFFFFFF) == 1 - 0x1p-24f);
}

TEST_CASE("a draw depends on seed, step and op", "[random]") {
  with_stream([&](auto& stream) {
    const std::vector<float> draw = drawn<float>(stream, kNormal, 8);
    REQUIRE(drawn<float>(stream, kNormal, 8) == draw);
    REQUIRE(drawn<float>(stream, kNormal, 8, kStep + 1) != draw);
    REQUIRE(drawn<float>(stream, kNormal, 8, kStep + (uint64_t{1} << 32)) != draw);
    REQUIRE(drawn<float>(stream, kNormal, 8, kStep, kOp + 1) != draw);
  });
}

// The polynomials are good to 3e-7 of the normal, about five roundings.
TEST_CASE("normals are Box and Muller's", "[random]") {
  constexpr double kTwoPi = 6.283185307179586477;
  with_stream([&](auto& stream) {
    for (const int64_t count : {1, 2, 3, 4, 5, 4099}) {
      const std::vector<float> normals = drawn<float>(stream, kNormal, count);
      for (int64_t i = 0; i < count; ++i) {
        const double u = philox::uniform(naive_word(kSeed, kStep, kOp, i / 2 * 2));
        const double v = philox::uniform(naive_word(kSeed, kStep, kOp, i / 2 * 2 + 1));
        const double wave = i % 2 ? std::sin(kTwoPi * v) : std::cos(kTwoPi * v);
        const double expected = std::sqrt(-2 * std::log(u)) * wave;
        INFO("element " << i << " of " << count << " value " << normals[i] << " expected " << expected);
        REQUIRE(std::abs(normals[i] - expected) <= 3e-7 * std::abs(expected));
      }
    }
  });
}

TEST_CASE("the first hundred thousand normals have the same bits everywhere", "[random]") {
  with_stream([&](auto& stream) { REQUIRE(hash(drawn<float>(stream, kNormal, 100'000)) == 0x815F3C23ED07C557); });
}

// Bounds of five standard errors: var x = 1, var x^2 = 2, var x^3 = 15, var x^4 = 96.
TEST_CASE("normals have the moments and tails of N(0, 1)", "[random]") {
  constexpr int64_t kCount = 100'000;
  with_stream([&](auto& stream) {
    const std::vector<float> x = drawn<float>(stream, kNormal, kCount);
    double moments[5] = {}, pairs = 0, tail = 0;
    for (int64_t i = 0; i < kCount; ++i) {
      for (int k = 1; k <= 4; ++k) moments[k] += std::pow(x[i], k) / kCount;
      if (i % 2) pairs += x[i] * x[i - 1] / (kCount / 2);
      tail += std::abs(x[i]) > 3;
    }
    const double error = 5 / std::sqrt(kCount);
    REQUIRE(std::abs(moments[1]) < error);
    REQUIRE(std::abs(moments[2] - 1) < error * std::sqrt(2.0));
    REQUIRE(std::abs(moments[3]) < error * std::sqrt(15.0));
    REQUIRE(std::abs(moments[4] - 3) < error * std::sqrt(96.0));
    REQUIRE(std::abs(pairs) < error * std::sqrt(2.0));
    const double expected = kCount * std::erfc(3 / std::sqrt(2.0));
    REQUIRE(std::abs(tail - expected) < 5 * std::sqrt(expected));
  });
}

TEST_CASE("dropout keeps what its uniforms say, forward and backward", "[random]") {
  constexpr int64_t kCount = 4099;
  constexpr float kRate = 0.3f;
  with_stream([&](auto& stream) {
    const std::vector<float> u = drawn<float>(stream, kUniform, kCount);
    OnStream step(stream, std::vector<uint64_t>{kStep});
    const Draw draw{kSeed, step.data(), kOp};
    std::vector<float> x(kCount);
    for (int64_t i = 0; i < kCount; ++i) x[i] = static_cast<float>(i - 100);
    OnStream input(stream, x), output(stream, x), misaligned(stream, std::vector<float>(kCount + 1));
    dropout(stream, draw, kRate, input.vector(), output.vector());
    const Vector<float> from_second{misaligned.data() + 1, kCount};
    stream.copy_from_host(x.data(), from_second.data, kCount * sizeof(float));
    dropout(stream, draw, kRate, from_second, from_second);
    dropout(stream, draw, kRate, input.vector(), input.vector());
    const std::vector<float> y = output.host();
    REQUIRE(input.host() == y);
    const std::vector<float> also = misaligned.host();
    REQUIRE(std::equal(y.begin(), y.end(), also.begin() + 1));
    int64_t dropped = 0;
    for (int64_t i = 0; i < kCount; ++i) {
      const float expected = u[i] >= kRate ? x[i] / (1 - kRate) : 0.0f;
      INFO("element " << i);
      REQUIRE(std::abs(y[i] - expected) <= 0x1p-23f * std::abs(expected));
      dropped += u[i] < kRate;
    }
    // Binomial: five standard deviations.
    REQUIRE(std::abs(dropped - kRate * kCount) < 5 * std::sqrt(kCount * kRate * (1 - kRate)));
    dropout(stream, draw, 0, output.vector(), output.vector());
    REQUIRE(output.host() == y);
  });
}

TEST_CASE("dropout refuses rates outside [0, 1) and sizes that differ", "[random]") {
  with_stream([&](auto& stream) {
    OnStream step(stream, std::vector<uint64_t>{1});
    OnStream x(stream, std::vector<float>(3)), y(stream, std::vector<float>(4));
    const Draw draw{kSeed, step.data(), kOp};
    for (const float rate : {-0.1f, 1.0f, std::numeric_limits<float>::quiet_NaN()})
      REQUIRE_THROWS_AS(dropout(stream, draw, rate, x.vector(), x.vector()), UsageError);
    REQUIRE_THROWS_AS(dropout(stream, draw, 0.5f, x.vector(), y.vector()), ShapeError);
  });
}
