#include "kernels/convolution.h"

#include "kernels/cpu/gather_filters.h"
#include "kernels/cpu/gather_product.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/patch_product.h"

WASSERKERN_PER_ISA(                                                                                                   //
    int64_t packed_filter_floats(FilterPass pass, Window window, FilterView<const float> w);                          //
    void pack_filters_kernel(int threads, FilterPass pass, Window window, FilterView<const float> w, float* packed);  //
    int64_t gather_scratch_bytes(int threads, FilterPass pass, Window window, ImageView<const float> x,
                                 FilterView<const float> w, ImageView<const float> y);  //
    void gather_kernel(int threads, FilterPass pass, Window window, const Epilogue& epilogue,
                       ImageView<const float> from, FilterView<const float> w, ImageView<float> to, void* scratch);  //
    int64_t patch_scratch_bytes(int threads);                                                                        //
    void patch_kernel(int threads, Window window, ImageView<const float> x, ImageView<const float> y,
                      FilterView<float> w, void* scratch);)

namespace wasserkern::WASSERKERN_ISA {

int64_t packed_filter_floats(FilterPass pass, Window window, FilterView<const float> w) {
  return gather_pass(pass, window, 1, 1, 1, 1, w).packed_floats();
}

void pack_filters_kernel(int threads, FilterPass of, Window window, FilterView<const float> w, float* packed) {
  const GatherPass pass = gather_pass(of, window, 1, 1, 1, 1, w);
  if (pass.joined) return pack_joined_panel(pass, w, packed);
  const int64_t tap_floats = pass.depth * pass.words() * Word::kLanes;
  for (int64_t row_class = 0; row_class < pass.row_classes(); ++row_class)
    for (int64_t column_class = 0; column_class < pass.column_classes(); ++column_class) {
      const int64_t panel_floats = pass.rows.taps_of(row_class) * pass.columns.taps_of(column_class) * tap_floats;
      parallel_ranges(threads, pass.panels(), 1 + (1 << 14) / (panel_floats + 1), [=](int64_t begin, int64_t end) {
        for (int64_t panel = begin; panel < end; ++panel) {
          float* to = packed + panel * panel_floats;
          if (of == FilterPass::Convolution)
            pack_convolution_panel(pass, w, panel, to);
          else
            pack_transposed_panel(pass, w, row_class, column_class, panel, to);
        }
      });
      packed += pass.panels() * panel_floats;
    }
}

int64_t gather_scratch_bytes(int threads, FilterPass of, Window window, ImageView<const float> x,
                             FilterView<const float> w, ImageView<const float> y) {
  const GatherPass pass = gather_pass(of, window, x.height, x.width, y.height, y.width, w);
  const GatherBlocks blocks = gather_blocks(pass, x.count, threads);
  return threads * gather_thread_bytes(pass, blocks);
}

void gather_kernel(int threads, FilterPass of, Window window, const Epilogue& epilogue, ImageView<const float> from,
                   FilterView<const float> w, ImageView<float> to, void* scratch) {
  const bool forward = of == FilterPass::Convolution;
  const GatherPass pass = forward ? gather_pass(of, window, from.height, from.width, to.height, to.width, w)
                                  : gather_pass(of, window, to.height, to.width, from.height, from.width, w);
  const GatherBlocks blocks = gather_blocks(pass, from.count, threads);
  alignas(64) float joined_bias[kMostWords * Word::kLanes];
  GatherEpilogue finish{epilogue.bias.size ? epilogue.bias.data : nullptr,
                        epilogue.activation == Activation::Relu || epilogue.activation == Activation::LeakyRelu,
                        epilogue.activation == Activation::LeakyRelu ? epilogue.slope : 0,
                        writes_past_caches(pass, to)};
  if (pass.joined && finish.bias) {
    for (int64_t at = 0; at < pass.outputs(); ++at) joined_bias[at] = finish.bias[at % pass.channels];
    finish.bias = joined_bias;
  }
  const int64_t workers = smaller(threads, blocks.blocks());
  parallel_ranges(static_cast<int>(workers), workers, 1, [&](int64_t worker, int64_t) {
    std::byte* own = static_cast<std::byte*>(scratch) + worker * gather_thread_bytes(pass, blocks);
    auto* copy = reinterpret_cast<float*>(own);
    auto* pixels = reinterpret_cast<GatherPixel*>(copy + block_floats(pass, blocks));
    for (int64_t at = blocks.blocks() * worker / workers; at < blocks.blocks() * (worker + 1) / workers; ++at)
      gather_block(pass, blocks.block(at), finish, from.data, w.packed, to.data, copy, pixels);
  });
}

int64_t patch_scratch_bytes(int threads) { return threads * kPanelFloats * static_cast<int64_t>(sizeof(float)); }

void patch_kernel(int threads, Window window, ImageView<const float> x, ImageView<const float> y, FilterView<float> w,
                  void* scratch) {
  const PairTiling tiling = patch_tiling(w);
  const PairGrid grid = divide_pairs(tiling, threads);
  parallel_ranges(grid.shares(), grid.shares(), 1, [=](int64_t share, int64_t) {
    patch_share(window, x, y, w, share_of(tiling, grid, static_cast<int>(share)),
                static_cast<float*>(scratch) + share * kPanelFloats);
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include <algorithm>

#include "kernels/contracts.h"
#include "kernels/cpu/epilogue.h"

namespace wasserkern {
namespace {

/// The window by which a transpose is computed: outputs of one pixel are the same at any stride, and at one as large as
/// the filters no tap of theirs meets zeros.
Window effective(FilterPass pass, const Window& window, FilterView<const float> w, ImageView<const float> y) {
  const bool one = pass == FilterPass::Transposed && y.height == 1 && y.width == 1;
  return one ? Window{std::max(w.height, w.width), window.padding} : window;
}

/// Filters are packed alike for all convolutions, and for all transposes of one stride: layout 0, and the stride.
FilterLayout layout_of(FilterPass pass, const Window& window, FilterView<const float> w) {
  return {pass == FilterPass::Convolution ? 0 : window.stride, WASSERKERN_SIMD(packed_filter_floats)(pass, window, w)};
}

void gather(CpuStream& stream, FilterPass pass, const Window& asked, const Epilogue& epilogue, ImageView<const float> x,
            FilterView<const float> w, ImageView<const float> y, ImageView<const float> from, ImageView<float> to) {
  const Window window = effective(pass, asked, w, y);
  const int64_t bytes = WASSERKERN_SIMD(gather_scratch_bytes)(stream.threads(), pass, window, x, w, y);
  const FilterLayout layout = layout_of(pass, window, w);
  auto* scratch = static_cast<std::byte*>(stream.workspace(
      static_cast<size_t>(bytes) + (w.packed ? 0 : static_cast<size_t>(layout.floats) * sizeof(float))));
  if (!w.packed) {
    const Vector<float> packed{reinterpret_cast<float*>(scratch + bytes), layout.floats};
    pack_filters(stream, layout, w, packed);
    w.packed = packed.data;
  }
  WASSERKERN_SIMD(gather_kernel)(stream.threads(), pass, window, epilogue, from, w, to, scratch);
  if (epilogue.activation == Activation::Tanh) cpu::apply_epilogue(stream, {{}, Activation::Tanh}, to.pixels());
}

}  // namespace

void convolution(CpuStream& stream, const Window& window, const Epilogue& epilogue, ImageView<const float> x,
                 FilterView<const float> w, ImageView<float> y) {
  check_convolution("convolution", window, x, w, y);
  check_epilogue("convolution", epilogue, y.channels);
  if (x.count > 0) gather(stream, FilterPass::Convolution, window, epilogue, x, w, y, x, y);
}

void transposed_convolution(CpuStream& stream, const Window& window, const Epilogue& epilogue, ImageView<const float> y,
                            FilterView<const float> w, ImageView<float> x) {
  check_convolution("transposed_convolution", window, x, w, y);
  check_epilogue("transposed_convolution", epilogue, x.channels);
  if (x.count > 0) gather(stream, FilterPass::Transposed, window, epilogue, x, w, y, y, x);
}

void convolution_filter_gradient(CpuStream& stream, const Window& window, ImageView<const float> x,
                                 ImageView<const float> y, FilterView<float> w) {
  check_convolution("convolution_filter_gradient", window, x, w, y);
  if (x.count == 0) return fill(stream, 0, {w.data, w.size()});
  void* scratch = stream.workspace(static_cast<size_t>(WASSERKERN_SIMD(patch_scratch_bytes)(stream.threads())));
  WASSERKERN_SIMD(patch_kernel)(stream.threads(), window, x, y, w, scratch);
}

FilterLayout filter_layout(CpuStream&, FilterPass pass, const Window& window, ImageView<const float> x,
                           FilterView<const float> w, ImageView<const float> y) {
  check_convolution(pass == FilterPass::Convolution ? "convolution" : "transposed_convolution", window, x, w, y);
  return layout_of(pass, effective(pass, window, w, y), w);
}

void pack_filters(CpuStream& stream, const FilterLayout& layout, FilterView<const float> w, Vector<float> packed) {
  check_equal("pack_filters: size of packed", packed.size, layout.floats);
  const bool forward = layout.id == 0;
  WASSERKERN_SIMD(pack_filters_kernel)
  (stream.threads(), forward ? FilterPass::Convolution : FilterPass::Transposed, {forward ? 1 : layout.id, 0}, w,
   packed.data);
}

}  // namespace wasserkern

#endif
