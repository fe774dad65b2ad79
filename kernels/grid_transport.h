#pragma once

#include "kernels/convolution.h"
#include "kernels/export.h"
#include "kernels/stream.h"

namespace wasserkern {

// Transport between images as measures on a grid: c_ij = |i - j|^2 is the squared distance of pixels i and j in units
// of their spacing. Channels are images of their own. The cost is a sum over the two axes, so that what runs over all
// pairs of pixels is two passes over the lines of the grid. Views are of one shape [count, height, width, channels],
// with sides of at most 256 pixels. A logarithm of mass of -infinity drops its pixel, as a potential of -infinity does;
// NaN propagates within its image's channel. Results have the same bits on any number of threads. Throw ShapeError, and
// UsageError unless epsilon is finite and at least 1e-6.

/// The (c, epsilon)-transform T, and how far Sinkhorn's iteration is over-relaxed: psi becomes T + (relaxation - 1) d,
/// with d what is between -epsilon and epsilon of T - psi. Without these bounds it runs away from some starts. A
/// relaxation of 1 overwrites; UsageError unless it is 1 or more, and below 2.
struct GridTransform {
  float epsilon;
  float relaxation = 1;
};

/// T[j] = -epsilon ln( sum_i m_i exp( (phi[i] - c_ij) / epsilon ) ), however far the potentials spread; off by some
/// 1e-5 squared pixels, and by 1e-6 of |phi|, c and epsilon where the terms are largest.
WASSERKERN_API void grid_soft_c_transform(CpuStream&, const GridTransform&, ImageView<const float> phi,
                                          ImageView<const float> log_mass, ImageView<float> psi);
WASSERKERN_API void grid_soft_c_transform(CudaStream&, const GridTransform&, ImageView<const float> phi,
                                          ImageView<const float> log_mass, ImageView<float> psi);

/// What it tends to as epsilon falls to 0: psi[j] = min_i c_ij - phi[i] over the pixels with mass; overwrites.
WASSERKERN_API void grid_c_transform(CpuStream&, ImageView<const float> phi, ImageView<const float> log_mass,
                                     ImageView<float> psi);
WASSERKERN_API void grid_c_transform(CudaStream&, ImageView<const float> phi, ImageView<const float> log_mass,
                                     ImageView<float> psi);

/// The mean cost of what comes to j: cost[j] = sum_i p_ij c_ij with p_ij in proportion to m_i exp( (phi[i] - c_ij) /
/// epsilon ) and a sum over i of 1; overwrites. The coupling that phi and its transform stand for costs the sum of
/// this over the masses at j. Nothing of the coupling is stored.
WASSERKERN_API void grid_transport_cost(CpuStream&, float epsilon, ImageView<const float> phi,
                                        ImageView<const float> log_mass, ImageView<float> cost);
WASSERKERN_API void grid_transport_cost(CudaStream&, float epsilon, ImageView<const float> phi,
                                        ImageView<const float> log_mass, ImageView<float> cost);

}  // namespace wasserkern
