#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

struct ParameterShape {
  std::string name;
  Shape shape;
};

/// A network's parameters in one flat buffer and their gradients in another: optimizer, clipping, average and
/// checkpoint are one call each. Each tensor starts on a 64-byte boundary; the gaps are zero. Copies share.
class WASSERKERN_API Parameters {
 public:
  struct Named {
    std::string name;
    Tensor tensor;
  };

  /// All zero. Throws UsageError when a name appears twice.
  Parameters(Device& device, const std::vector<ParameterShape>& shapes);

  const std::vector<Named>& named() const;
  /// Throws UsageError for an unknown name.
  const Tensor& operator[](const std::string& name) const;
  const Tensor& flat() const;
  const Tensor& flat_gradient() const;
  /// Number of trainable values, gaps not counted.
  int64_t count() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace wasserkern
