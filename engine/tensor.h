#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/device.h"
#include "engine/intrusive.h"
#include "engine/shape.h"
#include "kernels/export.h"
#include "kernels/view.h"

namespace wasserkern {

class Node;
struct TensorState;
WASSERKERN_API void retain(Node* node);
WASSERKERN_API void release(Node* node) noexcept;
WASSERKERN_API void retain(TensorState* state);
WASSERKERN_API void release(TensorState* state) noexcept;

/// Contiguous float32 values on a device, with their place on the tape. Copies share values and place. An undefined
/// Tensor stands for an exact zero: gradients that vanish identically are undefined, and no kernel runs on them. Law 4.
class WASSERKERN_API Tensor {
 public:
  Tensor() = default;
  static Tensor empty(Device& device, const Shape& shape);
  static Tensor full(Device& device, const Shape& shape, float value);
  static Tensor from_host(Device& device, const Shape& shape, std::span<const float> values);

  bool defined() const { return static_cast<bool>(state_); }
  Device& device() const;
  const Shape& shape() const;
  int64_t size() const { return shape().size(); }

  /// In the device's memory.
  float* data() const;
  Vector<float> vector() const { return {data(), size()}; }
  /// As [rows, columns] of its shape.
  Matrix<float> matrix() const { return {data(), shape().rows(), shape().columns(), shape().columns()}; }

  /// Waits for the device; throw inside a phase.
  std::vector<float> to_host() const;
  /// The only value of a tensor of size 1.
  float item() const;
  /// Overwrites the values; throws ShapeError, or inside a phase.
  void copy_from_host(std::span<const float> values) const;
  /// Overwrites the values with those of a tensor of the same size, in the device's order.
  void overwrite(const Tensor& values) const;

  /// The same values under another shape, or the rows [begin, end); outside the tape (engine/ops/view.h is on it).
  Tensor viewed_as(const Shape& shape) const;
  Tensor viewed_rows(int64_t begin, int64_t end) const;
  /// The same values without their place on the tape.
  Tensor detach() const;

  /// Makes this a tensor that gradients can be asked for.
  void require_gradient();
  bool on_tape() const;

  /// For a batch slot: how many of its rows are in use; at most those it was made with.
  void use_rows(int64_t rows) const;

  /// Says that the values were overwritten in place: a backward that saved them will throw.
  void bump_version() const;
  uint64_t version() const;

  /// For the tape.
  const Ref<Node>& node() const;
  Tensor with_node(Ref<Node> node) const;

 private:
  explicit Tensor(TensorState* state);
  Ref<TensorState> state_;
};

}  // namespace wasserkern
