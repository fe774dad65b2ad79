#include "engine/ops/batch_norm.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/view.h"
#include "engine/parameters.h"
#include "engine/phases.h"
#include "engine/random.h"
#include "engine/tape.h"
#include "tests/device.h"
#include "tests/engine/gradient_check.h"

namespace wasserkern::testing {
namespace {

RunningStatistics fresh_statistics(int64_t channels) {
  return {Tensor::full(test_device(), {channels}, 0), Tensor::full(test_device(), {channels}, 1)};
}

double leaky(double x, double slope) { return x > 0 ? x : slope * x; }

/// x [..., channels], gain, shift: normalised by the statistics of the batch.
Doubles normalised(const std::vector<Doubles>& in, double epsilon, double slope) {
  const size_t channels = in[1].size(), rows = in[0].size() / channels;
  Doubles out(in[0].size());
  for (size_t j = 0; j < channels; ++j) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < rows; ++i) mean += in[0][i * channels + j] / double(rows);
    for (size_t i = 0; i < rows; ++i) variance += std::pow(in[0][i * channels + j] - mean, 2) / double(rows);
    for (size_t i = 0; i < rows; ++i)
      out[i * channels + j] =
          leaky(in[1][j] * (in[0][i * channels + j] - mean) / std::sqrt(variance + epsilon) + in[2][j], slope);
  }
  return out;
}

}  // namespace

TEST_CASE("batch normalisation differentiates through its statistics", "[batch_norm]") {
  for (const Shape& shape : {Shape{7, 5}, Shape{2, 3, 2, 4}}) {
    const int64_t channels = shape[shape.rank() - 1];
    OpCase op{
        "batch_norm",
        {shape, {channels}, {channels}},
        [=](const auto& x) { return batch_norm(x[0], x[1], x[2], fresh_statistics(channels), {.epsilon = 0.1f}); },
        [](const auto& in) { return normalised(in, double{0.1f}, 1); }};
    op.twice = false;
    check_op(op);
  }
  // Shifts far from 0 keep every channel on its side of the kink.
  OpCase op{"batch_norm with LeakyReLU",
            {{9, 4}, {4}, {4}},
            [](const auto& x) {
              const Tensor signs = Tensor::from_host(test_device(), {4}, std::vector<float>{9, -9, 9, -9});
              return batch_norm(x[0], x[1], x[2] + signs, fresh_statistics(4),
                                {.epsilon = 0.1f, .activation = Activation::LeakyRelu, .slope = 0.2f});
            },
            [](auto in) {
              for (size_t j = 0; j < 4; ++j) in[2][j] += j % 2 ? -9 : 9;
              return normalised(in, double{0.1f}, double{0.2f});
            },
            [](double x) { return std::tanh(x); }};
  op.twice = false;
  check_op(op);
}

TEST_CASE("inference with batch normalisation differentiates twice", "[batch_norm]") {
  const std::vector<float> means = {0.5f, -1, 0.25f}, variances = {0.3f, 1, 2};
  const RunningStatistics running{Tensor::from_host(test_device(), {3}, means),
                                  Tensor::from_host(test_device(), {3}, variances)};
  const auto case_of = [&](Activation activation, double slope) {
    check_op({"batch_norm_inference",
              {{2, 3, 1, 3}, {3}, {3}},
              [=](const auto& x) {
                return square(batch_norm_inference(x[0], x[1], x[2] + 20.0f, running,
                                                   {.activation = activation, .slope = float(slope)}));
              },
              [&](const auto& in) {
                Doubles out;
                for (size_t i = 0; i < in[0].size(); ++i) {
                  const size_t j = i % 3;
                  const double inverse = 1 / std::sqrt(variances[j] + double{1e-5f});
                  out.push_back(std::pow(leaky(in[1][j] * (in[0][i] - means[j]) * inverse + in[2][j] + 20, slope), 2));
                }
                return out;
              },
              [](double x) { return std::tanh(x); }});
  };
  case_of(Activation::None, 1);
  case_of(Activation::Relu, 0);
}

TEST_CASE("the second derivative of batch normalisation fails by name", "[batch_norm]") {
  Tensor x = Tensor::from_host(test_device(), {4, 2}, std::vector<float>{1, 2, 3, 5, 8, 13, 21, 34});
  Tensor gain = Tensor::full(test_device(), {2}, 1), shift = Tensor::full(test_device(), {2}, 0);
  for (Tensor* leaf : {&x, &gain, &shift}) leaf->require_gradient();
  const Tensor y = batch_norm(x, gain, shift, fresh_statistics(2));
  for (const Tensor& leaf : {x, gain, shift}) {
    const Tensor first = grad(sum(square(y)), leaf, Differentiable::Yes);
    CHECK_THROWS_WITH(grad(sum(square(first)), x), Catch::Contains("second derivative of batch_norm is missing"));
  }
}

TEST_CASE("later batches move the running statistics and leave derivatives fresh", "[batch_norm]") {
  Tensor x = Tensor::from_host(test_device(), {2, 1}, std::vector<float>{1, 3});
  Tensor gain = Tensor::full(test_device(), {1}, 1), shift = Tensor::full(test_device(), {1}, 0);
  gain.require_gradient();
  x.require_gradient();
  const RunningStatistics running = fresh_statistics(1);
  const uint64_t version = running.mean.version();
  const Tensor trained = batch_norm(x, gain, shift, running), evaluated = batch_norm_inference(x, gain, shift, running);
  CHECK(running.mean.version() > version);
  CHECK(running.variance.version() > 0);
  CHECK(running.mean.item() == Approx(0.2));
  CHECK(running.variance.item() == Approx(0.9 + 0.1 * 2));
  const float expected = evaluated.to_host()[0];
  batch_norm(x * 100.0f, gain, shift, running);
  CHECK(running.mean.item() == Approx(0.2 * 0.9 + 0.1 * 200));
  CHECK(grad(sum(square(trained)), gain).item() == Approx(4));
  CHECK(grad(evaluated, x).to_host()[0] == Approx(1 / std::sqrt(1.1)));
  CHECK(grad(slice_rows(evaluated, 0, 1), gain).item() == Approx(expected));
}

TEST_CASE("phases with batch normalisation replay what they recorded", "[batch_norm]") {
  const auto outcome = [](bool eager) {
    Device& device = test_device();
    Random random(device, 3);
    Phases phases(device, random, eager);
    const Parameters parameters(device, {{"gain", {5}}, {"shift", {5}}});
    parameters["gain"].copy_from_host(std::vector<float>{1, 2, 3, 4, 5});
    const RunningStatistics running = fresh_statistics(5);
    std::vector<float> all;
    for (int step = 0; step < 4; ++step) {
      phases.run("step", [&] {
        const Tensor x = random.normal({3, 2, 2, 5});
        const Tensor y = batch_norm(x, parameters["gain"], parameters["shift"], running,
                                    {.activation = Activation::LeakyRelu, .slope = 0.2f});
        const Tensor gradient = grad(sum(square(y)), parameters);
        parameters.flat().overwrite(parameters.flat().detach() - gradient * 1e-3f);
      });
      for (const Tensor& state : {parameters.flat(), running.mean, running.variance})
        for (const float value : state.to_host()) all.push_back(value);
    }
    return all;
  };
  const std::vector<float> replayed = outcome(false);
  CHECK(replayed == outcome(true));
  CHECK(replayed.front() != 1);
}

TEST_CASE("batch normalisation needs channels and a batch", "[batch_norm]") {
  const Tensor one = Tensor::full(test_device(), {3}, 1);
  const auto of = [&](const Shape& shape) {
    return batch_norm(Tensor::full(test_device(), shape, 1), one, one, fresh_statistics(3));
  };
  CHECK(of({2, 3}).shape() == Shape{2, 3});
  CHECK(of({1, 2, 1, 3}).to_host() == std::vector<float>(6, 1));
  CHECK_THROWS_AS(of({1, 3}), ShapeError);
  CHECK_THROWS_AS(of({3}), ShapeError);
  CHECK_THROWS_AS(of({2, 4}), ShapeError);
}

}  // namespace wasserkern::testing
