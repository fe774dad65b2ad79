#include "losses/objectives/wasserstein_metric.h"

#include <cmath>
#include <string>

#include "kernels/error.h"

namespace wasserkern::losses {

Stencil ridge_metric(const PixelGraph& graph, float gamma) {
  if (!(gamma >= 0 && std::isfinite(gamma)))
    throw UsageError("Wasserstein metric: gamma is " + std::to_string(gamma) + "; it must be finite and not negative");
  return {.graph = graph, .identity = gamma};
}

Stencil intensity_metric(const PixelGraph& graph, float alpha, float beta, int64_t values) {
  const float complete = alpha / static_cast<float>(values);
  // Otherwise the form would be negative for a constant g.
  if (!(values >= 1 && alpha >= 0 && beta >= complete && std::isfinite(alpha) && std::isfinite(beta)))
    throw UsageError("Wasserstein metric: alpha is " + std::to_string(alpha) + ", beta " + std::to_string(beta) +
                     " for images of " + std::to_string(values) +
                     " values; alpha must not be negative, beta at least alpha over the values, and both finite");
  return {.graph = graph, .identity = 2 * complete, .total = 2 / static_cast<float>(values) * (beta - 2 * complete)};
}

}  // namespace wasserkern::losses
