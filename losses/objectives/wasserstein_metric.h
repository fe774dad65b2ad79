#pragma once

#include <cstdint>

#include "kernels/export.h"
#include "kernels/stencil.h"

namespace wasserkern::losses {

/// What keeps the norm of a WWGAN from vanishing for gradients that are nearly constant over an image, where edges see
/// nothing: gamma |g|^2, as the authors' code has it. It bounds the l2 norm too, by 1 / sqrt(gamma).
WASSERKERN_API Stencil ridge_metric(const PixelGraph& graph, float gamma);

/// The paper's own form, L~ = L + alpha 11' (remark 3, appendix C), as an earlier version of its code spells it out for
/// images of `values` pixels times channels: alpha weighs the complete graph of all pixels, beta the direction of the
/// total intensity. norm^2 gains 2 (alpha / N) |g|^2 + (2 / N) (beta - 2 alpha / N) (sum of g)^2 with N = values. The
/// paper has alpha = 1 and beta = 50.
WASSERKERN_API Stencil intensity_metric(const PixelGraph& graph, float alpha, float beta, int64_t values);

}  // namespace wasserkern::losses
