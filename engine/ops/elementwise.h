#pragma once

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

// Element by element. One operand of a binary op may be broadcast to the other's shape: a scalar (size 1), a row or one
// value per channel ([columns] or [1, ...]), a column ([rows, 1, ...]); anything else is a ShapeError.

WASSERKERN_API Tensor add(const Tensor& x, const Tensor& y);
WASSERKERN_API Tensor subtract(const Tensor& x, const Tensor& y);
WASSERKERN_API Tensor multiply(const Tensor& x, const Tensor& y);
WASSERKERN_API Tensor divide(const Tensor& x, const Tensor& y);

/// a x + b.
WASSERKERN_API Tensor affine(const Tensor& x, float a, float b);
/// |x|, with derivative 0 at 0.
WASSERKERN_API Tensor absolute(const Tensor& x);
WASSERKERN_API Tensor square(const Tensor& x);
WASSERKERN_API Tensor square_root(const Tensor& x);
WASSERKERN_API Tensor reciprocal(const Tensor& x);
WASSERKERN_API Tensor exponential(const Tensor& x);
WASSERKERN_API Tensor logarithm(const Tensor& x);
WASSERKERN_API Tensor tanh(const Tensor& x);
/// ln(1 + e^x), without overflow; its derivative is the sigmoid 1 / (1 + e^-x).
WASSERKERN_API Tensor softplus(const Tensor& x);
WASSERKERN_API Tensor sigmoid(const Tensor& x);
/// x > 0 ? x : slope x, with derivative `slope` at 0; slope >= 0.
WASSERKERN_API Tensor leaky_relu(const Tensor& x, float slope);
inline Tensor relu(const Tensor& x) { return leaky_relu(x, 0); }
/// min(max(x, low), high), with derivative 0 outside the open interval.
WASSERKERN_API Tensor clamp(const Tensor& x, float low, float high);

/// gradient (y > 0 ? 1 : slope) and gradient (1 - y^2): the derivatives of leaky_relu and tanh with output y, of the
/// gradient's shape.
WASSERKERN_API Tensor leaky_relu_gradient(const Tensor& gradient, const Tensor& y, float slope);
WASSERKERN_API Tensor tanh_gradient(const Tensor& gradient, const Tensor& y);

inline Tensor operator+(const Tensor& x, const Tensor& y) { return add(x, y); }
inline Tensor operator-(const Tensor& x, const Tensor& y) { return subtract(x, y); }
inline Tensor operator*(const Tensor& x, const Tensor& y) { return multiply(x, y); }
inline Tensor operator/(const Tensor& x, const Tensor& y) { return divide(x, y); }
inline Tensor operator-(const Tensor& x) { return affine(x, -1, 0); }
inline Tensor operator*(const Tensor& x, float a) { return affine(x, a, 0); }
inline Tensor operator*(float a, const Tensor& x) { return affine(x, a, 0); }
inline Tensor operator/(const Tensor& x, float a) { return affine(x, 1 / a, 0); }
inline Tensor operator+(const Tensor& x, float b) { return affine(x, 1, b); }
inline Tensor operator-(const Tensor& x, float b) { return affine(x, 1, -b); }

}  // namespace wasserkern
