#include "models/resnet.h"

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "engine/ops/convolution.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/matmul.h"
#include "engine/ops/view.h"
#include "kernels/error.h"

namespace wasserkern::models {
namespace {

constexpr int64_t kLastSide = 8;
constexpr int64_t kLastBlocks = 2;

constexpr Window kSame{.stride = 1, .padding = 1};
constexpr Window kHalving{.stride = 2, .padding = 1};   // of 4 x 4 pixels
constexpr Window kShortcut{.stride = 2, .padding = 0};  // of 2 x 2

int64_t halvings(const ResidualCritic::Sizes& sizes) { return std::countr_zero(static_cast<uint64_t>(sizes.side)) - 3; }

std::vector<ParameterShape> parameters_of(const ResidualCritic::Sizes& sizes) {
  const int64_t width = sizes.width;
  if (width < 1 || sizes.side < kLastSide || !std::has_single_bit(static_cast<uint64_t>(sizes.side)))
    throw UsageError("residual critic: images of " + std::to_string(sizes.side) + " pixels across and width " +
                     std::to_string(width) + "; the side is a power of two of at least 8, the width at least 1");
  std::vector<ParameterShape> shapes;
  const auto convolution = [&](const std::string& name, int64_t filter, int64_t inputs) {
    shapes.push_back({name + ".weight", {width, filter, filter, inputs}});
    shapes.push_back({name + ".bias", {width}});
  };
  convolution("first", 3, 3);
  const int64_t halved = halvings(sizes);
  for (int64_t i = 0; i < halved + kLastBlocks; ++i) {
    const std::string name = std::to_string(i);
    convolution(name + ".a", 3, width);
    convolution(name + ".b", i < halved ? 4 : 3, width);
    if (i < halved) convolution(name + ".shortcut", 2, width);
  }
  shapes.push_back({"last.weight", {1, kLastSide * kLastSide * width}});
  shapes.push_back({"last.bias", {1}});
  return shapes;
}

}  // namespace

ResidualCritic::ResidualCritic(Random& random, const Sizes& sizes)
    : sizes_(sizes), parameters_(random.device(), parameters_of(sizes)), statistics_(random.device(), {}) {
  float bound = 0;
  for (const auto& [name, tensor] : parameters_.named()) {
    if (name.ends_with(".weight")) bound = 1 / std::sqrt(static_cast<float>(tensor.shape().columns()));
    tensor.overwrite(affine(random.uniform(tensor.shape()), 2 * bound, -bound));
  }
}

Tensor ResidualCritic::operator()(const Tensor& x, Mode) const {
  auto parameter = parameters_.named().begin();
  const auto convolved = [&](const Tensor& images, const Window& window, Activation activation = Activation::None) {
    const Tensor weight = (parameter++)->tensor, bias = (parameter++)->tensor;
    return convolution(images, weight, bias, window, activation);
  };
  const int64_t count = x.shape().rows(), halved = halvings(sizes_);
  Tensor images = convolved(reshape(x, {count, sizes_.side, sizes_.side, 3}), kSame);
  for (int64_t i = 0; i < halved + kLastBlocks; ++i) {
    const Tensor inner = convolved(relu(images), kSame, Activation::Relu);
    const Tensor residual = convolved(inner, i < halved ? kHalving : kSame);
    images = residual + (i < halved ? convolved(images, kShortcut) : images);
  }
  const Tensor weight = (parameter++)->tensor, bias = (parameter++)->tensor;
  return linear(reshape(relu(images), {count, weight.shape().columns()}), weight, bias);
}

}  // namespace wasserkern::models
