#include "models/style.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <string>

#include "engine/checkpoint.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/interpolate.h"
#include "engine/ops/reduce.h"
#include "engine/optimizer.h"
#include "engine/phases.h"
#include "engine/tape.h"
#include "kernels/cpu/onednn/product.h"
#include "kernels/error.h"
#include "losses/objectives/gradient_penalty.h"
#include "losses/objectives/wgan.h"
#include "tests/convolution_reference.h"
#include "tests/device.h"
#include "tests/files.h"

namespace wasserkern::testing {
namespace {

using Doubles = std::vector<double>;
using models::Mode;
using models::StyleGenerator;

/// Two channels, but for one at 64 x 64 pixels.
constexpr models::Style64 kTiny{
    .latent = 4, .width = 1, .most_channels = 2, .style = 3, .mapping_layers = 2, .mapping_rate = 0.1f};

/// Fills all parameters, so that no part of the network is without effect.
void randomise(const StyleGenerator& generator, std::mt19937_64& source) {
  for (const auto& [name, tensor] : generator.parameters().named())
    tensor.copy_from_host(random_normals(source, tensor.size(), name.starts_with("mapping.") ? 10 : 1));
}

double leaky(double x) { return x > 0 ? x : double{0.2f} * x; }

/// The generator of kTiny in Evaluation, in double by plain loops, an image at a time.
struct Reference {
  std::map<std::string, Doubles> values = {};  // parameters and statistics by name

  explicit Reference(const StyleGenerator& of) {
    for (const Parameters& all : {of.parameters(), of.statistics()})
      for (const auto& [name, tensor] : all.named()) {
        const auto host = tensor.to_host();
        values[name] = {host.begin(), host.end()};
      }
  }

  Doubles dense(const std::string& name, const Doubles& x, double gain, double rate) const {
    const Doubles &weight = values.at(name + ".weight"), &bias = values.at(name + ".bias");
    Doubles out;
    for (size_t o = 0; o < bias.size(); ++o) {
      double total = 0;
      for (size_t i = 0; i < x.size(); ++i) total += weight[o * x.size() + i] * x[i];
      out.push_back(rate * (gain / std::sqrt(static_cast<double>(x.size())) * total + bias[o]));
    }
    return out;
  }

  Doubles scaled(const std::string& name, double gain, double inputs) const {
    Doubles weight = values.at(name + ".weight");
    for (double& value : weight) value *= gain / std::sqrt(inputs);
    return weight;
  }

  Doubles styled(const std::string& name, Doubles x, const Doubles& w) const {
    const Doubles gain = dense(name + ".gain", w, 1, 1), shift = dense(name + ".shift", w, 1, 1);
    const Doubles &strength = values.at(name + ".strength"), &noise = values.at(name + ".noise"),
                  &bias = values.at(name + ".bias");
    const size_t channels = gain.size(), pixels = x.size() / channels;
    for (size_t j = 0; j < channels; ++j) {
      double mean = 0, variance = 0;
      for (size_t p = 0; p < pixels; ++p) {
        double& value = x[p * channels + j];
        value = leaky(value + strength[j] * noise[p] + bias[j]);
        mean += value / static_cast<double>(pixels);
      }
      for (size_t p = 0; p < pixels; ++p)
        variance += std::pow(x[p * channels + j] - mean, 2) / static_cast<double>(pixels);
      for (size_t p = 0; p < pixels; ++p)
        x[p * channels + j] = gain[j] * (x[p * channels + j] - mean) / std::sqrt(variance + double{1e-5f}) + shift[j];
    }
    return x;
  }

  Doubles image(const Doubles& z) const {
    double squares = 0;
    for (const double value : z) squares += value * value;
    Doubles w = z;
    for (double& value : w) value /= std::sqrt(squares / static_cast<double>(z.size()) + 1e-8);
    for (const char* layer : {"mapping.0", "mapping.1"}) {
      w = dense(layer, w, std::sqrt(2), double{0.1f});
      for (double& value : w) value = leaky(value);
    }
    Doubles x = values.at("4x4.constant");
    for (int64_t side = 4; side <= 64; side *= 2) {
      const std::string name = std::to_string(side) + "x" + std::to_string(side);
      const int64_t channels = side == 64 ? 1 : 2;
      if (side > 4) {
        const ConvolutionReference halving{1, side, side, channels, 2, 4, 4, {2, 1}};
        x = halving.transposed(x, scaled(name + ".0", std::sqrt(2), 4 * 2), {});
      }
      x = styled(name + ".0", x, w);
      const ConvolutionReference same{1, side, side, channels, channels, 3, 3, {1, 1}};
      x = same.forward(x, scaled(name + ".1", std::sqrt(2), static_cast<double>(9 * channels)), {});
      x = styled(name + ".1", x, w);
    }
    const ConvolutionReference pixels{1, 64, 64, 1, 3, 1, 1, {1, 0}};
    return pixels.forward(x, values.at("pixels.weight"), values.at("pixels.bias"));
  }
};

double dot(const Doubles& x, const std::vector<float>& y) {
  double total = 0;
  for (size_t i = 0; i < x.size(); ++i) total += x[i] * y[i];
  return total;
}

}  // namespace

TEST_CASE("a style generator is Karras's, and so are its gradients", "[style]") {
  INFO("seed " << test_seed());
  std::mt19937_64 source(test_seed());
  Random random(test_device(), 3);
  const StyleGenerator generator(random, kTiny);
  randomise(generator, source);
  Reference reference(generator);
  const std::vector<float> z = random_normals(source, 8), weights = random_normals(source, 64 * 64 * 3, 0.01f);
  const Tensor images = generator(Tensor::from_host(test_device(), {2, 4}, z), Mode::Evaluation);
  REQUIRE(images.shape() == Shape{2, 64, 64, 3});
  const std::vector<float> got = images.to_host();
  for (int64_t i = 0; i < 2; ++i) {
    const Doubles expected = reference.image({z.begin() + 4 * i, z.begin() + 4 * i + 4});
    double scale = 1;
    for (const double value : expected) scale = std::max(scale, std::abs(value));
    for (size_t k = 0; k < expected.size(); ++k)  // float arithmetic through ten normalisations
      REQUIRE(got[i * expected.size() + k] == Approx(expected[k]).margin(2e-4 * scale));
  }

  // The gradient in one value of every parameter.
  const Tensor by = Tensor::from_host(test_device(), {1, 64, 64, 3}, weights);
  const Tensor one = generator(Tensor::from_host(test_device(), {1, 4}, {z.data(), 4}), Mode::Evaluation);
  grad(sum(one * by), generator.parameters());
  const auto flat = generator.parameters().flat_gradient().to_host();
  const auto value = [&] { return dot(reference.image({z.begin(), z.begin() + 4}), weights); };
  std::map<std::string, std::pair<double, double>> gradients;
  double scale = 0;
  for (const auto& [name, tensor] : generator.parameters().named()) {
    const auto place = source() % static_cast<uint64_t>(tensor.size());
    double& at = reference.values[name][place];
    const double h = 1e-6, centre = at;
    at = centre + h;
    const double above = value();
    at = centre - h;
    const double difference = (above - value()) / (2 * h);
    at = centre;
    const auto offset = tensor.data() - generator.parameters().flat().data();
    gradients[name] = {flat[static_cast<size_t>(offset) + place], difference};
    scale = std::max(scale, std::abs(difference));
  }
  for (const auto& [name, pair] : gradients) {
    INFO(name << ": " << pair.first << ", by differences " << pair.second);
    CHECK(std::abs(pair.first - pair.second) <= 2e-4 * scale + 1e-3 * std::abs(pair.second));
  }
}

TEST_CASE("a style generator's sizes and names, and how it starts", "[style]") {
  Random random(test_device(), 3);
  const models::Style64 sizes{.width = 4, .most_channels = 32, .style = 24, .mapping_layers = 3};
  const StyleGenerator generator(random, sizes);
  const Parameters& parameters = generator.parameters();
  CHECK(parameters["mapping.0.weight"].shape() == Shape{24, 128});
  CHECK(parameters["mapping.2.weight"].shape() == Shape{24, 24});
  CHECK(parameters["4x4.constant"].shape() == Shape{1, 4, 4, 32});
  CHECK(parameters["16x16.0.weight"].shape() == Shape{32, 4, 4, 16});
  CHECK(parameters["64x64.1.weight"].shape() == Shape{4, 3, 3, 4});
  CHECK(parameters["64x64.0.shift.weight"].shape() == Shape{4, 24});
  CHECK_THROWS_AS(parameters["4x4.0.weight"], UsageError);
  CHECK(generator.statistics()["32x32.1.noise"].shape() == Shape{1, 32, 32, 1});
  CHECK(parameters["8x8.1.gain.bias"].to_host() == std::vector<float>(32, 1));
  for (const char* zero : {"mapping.1.bias", "8x8.1.shift.bias", "8x8.1.strength", "8x8.0.bias"})
    for (const float value : parameters[zero].to_host()) CHECK(value == 0);

  const models::Style64 bad[] = {{.latent = 0}, {.width = 0}, {.mapping_rate = 0}, {.mapping_layers = 0}};
  for (const models::Style64& wrong : bad) CHECK_THROWS_AS(StyleGenerator(random, wrong), UsageError);
  CHECK_THROWS_AS(models::style_critic(random, {.most_channels = 0}), UsageError);
  const StyleGenerator unmapped(random, {.latent = 3, .width = 1, .most_channels = 1, .style = 3, .mapping_layers = 0});
  CHECK(unmapped(random.normal({1, 3})).shape() == Shape{1, 64, 64, 3});
}

TEST_CASE("noise is fresh in training, once it has a strength, and fixed in evaluation", "[style]") {
  Random random(test_device(), 3);
  const StyleGenerator generator(random, kTiny);
  const Tensor z = random.normal({3, 4});
  const auto images = [&](Mode mode) { return generator(z, mode).to_host(); };
  CHECK(images(Mode::Training) == images(Mode::Training));  // as it starts, noise has no effect
  generator.parameters()["16x16.1.strength"].copy_from_host(std::vector<float>{1, -0.5f});
  CHECK(images(Mode::Training) != images(Mode::Training));
  const std::vector<float> all = images(Mode::Evaluation);
  CHECK(images(Mode::Evaluation) == all);
  // Nor does an image depend on the others of its batch.
  const std::vector<float> last = generator(z.viewed_rows(2, 3), Mode::Evaluation).to_host();
  for (size_t i = 0; i < last.size(); ++i) REQUIRE(last[i] == Approx(all[2 * last.size() + i]).margin(1e-5));
  // In training every image has noise of its own.
  const Tensor same = broadcast_to(z.viewed_rows(0, 1), z.shape());
  const std::vector<float> twins = generator(same).to_host();
  CHECK(!std::equal(twins.begin(), twins.begin() + 64 * 64 * 3, twins.begin() + 64 * 64 * 3));
}

TEST_CASE("a style critic is its layers with He's scales, and can be penalised", "[style]") {
  Random random(test_device(), 3);
  std::mt19937_64 source(test_seed());
  const models::Network critic = models::style_critic(random, kTiny);
  const auto layer = [](const auto& map) {
    return models::Layer{.map = map, .activation = Activation::LeakyRelu, .slope = 0.2f};
  };
  std::vector<models::Layer> layers = {layer(models::Convolution{1, 1, {1, 0}})};
  for (const int64_t channels : {1, 2, 2, 2}) {
    layers.push_back(layer(models::Convolution{channels, 3, {1, 1}}));
    layers.push_back(layer(models::Convolution{2, 4, {2, 1}}));
  }
  layers.push_back(layer(models::Convolution{2, 3, {1, 1}}));
  layers.push_back(layer(models::Dense{{2}}));
  layers.push_back({.map = models::Dense{{1}}});
  const models::Network plain(random, {64, 64, 3}, layers);

  std::vector<float> scales;
  for (const auto& [name, tensor] : critic.parameters().named()) {
    std::vector<float> values = random_normals(source, tensor.size());
    tensor.copy_from_host(values);
    const bool last = name.starts_with("11.");
    scales.push_back(name.ends_with(".bias") ? 1 : std::sqrt((last ? 1.0f : 2.0f) / float(tensor.shape().columns())));
    for (float& value : values) value *= scales.back();
    plain.parameters()[name].copy_from_host(values);
  }
  const Tensor x = random.uniform({2, 64, 64, 3});
  const Tensor got = critic(x), expected = plain(x);
  REQUIRE(got.shape() == Shape{2, 1});
  CHECK(got.to_host()[1] == Approx(expected.to_host()[1]).epsilon(1e-4));

  const Tensor penalty = losses::GradientPenalty{}(critic, x), of_plain = losses::GradientPenalty{}(plain, x);
  CHECK(penalty.item() == Approx(of_plain.item()).epsilon(1e-4));
  grad(penalty, critic.parameters());
  grad(of_plain, plain.parameters());
  const auto gradient = critic.parameters().flat_gradient().to_host();
  const auto plain_gradient = plain.parameters().flat_gradient().to_host();
  double largest = 0;
  for (const float value : plain_gradient) largest = std::max(largest, std::abs(double(value)));
  REQUIRE(largest > 1e-3);
  for (size_t p = 0; p < scales.size(); ++p) {
    const Tensor& tensor = critic.parameters().named()[p].tensor;
    const auto offset = static_cast<size_t>(tensor.data() - critic.parameters().flat().data());
    for (size_t k = offset; k < offset + static_cast<size_t>(tensor.size()); ++k)
      CHECK(gradient[k] == Approx(scales[p] * plain_gradient[k]).margin(1e-4 * largest));
  }
}

TEST_CASE("no primitive of a step of the style networks falls back to oneDNN's reference code", "[style]") {
  if (on_cuda()) return;  // which has no use for oneDNN
  Random random(test_device(), 9);
  const models::Network critic = models::style_critic(random);
  const StyleGenerator generator(random);
  const Tensor y = generator(random.normal({2, 128}));
  grad(losses::GradientPenalty{}(critic, y.detach()), critic.parameters());
  grad(sum(critic(y)), generator.parameters());
  CHECK(onednn::reference_primitives() == 0);
}

TEST_CASE("a game of the style networks replays what it recorded, and goes on from a checkpoint", "[style]") {
  // Three iterations of WGAN-GP in one sitting, or one and two.
  const TemporaryFolder folder;
  const std::string path = folder.path() / "checkpoint.safetensors";
  const auto play = [&](bool eager, int steps, bool resume) {
    Device& device = test_device();
    Random random(device, 3);
    Phases phases(device, random, eager);
    const StyleGenerator generator(random, kTiny);
    const models::Network critic = models::style_critic(random, kTiny);
    Adam critic_adam(critic.parameters(), {.rate = 1e-2f}), generator_adam(generator.parameters(), {.rate = 1e-2f});
    const auto visit = [&](Checkpoint& checkpoint) {
      checkpoint.visit("generator", generator.parameters());
      checkpoint.visit("statistics", generator.statistics());
      checkpoint.visit("critic", critic.parameters());
      critic_adam.visit(checkpoint, "critic_adam");
      generator_adam.visit(checkpoint, "generator_adam");
      uint64_t calls = phases.calls();
      checkpoint.visit("calls", calls);
      phases.set_calls(calls);
    };
    if (resume) {
      Checkpoint checkpoint(path);
      visit(checkpoint);
    }
    const Tensor x = Tensor::full(device, {2, 64, 64, 3}, 0.5f);
    for (int step = 0; step < steps; ++step) {
      phases.run("critic", [&] {
        const Tensor y = [&] {
          const TapeOff constant;
          return generator(random.normal({2, 4}));
        }();
        const Tensor penalty = losses::GradientPenalty{}(critic, interpolate(x, y, random));
        critic_adam.descend(grad(losses::wgan_critic_loss(critic, x, y) + penalty * 10, critic.parameters()));
      });
      phases.run("generator", [&] {
        const Tensor loss = losses::wgan_generator_loss(critic, generator(random.normal({2, 4})));
        generator_adam.descend(grad(loss, generator.parameters()));
      });
    }
    Checkpoint checkpoint;
    visit(checkpoint);
    checkpoint.commit(path);
    return generator(Tensor::full(device, {1, 4}, 1), Mode::Evaluation).to_host();
  };
  const std::vector<float> recorded = play(false, 3, false);
  CHECK(play(true, 3, false) == recorded);
  CHECK(play(false, 1, false) != recorded);
  CHECK(play(false, 2, true) == recorded);
}

}  // namespace wasserkern::testing
