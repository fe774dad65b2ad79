#include "kernels/convolution.h"

#include "kernels/contracts.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/cudnn.h"
#include "kernels/cuda/epilogue.h"
#include "kernels/cuda/handles.h"

namespace wasserkern {

void convolution(CudaStream& stream, const Window& window, const Epilogue& epilogue, ImageView<const float> x,
                 FilterView<const float> w, ImageView<float> y) {
  check_convolution("convolution", window, x, w, y);
  check_epilogue("convolution", epilogue, y.channels);
  if (y.count == 0) return;
  cudnn::convolution(stream, window, x, w, y);
  cuda::finish(stream, epilogue, y.pixels());
}

void transposed_convolution(CudaStream& stream, const Window& window, const Epilogue& epilogue,
                            ImageView<const float> y, FilterView<const float> w, ImageView<float> x) {
  check_convolution("transposed_convolution", window, x, w, y);
  check_epilogue("transposed_convolution", epilogue, x.channels);
  if (x.count == 0) return;
  cudnn::transposed_convolution(stream, window, y, w, x);
  cuda::finish(stream, epilogue, x.pixels());
}

void convolution_filter_gradient(CudaStream& stream, const Window& window, ImageView<const float> x,
                                 ImageView<const float> y, FilterView<float> w) {
  check_convolution("convolution_filter_gradient", window, x, w, y);
  if (x.count > 0) return cudnn::filter_gradient(stream, window, x, y, w);
  cuda::check(cudaSetDevice(stream.handles().device), "cudaSetDevice");
  cuda::check(cudaMemsetAsync(w.data, 0, static_cast<size_t>(w.size()) * sizeof(float), stream.handles().stream),
              "cudaMemsetAsync");
}

}  // namespace wasserkern
