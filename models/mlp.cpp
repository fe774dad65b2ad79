#include "models/mlp.h"

#include <cmath>
#include <utility>

#include "engine/ops/dropout.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "kernels/error.h"

namespace wasserkern::models {
namespace {

std::vector<ParameterShape> shapes_of(int64_t inputs, const std::vector<DenseLayer>& layers) {
  std::vector<ParameterShape> shapes;
  for (size_t i = 0; i < layers.size(); ++i) {
    const int64_t outputs = layers[i].features;
    if (inputs < 1 || outputs < 1)
      throw UsageError("layer " + std::to_string(i) + " of a network maps " + std::to_string(inputs) + " features to " +
                       std::to_string(outputs) + "; both must be at least 1");
    shapes.push_back({std::to_string(i) + ".weight", {outputs, inputs}});
    shapes.push_back({std::to_string(i) + ".bias", {outputs}});
    inputs = outputs;
  }
  return shapes;
}

}  // namespace

Mlp::Mlp(Random& random, int64_t inputs, std::vector<DenseLayer> layers)
    : random_(&random), layers_(std::move(layers)), parameters_(random.device(), shapes_of(inputs, layers_)) {
  for (const DenseLayer& layer : layers_) {
    const auto index = std::to_string(&layer - layers_.data());
    const float bound = 1 / std::sqrt(static_cast<float>(inputs));
    for (const char* part : {".weight", ".bias"}) {
      const Tensor& parameter = parameters_[index + part];
      parameter.overwrite(affine(random.uniform(parameter.shape()), 2 * bound, -bound));
    }
    inputs = layer.features;
  }
}

Tensor Mlp::operator()(const Tensor& x) const {
  Tensor features = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const DenseLayer& layer = layers_[i];
    features = linear(features, parameters_.named()[2 * i].tensor, parameters_.named()[2 * i + 1].tensor,
                      layer.activation, layer.slope);
    features = dropout(features, layer.dropout, *random_);
  }
  return features;
}

}  // namespace wasserkern::models
