#include "kernels/cuda/epilogue.h"

#include "kernels/cuda/map.cuh"

namespace wasserkern::cuda {
namespace {

/// activation(product + bias) for one element.
struct Finish {
  Activation activation;
  float slope;

  __device__ __forceinline__ float operator()(float x) const {
    switch (activation) {
      case Activation::None: return x;
      case Activation::Relu: return x < 0 ? 0.0f : x;  // NaN stays NaN
      case Activation::LeakyRelu: return x > 0 ? x : slope * x;
      case Activation::Tanh: return tanhf(x);
    }
    return x;
  }
  __device__ __forceinline__ float operator()(float product, float bias) const { return (*this)(product + bias); }
};

}  // namespace

void finish(CudaStream& stream, const Epilogue& epilogue, Matrix<float> out) {
  const Finish function{epilogue.activation, epilogue.slope};
  const Broadcast computed{out.data, out.stride, 1};
  if (epilogue.bias.size)
    map(stream, function, out, computed, Broadcast{epilogue.bias.data, 0, 1});
  else if (epilogue.activation != Activation::None)
    map(stream, function, out, computed);
}

}  // namespace wasserkern::cuda
