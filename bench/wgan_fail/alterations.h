#pragma once

#include <span>
#include <vector>

#include "bench/harness/image_grid.h"

namespace wasserkern::bench {

// Slight changes of an image, after which anyone would still take it for the same. Values are in [-1,1], and in between
// linear.

/// Without that share of its columns at the left and of its rows at the top; what is left is enlarged to the same size.
std::vector<float> cropped(std::span<const float> image, const ImageShape& shape, double share);
/// Turned clockwise about its middle; what comes in is the nearest pixel of the edge.
std::vector<float> rotated(std::span<const float> image, const ImageShape& shape, double degrees);
/// Left and right exchanged.
std::vector<float> flipped(std::span<const float> image, const ImageShape& shape);
/// The brightness, from 0 for black, times `factor`.
std::vector<float> darkened(std::span<const float> image, double factor);

}  // namespace wasserkern::bench
