#pragma once

#include "engine/random.h"
#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

/// Row by row a point on the segment from y to x: a_i x_i + (1 - a_i) y_i with a_i uniform in (0, 1), the next draw of
/// `random`. x and y [n, ...] of one shape, else ShapeError. Off the tape: where a gradient penalty looks is data.
WASSERKERN_API Tensor interpolate(const Tensor& x, const Tensor& y, Random& random);

}  // namespace wasserkern
