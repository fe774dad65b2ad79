#include "engine/tensor.h"

#include "engine/host_copy.h"
#include "engine/node.h"
#include "engine/stream.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"

namespace wasserkern {

struct TensorState : Counted {
  Device* device;
  Ref<Storage> storage;
  int64_t offset;  // in elements
  Shape shape;
  int64_t capacity_rows;
  Ref<Node> node;

  TensorState(Device* on, Ref<Storage> from, int64_t at, const Shape& as, Ref<Node> made_by)
      : device(on),
        storage(std::move(from)),
        offset(at),
        shape(as),
        capacity_rows(as.rows()),
        node(std::move(made_by)) {}
};

void retain(TensorState* state) { state->add_reference(); }

void release(TensorState* state) noexcept {
  if (state->drop_reference()) delete state;
}

Tensor::Tensor(TensorState* state) : state_(state) {}

Tensor Tensor::empty(Device& device, const Shape& shape) {
  Ref<Storage> storage(new Storage(device.pool(), static_cast<size_t>(shape.size()) * sizeof(float)));
  return Tensor(new TensorState(&device, std::move(storage), 0, shape, {}));
}

Tensor Tensor::full(Device& device, const Shape& shape, float value) {
  Tensor tensor = empty(device, shape);
  submit(device, [value, out = tensor.vector()](auto& stream) { fill(stream, value, out); });
  return tensor;
}

Tensor Tensor::from_host(Device& device, const Shape& shape, std::span<const float> values) {
  Tensor tensor = empty(device, shape);
  tensor.copy_from_host(values);
  return tensor;
}

Device& Tensor::device() const {
  if (!state_) throw Error("an undefined tensor was used as a value");
  return *state_->device;
}

const Shape& Tensor::shape() const {
  if (!state_) throw Error("an undefined tensor was asked for its shape");
  return state_->shape;
}

float* Tensor::data() const {
  if (!state_) throw Error("an undefined tensor was used as a value");
  return static_cast<float*>(state_->storage->data()) + state_->offset;
}

std::vector<float> Tensor::to_host() const {
  std::vector<float> values(static_cast<size_t>(size()));
  copy_to_host(device(), data(), values.data(), values.size() * sizeof(float));
  return values;
}

float Tensor::item() const {
  if (size() != 1) throw ShapeError("item() of a tensor of shape " + shape().text() + "; it needs exactly one element");
  return to_host().front();
}

void Tensor::copy_from_host(std::span<const float> values) const {
  if (static_cast<int64_t>(values.size()) != size())
    throw ShapeError(std::to_string(values.size()) + " values for a tensor of shape " + shape().text());
  wasserkern::copy_from_host(device(), values.data(), data(), values.size_bytes());
  bump_version();
}

void Tensor::overwrite(const Tensor& values) const {
  submit(device(), [from = values.vector(), to = vector()](auto& stream) { copy(stream, from, to); });
  bump_version();
}

Tensor Tensor::viewed_as(const Shape& shape) const {
  if (shape.size() != size())
    throw ShapeError("a tensor of shape " + this->shape().text() + " viewed as " + shape.text());
  return Tensor(new TensorState(state_->device, state_->storage, state_->offset, shape, {}));
}

Tensor Tensor::viewed_rows(int64_t begin, int64_t end) const {
  if (shape().rank() == 0 || begin < 0 || end < begin || end > shape().rows())
    throw ShapeError("rows [" + std::to_string(begin) + ", " + std::to_string(end) + ") of a tensor of shape " +
                     shape().text());
  return Tensor(new TensorState(state_->device, state_->storage, state_->offset + begin * shape().columns(),
                                shape().with_rows(end - begin), {}));
}

Tensor Tensor::detach() const { return with_node({}); }

void Tensor::require_gradient() {
  device();
  if (!state_->node) state_->node = Node::leaf();
}

bool Tensor::on_tape() const { return state_ && state_->node; }

void Tensor::use_rows(int64_t rows) const {
  if (rows < 0 || rows > state_->capacity_rows)
    throw ShapeError(std::to_string(rows) + " rows in a slot of " + std::to_string(state_->capacity_rows));
  state_->shape = state_->shape.with_rows(rows);
}

void Tensor::bump_version() const { state_->storage->bump_version(); }
uint64_t Tensor::version() const { return state_->storage->version(); }

const Ref<Node>& Tensor::node() const {
  device();
  return state_->node;
}

Tensor Tensor::with_node(Ref<Node> node) const {
  device();
  return Tensor(new TensorState(state_->device, state_->storage, state_->offset, state_->shape, std::move(node)));
}

}  // namespace wasserkern
