#pragma once

#include <string>
#include <vector>

#include "engine/parameters.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/export.h"
#include "kernels/matmul.h"

namespace wasserkern::models {

/// One fully connected layer: dropout(activation(x W^T + b)).
struct DenseLayer {
  int64_t features;
  Activation activation = Activation::None;
  float slope = 0;    // of LeakyRelu below zero
  float dropout = 0;  // probability of dropping an output
};

/// A chain of fully connected layers. Weights and biases start as U(-1/sqrt(in), 1/sqrt(in)), PyTorch's default.
/// Parameters are "0.weight" [out, in], "0.bias" [out], "1.weight", ...
class WASSERKERN_API Mlp {
 public:
  /// Dropout draws from `random`, which must outlive the network. Throws UsageError for a layer without features.
  Mlp(Random& random, int64_t inputs, std::vector<DenseLayer> layers);

  /// x [n, inputs], or any shape with as many columns; result [n, features of the last layer].
  Tensor operator()(const Tensor& x) const;

  const Parameters& parameters() const { return parameters_; }

 private:
  Random* random_;
  std::vector<DenseLayer> layers_;
  Parameters parameters_;
};

}  // namespace wasserkern::models
