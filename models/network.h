#pragma once

#include <string>
#include <variant>
#include <vector>

#include "engine/parameters.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/convolution.h"
#include "kernels/export.h"
#include "models/bjorck.h"
#include "models/model.h"

namespace wasserkern::models {

/// All features of an example to all of `outputs`: {1024} features, or {4, 4, 512} for an image.
struct Dense {
  Shape outputs;
};

/// The same by the weight orthonormalised, at every use, and times `lipschitz`: a map that is so Lipschitz in l2.
struct BjorckDense {
  Shape outputs;
  Bjorck rule = {};
  float lipschitz = 1;
};

/// Images to images with `channels` channels, by square filters.
struct Convolution {
  int64_t channels;
  int64_t filter;
  Window window;
};

/// The transpose of a convolution, which enlarges images: h to (h - 1) stride - 2 padding + filter.
struct TransposedConvolution {
  int64_t channels;
  int64_t filter;
  Window window;
};

enum class Normalisation { None, Batch, Layer };

/// dropout(sorted(activation(normalisation(map(x) + bias)))).
struct Layer {
  std::variant<Dense, BjorckDense, Convolution, TransposedConvolution> map;
  Activation activation = Activation::None;
  float slope = 0;            // of LeakyRelu below zero
  int64_t sorted_groups = 0;  // of so many features, GroupSort of Anil et al. 2019; 0: none
  Normalisation normalisation = Normalisation::None;
  bool bias = true;   // a normalisation's shift takes its place
  float dropout = 0;  // probability of dropping an output
};

/// What weights start as: PyTorch's default, weights and biases U(-1/sqrt(n), 1/sqrt(n)) with n the size of a filter or
/// the inputs of a dense layer; DCGAN's, weights N(0, 0.02^2), gains N(1, 0.02^2), biases and shifts 0; PyTorch's, but
/// for weights with orthonormal rows or columns, whichever are fewer, that favour no direction; or N(0, 1) for an
/// equalised learning rate, every use of a weight scaling it (models/equalised.h), and biases 0. Otherwise gains are 1
/// and shifts 0.
enum class Initialisation { Uniform, Dcgan, Orthogonal, Equalised };

/// A chain of layers. Layer i has the parameters "i.weight" ([outputs, inputs], or [outputs, height, width, inputs] of
/// a convolution), "i.bias", and for its normalisation "i.gain" and "i.shift". These have a value for each channel;
/// each feature of a dense layer is one.
class WASSERKERN_API Network {
 public:
  /// For examples of the shape `input`, [features] or [height, width, channels]. Dropout draws from `random`, which
  /// must outlive the network. Throws UsageError for a layer that does not fit its input.
  Network(Random& random, const Shape& input, std::vector<Layer> layers,
          Initialisation initialisation = Initialisation::Uniform);

  /// x [n, ...] with as many values per example as `input`; result [n, ...] of the last layer's shape.
  Tensor operator()(const Tensor& x, Mode mode = Mode::Training) const;

  const Parameters& parameters() const { return parameters_; }
  /// The running "i.mean" and "i.variance" of batch normalisations, which are not trained; empty without any.
  const Parameters& statistics() const { return statistics_; }

 private:
  Random* random_;
  std::vector<Shape> shapes_;  // of an example: the input, and what each layer makes of it
  std::vector<Layer> layers_;
  bool is_equalised_;
  Parameters parameters_;
  Parameters statistics_;
};

}  // namespace wasserkern::models
