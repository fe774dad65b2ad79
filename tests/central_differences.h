#pragma once

#include <functional>
#include <vector>

namespace wasserkern::testing {

/// The gradient of f in `parameters`, which f reads in place. The step stays far from the kinks of piecewise linear
/// functions, which lie at random places.
inline std::vector<std::vector<double>> central_differences(std::vector<std::vector<double>>& parameters,
                                                            const std::function<double()>& f) {
  constexpr double h = 1e-6;
  std::vector<std::vector<double>> gradient = parameters;
  for (size_t p = 0; p < parameters.size(); ++p)
    for (size_t k = 0; k < parameters[p].size(); ++k) {
      const double at = parameters[p][k];
      parameters[p][k] = at + h;
      const double above = f();
      parameters[p][k] = at - h;
      gradient[p][k] = (above - f()) / (2 * h);
      parameters[p][k] = at;
    }
  return gradient;
}

}  // namespace wasserkern::testing
