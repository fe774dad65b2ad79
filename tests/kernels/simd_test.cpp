// Compiled once per instruction set, like what it tests (kernels/cpu/simd.cmake).

#include "kernels/cpu/power.h"

WASSERKERN_PER_ISA(                                                           //
    void log2_of(const float* x, int64_t size, float* out);                   //
    void exp2_of(const float* x, int64_t size, float* out);                   //
    void power_of(const float* x, int64_t size, float exponent, float* out);  //
    void copy_by_words(const float* x, int64_t size, float* out);             //
    float sum_of_word(const float* x, int64_t size);                          //
    bool all_above(const float* x, int64_t size, float bound);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

template <class Function>
HWY_INLINE void map(const float* x, int64_t size, float* out, Function f) {
  for (int64_t i = 0; i < size; i += Word::kLanes) f(Word::load_up_to(x + i, size - i)).store_up_to(out + i, size - i);
}

}  // namespace

void log2_of(const float* x, int64_t size, float* out) {
  map(x, size, out, [](Word word) { return log2(word); });
}
void exp2_of(const float* x, int64_t size, float* out) {
  map(x, size, out, [](Word word) { return exp2(word); });
}
void power_of(const float* x, int64_t size, float exponent, float* out) {
  map(x, size, out, [=](Word word) { return power(word, Word(exponent)); });
}
void copy_by_words(const float* x, int64_t size, float* out) {
  map(x, size, out, [](Word word) { return word; });
}
float sum_of_word(const float* x, int64_t size) { return Word::load_first(x, size).sum(); }
bool all_above(const float* x, int64_t size, float bound) {
  bool above = true;
  for (int64_t i = 0; i + Word::kLanes <= size; i += Word::kLanes)
    above = above && all(Word::load(x + i) > Word(bound));
  return above;
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace wasserkern;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr double kLeastNormal = std::numeric_limits<float>::min();

/// Floats over the whole range of [0, infinity), subnormals included: every 5003rd bit pattern.
std::vector<float> all_sizes() {
  std::vector<float> values;
  for (uint32_t bits = 0; bits < 0x7f800000; bits += 5003) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    values.push_back(value);
  }
  return values;
}

std::vector<float> through(void (*function)(const float*, int64_t, float*), const std::vector<float>& x) {
  std::vector<float> out(x.size(), -777);
  function(x.data(), static_cast<int64_t>(x.size()), out.data());
  return out;
}

std::vector<float> powers(const std::vector<float>& x, float exponent) {
  std::vector<float> out(x.size(), -777);
  WASSERKERN_SIMD(power_of)(x.data(), static_cast<int64_t>(x.size()), exponent, out.data());
  return out;
}

/// The largest error against `exact`, relative where float has full precision, in units of `kLeastNormal` below.
template <class Exact>
double largest_error(const std::vector<float>& x, const std::vector<float>& out, Exact exact) {
  double largest = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = exact(double{x[i]});
    if (static_cast<float>(expected) == out[i]) continue;  // infinities and zeros among them
    largest = std::max(largest, std::abs(out[i] - expected) / std::max(std::abs(expected), kLeastNormal));
  }
  return largest;
}

}  // namespace

TEST_CASE("words reach the ends of arrays of any size", "[simd]") {
  for (int64_t size = 0; size < 40; ++size) {
    std::vector<float> values;
    for (int64_t i = 0; i < size; ++i) values.push_back(static_cast<float>(i + 1));
    std::vector<float> out(static_cast<size_t>(size) + 1, -777);
    WASSERKERN_SIMD(copy_by_words)(values.data(), size, out.data());
    CHECK(out.back() == -777);
    out.pop_back();
    CHECK(out == values);
  }
  const std::vector<float> seven{7};
  CHECK(WASSERKERN_SIMD(sum_of_word)(seven.data(), 1) == 7);
  CHECK(WASSERKERN_SIMD(sum_of_word)(seven.data(), 0) == 0);
}

TEST_CASE("a condition on words looks at every lane", "[simd]") {
  std::vector<float> values(16, 2);
  CHECK(WASSERKERN_SIMD(all_above)(values.data(), 16, 1));
  for (float& value : values) {
    value = kNan;
    CHECK(!WASSERKERN_SIMD(all_above)(values.data(), 16, 1));
    value = 2;
  }
}

TEST_CASE("log2 of words", "[simd]") {
  const std::vector<float> x = all_sizes();
  CHECK(largest_error(x, through(WASSERKERN_SIMD(log2_of), x), [](double v) { return std::log2(v); }) < 3e-7);
  const std::vector<float> special = through(WASSERKERN_SIMD(log2_of), {0, -0.0f, 1, kInfinity, kTiny, kNan, -1});
  CHECK(special[0] == -kInfinity);
  CHECK(special[1] == -kInfinity);
  CHECK(special[2] == 0);
  CHECK(special[3] == kInfinity);
  CHECK(special[4] == -149);
  CHECK(std::isnan(special[5]));
  CHECK(std::isnan(special[6]));
}

TEST_CASE("exp2 of words", "[simd]") {
  std::vector<float> x;
  for (float value = -151; value < 129; value += 0.00073f) x.push_back(value);
  CHECK(largest_error(x, through(WASSERKERN_SIMD(exp2_of), x), [](double v) { return std::exp2(v); }) < 2e-7);
  const std::vector<float> special =
      through(WASSERKERN_SIMD(exp2_of), {-kInfinity, kInfinity, kNan, 0, -149, 127, 1e30f, -1e30f, kTiny});
  CHECK(special[0] == 0);
  CHECK(special[1] == kInfinity);
  CHECK(std::isnan(special[2]));
  CHECK(special[3] == 1);
  CHECK(special[4] == kTiny);
  CHECK(special[5] == std::ldexp(1.0f, 127));
  CHECK(special[6] == kInfinity);
  CHECK(special[7] == 0);
  CHECK(special[8] == 1);
}

TEST_CASE("powers of words over the range of float", "[simd]") {
  const std::vector<float> x = all_sizes();
  for (const float exponent : {0.2f, 1.0f, 1.2f, 1.5f, 2.0f, 2.7f, 3.0f, -0.8f, 1 / 3.0f}) {
    INFO("exponent " << exponent);
    CHECK(largest_error(x, powers(x, exponent), [=](double v) { return std::pow(v, double{exponent}); }) < 6e-7);
  }
  for (const float exponent : {0.2f, 1.0f, 1.2f, 3.0f, 60.0f}) {
    INFO("exponent " << exponent);
    const std::vector<float> special = powers({0, kInfinity, kNan, -1, 1}, exponent);
    CHECK(special[0] == 0);
    CHECK(special[1] == kInfinity);
    CHECK(std::isnan(special[2]));
    CHECK(std::isnan(special[3]));
    CHECK(special[4] == 1);
  }
  CHECK(powers({0, kInfinity}, -0.8f) == std::vector<float>{kInfinity, 0});
}

#endif
