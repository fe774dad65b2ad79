#pragma once

#include <string>

#include "kernels/convolution.h"

/// Everything that knows cuDNN is cudnn.cpp.
namespace wasserkern::cudnn {

/// cuDNN on a stream: its handle and, for every geometry that it has met, descriptors and the algorithms that may serve
/// it. A CudaStream has one from its first convolution on.
class Plans;

/// The passes of kernels/convolution.h before their epilogue, for shapes that fit and a count of at least 1. The
/// algorithm is the first deterministic one of cuDNN's heuristic list that does not refuse: a function of the geometry
/// and of what the stream's description says. A geometry's first call makes its plan, which a stream that records
/// cannot (DeviceError); later ones allocate nothing. ShapeError for what cuDNN cannot count, DeviceError for what no
/// deterministic algorithm takes.
void convolution(CudaStream& stream, const Window& window, ImageView<const float> x, FilterView<const float> w,
                 ImageView<float> y);
void transposed_convolution(CudaStream& stream, const Window& window, ImageView<const float> y,
                            FilterView<const float> w, ImageView<float> x);
void filter_gradient(CudaStream& stream, const Window& window, ImageView<const float> x, ImageView<const float> y,
                     FilterView<float> w);

std::string version();

}  // namespace wasserkern::cudnn
