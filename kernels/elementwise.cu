#include "kernels/elementwise.h"

#include "kernels/check.h"
#include "kernels/cuda/map.cuh"

namespace wasserkern {
namespace {

// The kind is the same for all threads, so one kernel with a switch runs as fast as memory allows.

/// Only e^-|x| is taken, which cannot overflow.
__device__ __forceinline__ float sigmoid(float x) {
  const float e = expf(-fabsf(x));
  return (x > 0 ? 1 : e) / (1 + e);
}

struct Unary {
  UnaryFunction function;

  __device__ __forceinline__ float operator()(float x) const {
    using Kind = UnaryFunction::Kind;
    const float a = function.a, b = function.b;
    switch (function.kind) {
      case Kind::Affine: return a * x + b;
      case Kind::Absolute: return fabsf(x);
      case Kind::Sign: return x > 0 ? 1.0f : x < 0 ? -1.0f : x * 0;  // NaN stays NaN
      case Kind::Square: return x * x;
      case Kind::SquareRoot: return sqrtf(x);
      case Kind::Reciprocal: return 1 / x;
      case Kind::Exponential: return expf(x);
      case Kind::Logarithm: return logf(x);
      case Kind::Tanh: return tanhf(x);
      case Kind::Softplus: return fmaxf(x, 0) + log1pf(expf(-fabsf(x)));
      case Kind::Sigmoid: return sigmoid(x);
      case Kind::LeakyRelu: return x > 0 ? x : a * x;
      case Kind::Clamp: return x < a ? a : x > b ? b : x;
      case Kind::Inside: return a < x && x < b ? 1.0f : 0.0f;
    }
    return x;
  }
};

struct Binary {
  BinaryFunction function;

  __device__ __forceinline__ float operator()(float x, float y) const {
    using Kind = BinaryFunction::Kind;
    switch (function.kind) {
      case Kind::Add: return x + y;
      case Kind::Subtract: return x - y;
      case Kind::Multiply: return x * y;
      case Kind::Divide: return x / y;
      case Kind::LeakyReluGradient: return y > 0 ? x : function.a * x;
      case Kind::TanhGradient: return x * (1 - y * y);
    }
    return x;
  }
};

struct Constant {
  float value;
  __device__ __forceinline__ float operator()() const { return value; }
};

struct Identity {
  __device__ __forceinline__ float operator()(float x) const { return x; }
};

Broadcast operand(Vector<const float> x) { return {x.data, x.size, 1}; }
Matrix<float> result(Vector<float> y) { return {y.data, 1, y.size}; }

}  // namespace

void unary(CudaStream& stream, UnaryFunction function, Vector<const float> x, Vector<float> y) {
  check_equal("unary: size of y", y.size, x.size);
  cuda::map(stream, Unary{function}, result(y), operand(x));
}

void binary(CudaStream& stream, BinaryFunction function, Broadcast x, Broadcast y, Matrix<float> out) {
  check_equal("binary: row stride of out", out.stride, out.columns);
  cuda::map(stream, Binary{function}, out, x, y);
}

void accumulate(CudaStream& stream, Vector<const float> x, Vector<float> y) {
  check_equal("accumulate: size of y", y.size, x.size);
  cuda::map(stream, Binary{{BinaryFunction::Kind::Add}}, result(y), operand(y), operand(x));
}

void fill(CudaStream& stream, float value, Vector<float> out) { cuda::map(stream, Constant{value}, result(out)); }

void copy(CudaStream& stream, Vector<const float> x, Vector<float> y) {
  check_equal("copy: size of y", y.size, x.size);
  if (x.size == 0) return;
  cuda::check(cudaMemcpyAsync(y.data, x.data, static_cast<size_t>(x.size) * sizeof(float), cudaMemcpyDeviceToDevice,
                              stream.handles().stream),
              "copy on the GPU");
}

void broadcast(CudaStream& stream, Broadcast x, Matrix<float> out) {
  check_equal("broadcast: row stride of out", out.stride, out.columns);
  cuda::map(stream, Identity{}, out, x);
}

}  // namespace wasserkern
