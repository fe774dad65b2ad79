#pragma once

#include "kernels/convolution.h"
#include "kernels/export.h"
#include "kernels/pixel_graph.h"
#include "kernels/stream.h"
#include "kernels/view.h"

namespace wasserkern {

/// The inverse metric tensor L~(x) of the Wasserstein-2 distance between images, as a quadratic form in a gradient g:
///
///   g' L~(x) g = sum over channels and edges (i, j) of w_ij (g_i - g_j)^2 (u_i + u_j)
///                + identity |g|^2 + total (sum of g)^2,
///
/// with u = mass_scale x + mass_offset the mass of a pixel, which must not be negative. Channels are images of their
/// own, but for the last term, whose sum is over all of them. Paper 001, section 3.3 and remark 3, with 1/2 for its
/// d_i: what u_i + u_j is is then the edge's mean mass, 1 if the image's is 1/2.
struct Stencil {
  PixelGraph graph = PixelGraph::diamond();
  float identity = 0;
  float total = 0;
  float mass_scale = 0.5f;  // of pixels in [-1, 1]
  float mass_offset = 0.5f;
};

/// form[n] = g_n' L~(x_n) g_n; overwrites. x and g [count, height, width, channels] of one shape, form [count]; throws
/// ShapeError.
WASSERKERN_API void stencil_form(CpuStream&, const Stencil&, ImageView<const float> x, ImageView<const float> g,
                                 Vector<float> form);
WASSERKERN_API void stencil_form(CudaStream&, const Stencil&, ImageView<const float> x, ImageView<const float> g,
                                 Vector<float> form);

/// product_n = scale[n] L~(x_n) g_n, which is symmetric in g: the form's gradient for scale = 2; overwrites. x, g and
/// product [count, height, width, channels], scale [count]; throws ShapeError.
WASSERKERN_API void stencil_product(CpuStream&, const Stencil&, ImageView<const float> x, Vector<const float> scale,
                                    ImageView<const float> g, ImageView<float> product);
WASSERKERN_API void stencil_product(CudaStream&, const Stencil&, ImageView<const float> x, Vector<const float> scale,
                                    ImageView<const float> g, ImageView<float> product);

}  // namespace wasserkern
