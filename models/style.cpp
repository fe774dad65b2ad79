#include "models/style.h"

#include <algorithm>
#include <vector>

#include "engine/ops/convolution.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/instance_norm.h"
#include "engine/ops/matmul.h"
#include "engine/ops/reduce.h"
#include "engine/ops/view.h"
#include "kernels/error.h"
#include "models/equalised.h"

namespace wasserkern::models {
namespace {

constexpr int64_t kSide = 64, kFirstSide = 4;
constexpr float kSlope = 0.2f;
constexpr Activation kLeaky = Activation::LeakyRelu;
constexpr Window kSame{.stride = 1, .padding = 1};     // of a 3 x 3 convolution
constexpr Window kHalving{.stride = 2, .padding = 1};  // of a 4 x 4 one
constexpr Window kPointwise{.stride = 1, .padding = 0};

void check_sizes(const Style64& sizes) {
  if (std::min({sizes.latent, sizes.width, sizes.most_channels, sizes.style}) < 1 || sizes.mapping_layers < 0 ||
      !(sizes.mapping_rate > 0))
    throw UsageError("style: " + std::to_string(sizes.latent) + " latent values, width " + std::to_string(sizes.width) +
                     " up to " + std::to_string(sizes.most_channels) + ", " + std::to_string(sizes.mapping_layers) +
                     " mapping layers to " + std::to_string(sizes.style) + " values with a rate of " +
                     std::to_string(sizes.mapping_rate) + "; sizes and rate must be positive");
  if (sizes.mapping_layers == 0 && sizes.style != sizes.latent)
    throw UsageError("style: without mapping layers z is the style; it has " + std::to_string(sizes.latent) +
                     " values, not " + std::to_string(sizes.style));
}

int64_t channels_at(const Style64& sizes, int64_t side) {
  return std::min(sizes.most_channels, sizes.width * (kSide / side));
}

std::string name_of(int64_t side) { return std::to_string(side) + "x" + std::to_string(side); }

std::vector<ParameterShape> parameters_of(const Style64& sizes) {
  check_sizes(sizes);
  std::vector<ParameterShape> all;
  const auto dense = [&](const std::string& name, int64_t inputs, int64_t outputs) {
    all.push_back({name + ".weight", {outputs, inputs}});
    all.push_back({name + ".bias", {outputs}});
  };
  for (int64_t i = 0; i < sizes.mapping_layers; ++i)
    dense("mapping." + std::to_string(i), i == 0 ? sizes.latent : sizes.style, sizes.style);
  for (int64_t side = kFirstSide; side <= kSide; side *= 2) {
    const int64_t channels = channels_at(sizes, side), before = channels_at(sizes, side / 2);
    for (const char* place : {".0", ".1"}) {
      const std::string name = name_of(side) + place;
      if (place[1] == '1')
        all.push_back({name + ".weight", {channels, 3, 3, channels}});
      else if (side == kFirstSide)
        all.push_back({name_of(side) + ".constant", {1, side, side, channels}});
      else
        all.push_back({name + ".weight", {before, 4, 4, channels}});
      all.push_back({name + ".bias", {channels}});
      all.push_back({name + ".strength", {channels}});
      dense(name + ".gain", sizes.style, channels);
      dense(name + ".shift", sizes.style, channels);
    }
  }
  all.push_back({"pixels.weight", {3, 1, 1, channels_at(sizes, kSide)}});
  all.push_back({"pixels.bias", {3}});
  return all;
}

std::vector<ParameterShape> noise_of() {
  std::vector<ParameterShape> all;
  for (int64_t side = kFirstSide; side <= kSide; side *= 2)
    for (const char* place : {".0", ".1"}) all.push_back({name_of(side) + place + ".noise", {1, side, side, 1}});
  return all;
}

}  // namespace

StyleGenerator::StyleGenerator(Random& random, const Style64& sizes)
    : random_(&random),
      sizes_(sizes),
      parameters_(random.device(), parameters_of(sizes)),
      statistics_(random.device(), noise_of()) {
  for (const auto& [name, tensor] : parameters_.named())
    if (name.ends_with(".weight") || name.ends_with(".constant"))
      tensor.overwrite(random.normal(tensor.shape()) * (name.starts_with("mapping.") ? 1 / sizes.mapping_rate : 1));
    else if (name.ends_with(".gain.bias"))
      tensor.overwrite(Tensor::full(random.device(), tensor.shape(), 1));
  for (const auto& [name, tensor] : statistics_.named()) tensor.overwrite(random.normal(tensor.shape()));
}

Tensor StyleGenerator::mapped(const Tensor& z) const {
  const Tensor square_mean = sum_over_columns(square(z)) / static_cast<float>(sizes_.latent);
  Tensor w = z / square_root(square_mean + 1e-8f);
  for (int64_t i = 0; i < sizes_.mapping_layers; ++i) {
    const std::string name = "mapping." + std::to_string(i);
    const Tensor& weight = parameters_[name + ".weight"];
    w = linear(w, equalised(weight, weight.shape().columns(), kLeaky, sizes_.mapping_rate),
               parameters_[name + ".bias"] * sizes_.mapping_rate, kLeaky, kSlope);
  }
  return w;
}

Tensor StyleGenerator::styled(const Tensor& x, const std::string& name, const Tensor& w, Mode mode) const {
  const Shape& of = x.shape();
  const auto part = [&](const char* which) {
    const Tensor& weight = parameters_[name + which + ".weight"];
    return linear(w, equalised(weight, sizes_.style, Activation::None), parameters_[name + which + ".bias"]);
  };
  const Tensor noise =
      mode == Mode::Training ? random_->normal({of[0], of[1], of[2], 1}) : statistics_[name + ".noise"].detach();
  return instance_norm(
      x, part(".gain"), part(".shift"),
      {.bias = parameters_[name + ".bias"], .noise = noise, .strength = parameters_[name + ".strength"]},
      {.activation = kLeaky, .slope = kSlope});
}

Tensor StyleGenerator::operator()(const Tensor& z, Mode mode) const {
  const Tensor w = mapped(reshape(z, {z.shape().rows(), sizes_.latent}));
  const Tensor& constant = parameters_[name_of(kFirstSide) + ".constant"];
  Tensor x = broadcast_to(constant, constant.shape().with_rows(z.shape().rows()));
  for (int64_t side = kFirstSide; side <= kSide; side *= 2) {
    const std::string name = name_of(side);
    if (side > kFirstSide) {
      const Tensor& weight = parameters_[name + ".0.weight"];
      const int64_t inputs = inputs_of(TransposedConvolution{0, 4, kHalving}, weight.shape().rows());
      x = transposed_convolution(x, equalised(weight, inputs, kLeaky), {}, kHalving, side, side);
    }
    x = styled(x, name + ".0", w, mode);
    const Tensor& weight = parameters_[name + ".1.weight"];
    x = convolution(x, equalised(weight, weight.shape().columns(), kLeaky), {}, kSame);
    x = styled(x, name + ".1", w, mode);
  }
  const Tensor& weight = parameters_["pixels.weight"];
  return convolution(x, equalised(weight, weight.shape().columns(), Activation::None), parameters_["pixels.bias"],
                     kPointwise);
}

Network style_critic(Random& random, const Style64& sizes) {
  check_sizes(sizes);
  std::vector<Layer> layers;
  const auto add = [&](const auto& map) { layers.push_back({.map = map, .activation = kLeaky, .slope = kSlope}); };
  add(Convolution{channels_at(sizes, kSide), 1, kPointwise});
  for (int64_t side = kSide; side > kFirstSide; side /= 2) {
    add(Convolution{channels_at(sizes, side), 3, kSame});
    add(Convolution{channels_at(sizes, side / 2), 4, kHalving});
  }
  const int64_t last = channels_at(sizes, kFirstSide);
  add(Convolution{last, 3, kSame});
  add(Dense{{last}});
  layers.push_back({.map = Dense{{1}}});
  return Network(random, {kSide, kSide, 3}, layers, Initialisation::Equalised);
}

}  // namespace wasserkern::models
