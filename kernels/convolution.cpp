#include "kernels/convolution.h"

#include "kernels/contracts.h"
#include "kernels/cpu/epilogue.h"
#include "kernels/cpu/onednn/convolution.h"

namespace wasserkern {

void convolution(CpuStream& stream, const Window& window, const Epilogue& epilogue, ImageView<const float> x,
                 FilterView<const float> w, ImageView<float> y) {
  check_convolution("convolution", window, x, w, y);
  check_epilogue("convolution", epilogue, y.channels);
  if (x.count > 0) onednn::convolution(stream, window, epilogue, x, w, y);
}

void transposed_convolution(CpuStream& stream, const Window& window, const Epilogue& epilogue, ImageView<const float> y,
                            FilterView<const float> w, ImageView<float> x) {
  check_convolution("transposed_convolution", window, x, w, y);
  check_epilogue("transposed_convolution", epilogue, x.channels);
  if (x.count == 0) return;
  onednn::transposed_convolution(stream, window, y, w, x);
  cpu::apply_epilogue(stream, epilogue, x.pixels());
}

void convolution_filter_gradient(CpuStream& stream, const Window& window, ImageView<const float> x,
                                 ImageView<const float> y, FilterView<float> w) {
  check_convolution("convolution_filter_gradient", window, x, w, y);
  if (x.count > 0) return onednn::convolution_filter_gradient(stream, window, x, y, w);
  fill(stream, 0, {w.data, w.size()});
}

FilterLayout filter_layout(CpuStream& stream, FilterPass pass, const Window& window, ImageView<const float> x,
                           FilterView<const float> w, ImageView<const float> y) {
  check_convolution(pass == FilterPass::Convolution ? "convolution" : "transposed_convolution", window, x, w, y);
  return x.count > 0 ? onednn::filter_layout(stream, pass, window, x, w, y) : FilterLayout{};
}

void pack_filters(CpuStream& stream, const FilterLayout& layout, FilterView<const float> w, Vector<float> packed) {
  check_equal("pack_filters: size of packed", packed.size, layout.floats);
  onednn::pack_filters(stream, layout, w, packed);
}

}  // namespace wasserkern
