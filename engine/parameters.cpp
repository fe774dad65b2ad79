#include "engine/parameters.h"

#include "engine/node.h"
#include "kernels/error.h"

namespace wasserkern {

struct Parameters::State {
  Tensor flat;
  Tensor flat_gradient;
  std::vector<Named> named;
  int64_t count = 0;
};

Parameters::Parameters(Device& device, const std::vector<ParameterShape>& shapes) : state_(std::make_shared<State>()) {
  constexpr int64_t kAlignment = 16;  // elements in 64 bytes
  std::vector<int64_t> offsets;
  int64_t size = 0;
  for (const ParameterShape& parameter : shapes) {
    offsets.push_back(size);
    size += (parameter.shape.size() + kAlignment - 1) / kAlignment * kAlignment;
    state_->count += parameter.shape.size();
  }
  state_->flat = Tensor::full(device, {size}, 0);
  state_->flat_gradient = Tensor::full(device, {size}, 0);
  for (size_t i = 0; i < shapes.size(); ++i) {
    for (const Named& other : state_->named)
      if (other.name == shapes[i].name) throw UsageError("two parameters are named " + other.name);
    const auto part = [&](const Tensor& flat) {
      return flat.viewed_rows(offsets[i], offsets[i] + shapes[i].shape.size()).viewed_as(shapes[i].shape);
    };
    state_->named.push_back({shapes[i].name, part(state_->flat).with_node(Node::leaf(part(state_->flat_gradient)))});
  }
}

const std::vector<Parameters::Named>& Parameters::named() const { return state_->named; }

const Tensor& Parameters::operator[](const std::string& name) const {
  for (const Named& named : state_->named)
    if (named.name == name) return named.tensor;
  throw UsageError("no parameter is named " + name);
}

const Tensor& Parameters::flat() const { return state_->flat; }
const Tensor& Parameters::flat_gradient() const { return state_->flat_gradient; }
int64_t Parameters::count() const { return state_->count; }

}  // namespace wasserkern
