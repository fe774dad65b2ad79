#include "models/network.h"

#include <cmath>
#include <utility>

#include "engine/ops/batch_norm.h"
#include "engine/ops/convolution.h"
#include "engine/ops/dropout.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/group_sort.h"
#include "engine/ops/layer_norm.h"
#include "engine/ops/matmul.h"
#include "engine/ops/view.h"
#include "kernels/error.h"
#include "models/equalised.h"

namespace wasserkern::models {
namespace {

constexpr float kDcganDeviation = 0.02f;

/// What follows the map of a layer, fused with it where no normalisation lies between.
struct Tail {
  Tensor bias;
  Activation activation = Activation::None;
  float slope = 0;
};

Shape outputs_of(const Dense& map, const Shape&) { return map.outputs; }

Shape outputs_of(const BjorckDense& map, const Shape&) { return map.outputs; }

Shape outputs_of(const Convolution& map, const Shape& image) {
  return {map.window.output_extent(image[0], map.filter), map.window.output_extent(image[1], map.filter), map.channels};
}

Shape outputs_of(const TransposedConvolution& map, const Shape& image) {
  return {map.window.input_extent(image[0], map.filter), map.window.input_extent(image[1], map.filter), map.channels};
}

Shape weight_of(const Dense& map, const Shape& inputs) { return {map.outputs.size(), inputs.size()}; }

Shape weight_of(const BjorckDense& map, const Shape& inputs) { return {map.outputs.size(), inputs.size()}; }

Shape weight_of(const Convolution& map, const Shape& image) { return {map.channels, map.filter, map.filter, image[2]}; }

Shape weight_of(const TransposedConvolution& map, const Shape& image) {
  return {image[2], map.filter, map.filter, map.channels};
}

/// The terms of the sum that makes an output.
template <class Map>
int64_t inputs_of(const Map&, const Shape& weight) {
  return weight.columns();
}

int64_t inputs_of(const TransposedConvolution& map, const Shape& weight) { return inputs_of(map, weight.rows()); }

Tensor apply(const Dense&, const Tensor& x, const Tensor& weight, const Tail& tail) {
  return linear(x, weight, tail.bias, tail.activation, tail.slope);
}

Tensor apply(const BjorckDense& map, const Tensor& x, const Tensor& weight, const Tail& tail) {
  const Tensor orthonormal = orthonormalised(weight, map.rule);
  return apply(Dense{}, x, map.lipschitz == 1 ? orthonormal : map.lipschitz * orthonormal, tail);
}

Tensor apply(const Convolution& map, const Tensor& x, const Tensor& weight, const Tail& tail) {
  return convolution(x, weight, tail.bias, map.window, tail.activation, tail.slope);
}

Tensor apply(const TransposedConvolution& map, const Tensor& x, const Tensor& weight, const Tail& tail) {
  const auto extent = [&](int axis) { return map.window.input_extent(x.shape()[axis], map.filter); };
  return transposed_convolution(x, weight, tail.bias, map.window, extent(1), extent(2), tail.activation, tail.slope);
}

/// The layer's normalisation, fused with its activation as far as normalisations know it. `running` is a batch
/// normalisation's.
Tensor normalised(const Layer& layer, Mode mode, const Tensor& x, const Tensor& gain, const Tensor& shift,
                  const RunningStatistics& running) {
  const bool fuses = layer.activation != Activation::Tanh;
  const Activation fused = fuses ? layer.activation : Activation::None;
  const auto map = [&] {
    if (layer.normalisation == Normalisation::Layer)
      return layer_norm(x, gain, shift, {.activation = fused, .slope = layer.slope});
    const BatchNorm rule{.activation = fused, .slope = layer.slope};
    return mode == Mode::Training ? batch_norm(x, gain, shift, running, rule)
                                  : batch_norm_inference(x, gain, shift, running, rule);
  };
  return fuses ? map() : tanh(map());
}

bool is_dense(const Layer& layer) {
  return std::holds_alternative<Dense>(layer.map) || std::holds_alternative<BjorckDense>(layer.map);
}

/// The shapes that a chain passes through, beginning with its input. Throws UsageError.
std::vector<Shape> shapes_through(const Shape& input, const std::vector<Layer>& layers) {
  std::vector<Shape> shapes{input};
  for (size_t i = 0; i < layers.size(); ++i) {
    const Shape& before = shapes.back();
    const bool fits = before.size() > 0 && (is_dense(layers[i]) || before.rank() == 3);
    const Shape after =
        fits ? std::visit([&](const auto& map) { return outputs_of(map, before); }, layers[i].map) : Shape{0};
    if (after.size() < 1 || after.rank() < 1)
      throw UsageError("layer " + std::to_string(i) + " of a network makes nothing of " + before.text() +
                       "; dense layers need features, convolutions images [height, width, channels] that their window "
                       "fits");
    const int64_t group = layers[i].sorted_groups;
    if (group < 0 || (group > 0 && after.size() % group != 0))
      throw UsageError("layer " + std::to_string(i) + " of a network sorts groups of " + std::to_string(group) +
                       " features, which do not divide " + after.text());
    shapes.push_back(after);
  }
  return shapes;
}

int64_t channels_of(const Layer& layer, const Shape& outputs) { return is_dense(layer) ? outputs.size() : outputs[2]; }

std::vector<ParameterShape> parameters_of(const std::vector<Shape>& shapes, const std::vector<Layer>& layers) {
  std::vector<ParameterShape> parameters;
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string name = std::to_string(i);
    const Shape per_channel{channels_of(layers[i], shapes[i + 1])};
    parameters.push_back(
        {name + ".weight", std::visit([&](const auto& map) { return weight_of(map, shapes[i]); }, layers[i].map)});
    if (layers[i].normalisation != Normalisation::None) {
      parameters.push_back({name + ".gain", per_channel});
      parameters.push_back({name + ".shift", per_channel});
    } else if (layers[i].bias) {
      parameters.push_back({name + ".bias", per_channel});
    }
  }
  return parameters;
}

std::vector<ParameterShape> statistics_of(const std::vector<Shape>& shapes, const std::vector<Layer>& layers) {
  std::vector<ParameterShape> statistics;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].normalisation != Normalisation::Batch) continue;
    for (const char* part : {".mean", ".variance"})
      statistics.push_back({std::to_string(i) + part, {channels_of(layers[i], shapes[i + 1])}});
  }
  return statistics;
}

/// The orthonormal factor of normal numbers, which is as likely to be any matrix as any other.
Tensor random_orthonormal(Random& random, const Shape& shape) {
  constexpr Bjorck kToTheEnd{.iterations = 60};
  return orthonormalised(random.normal({shape.rows(), shape.columns()}), kToTheEnd);
}

/// Parameters and their gaps are 0 before.
void initialise(Random& random, Initialisation by, const Parameters& parameters) {
  const auto uniform = [&](const Tensor& tensor, float bound) {
    return affine(random.uniform(tensor.shape()), 2 * bound, -bound);
  };
  const auto weight = [&](const Tensor& tensor, float bound) {
    switch (by) {
      case Initialisation::Dcgan: return random.normal(tensor.shape()) * kDcganDeviation;
      case Initialisation::Orthogonal: return random_orthonormal(random, tensor.shape());
      case Initialisation::Equalised: return random.normal(tensor.shape());
      default: return uniform(tensor, bound);
    }
  };
  float bound = 0;  // of the layer at hand, whose weight comes first
  for (const auto& [name, tensor] : parameters.named()) {
    if (name.ends_with(".weight")) {
      bound = 1 / std::sqrt(static_cast<float>(tensor.shape().columns()));
      tensor.overwrite(weight(tensor, bound));
    } else if (name.ends_with(".gain")) {
      tensor.overwrite(by == Initialisation::Dcgan ? affine(random.normal(tensor.shape()), kDcganDeviation, 1)
                                                   : Tensor::full(random.device(), tensor.shape(), 1));
    } else if (name.ends_with(".bias") && (by == Initialisation::Uniform || by == Initialisation::Orthogonal)) {
      tensor.overwrite(uniform(tensor, bound));
    }
  }
}

}  // namespace

Network::Network(Random& random, const Shape& input, std::vector<Layer> layers, Initialisation initialisation)
    : random_(&random),
      shapes_(shapes_through(input, layers)),
      layers_(std::move(layers)),
      is_equalised_(initialisation == Initialisation::Equalised),
      parameters_(random.device(), parameters_of(shapes_, layers_)),
      statistics_(random.device(), statistics_of(shapes_, layers_)) {
  initialise(random, initialisation, parameters_);
  for (const auto& [name, tensor] : statistics_.named())
    if (name.ends_with(".variance")) tensor.overwrite(Tensor::full(random.device(), tensor.shape(), 1));
}

Tensor Network::operator()(const Tensor& x, Mode mode) const {
  const int64_t count = x.shape().rows();
  Tensor features = reshape(x, shapes_.front().batch_of(count));
  auto parameter = parameters_.named().begin();
  auto statistic = statistics_.named().begin();
  const auto next = [](auto& named) { return (named++)->tensor; };
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const bool normalises = layer.normalisation != Normalisation::None;
    Tensor weight = next(parameter);
    if (is_equalised_)
      weight = equalised(weight, std::visit([&](const auto& map) { return inputs_of(map, weight.shape()); }, layer.map),
                         layer.activation);
    Tail tail;
    if (!normalises) tail = {layer.bias ? next(parameter) : Tensor(), layer.activation, layer.slope};
    features = std::visit([&](const auto& map) { return apply(map, features, weight, tail); }, layer.map);
    if (normalises) {
      const Tensor gain = next(parameter), shift = next(parameter);
      RunningStatistics running;
      if (layer.normalisation == Normalisation::Batch) running = {next(statistic).detach(), next(statistic).detach()};
      features = normalised(layer, mode, features, gain, shift, running);
    }
    if (layer.sorted_groups > 0) features = group_sort(features, layer.sorted_groups);
    features = reshape(features, shapes_[i + 1].batch_of(count));
    if (mode == Mode::Training) features = dropout(features, layer.dropout, *random_);
  }
  return features;
}

}  // namespace wasserkern::models
