#pragma once

#include <string>

#include "kernels/contracts.h"
#include "kernels/grid_blocks.h"
#include "kernels/grid_transport.h"

namespace wasserkern {

/// What the kernels of grid_transport ask of their arguments, on both backends.
inline void check_grids(const char* kernel, float epsilon, ImageView<const float> phi, ImageView<const float> log_mass,
                        ImageView<const float> out) {
  constexpr float kLeastEpsilon = 1e-6f;
  check_epsilon(kernel, epsilon);
  if (epsilon < kLeastEpsilon)
    throw UsageError(std::string(kernel) + ": epsilon is below 1e-6 squared pixels, where floats have no digits left");
  const auto differs = [&](ImageView<const float> other) {
    return other.count != phi.count || other.height != phi.height || other.width != phi.width ||
           other.channels != phi.channels;
  };
  if (differs(log_mass) || differs(out) || phi.height > kMostGridSide || phi.width > kMostGridSide) {
    const auto text = [](ImageView<const float> of) {
      std::string extents = std::to_string(of.count);
      for (const int64_t extent : {of.height, of.width, of.channels}) extents += ", " + std::to_string(extent);
      return " [" + extents + "]";
    };
    throw ShapeError(std::string(kernel) + ": potentials are" + text(phi) + ", masses" + text(log_mass) +
                     " and results" + text(out) + "; all have one shape, with sides of at most " +
                     std::to_string(kMostGridSide));
  }
}

inline void check_relaxation(const GridTransform& rule) {
  if (!(rule.relaxation >= 1 && rule.relaxation < 2))
    throw UsageError("grid_soft_c_transform: the relaxation is " + std::to_string(rule.relaxation) +
                     "; it must lie in [1, 2)");
}

}  // namespace wasserkern
