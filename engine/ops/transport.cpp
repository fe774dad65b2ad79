#include "engine/ops/transport.h"

#include "engine/ops/elementwise.h"
#include "engine/ops/reduce.h"
#include "engine/ops/view.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/c_transform.h"
#include "kernels/entropic_coupling.h"
#include "kernels/error.h"
#include "kernels/nearest.h"
#include "kernels/paired_cost.h"
#include "kernels/pairwise_cost.h"
#include "kernels/parts.h"
#include "kernels/rows.h"
#include "kernels/soft_c_transform.h"

namespace wasserkern {
namespace {

/// sum_k x_ik y_ik, as [n].
Tensor row_products(const Tensor& x, const Tensor& y) { return reshape(sum_over_columns(x * y), {x.shape().rows()}); }

/// scale_i (d/dy)^2 c(x_i, y_i) direction_i.
Tensor hessian_product(const Cost& cost, const Tensor& x, const Tensor& y, const Tensor& scale,
                       const Tensor& direction) {
  Tensor out = Tensor::empty(y.device(), y.shape());
  submit(y.device(), [=, a = x.matrix(), b = y.matrix(), s = scale.vector(), v = direction.matrix(),
                      to = out.matrix()](auto& stream) { paired_cost_hessian(stream, cost, a, b, s, v, to); });
  return taped("the cost's Hessian product", out, {x, y, scale, direction},
               [](Sweep&) { fail_missing_derivative("the gradient of a ground cost"); });
}

/// scale_i (d/dy) c(x_i, y_i).
Tensor cost_gradient(const Cost& cost, const Tensor& x, const Tensor& y, const Tensor& scale) {
  Tensor out = Tensor::empty(y.device(), y.shape());
  submit(y.device(), [=, a = x.matrix(), b = y.matrix(), s = scale.vector(), to = out.matrix()](auto& stream) {
    paired_cost_gradient(stream, cost, a, b, s, to);
  });
  return taped("the cost's gradient", out, {x, y, scale},
               [=, saved_x = Saved(x), saved_y = Saved(y), saved_scale = Saved(scale)](Sweep& sweep) {
                 const Tensor &a = sweep.get(saved_x), &b = sweep.get(saved_y), &s = sweep.get(saved_scale);
                 const Tensor& g = sweep.gradient();
                 if (sweep.wants(0) || sweep.wants(1)) {
                   const Tensor bent = hessian_product(cost, a, b, s, g);
                   if (sweep.wants(0)) sweep.give(0, reshape(-bent, a.shape()));
                   if (sweep.wants(1)) sweep.give(1, bent);
                 }
                 if (sweep.wants(2))
                   sweep.give(2, row_products(g, cost_gradient(cost, a, b, Tensor::full(s.device(), s.shape(), 1))));
               });
}

/// sum_i weights(i, j) (d/dy) c(x_i, y_j), the weights perhaps read as their transpose.
Tensor pairwise_gradient(const Cost& cost, const Tensor& x, const Tensor& y, const Tensor& weights, bool transposed) {
  Tensor out = Tensor::empty(y.device(), y.shape());
  submit(y.device(), [=, a = x.matrix(), b = y.matrix(), w = Factor{weights.matrix(), transposed},
                      to = out.matrix()](auto& stream) { pairwise_cost_gradient(stream, cost, a, b, w, to); });
  return taped("the pairwise cost's gradient", out, {x, y, weights},
               [](Sweep&) { fail_missing_derivative("the gradient of a pairwise cost"); });
}

EntropicSide side_of(const EntropicMarginal& of) {
  return {of.points.matrix(), of.potential.vector(), of.mass.vector()};
}

EntropicSide part_of(const EntropicSide& side, int64_t index, int64_t problems) {
  return {part_of(side.points, index, problems), part_of(side.potential, index, problems),
          part_of(side.mass, index, problems)};
}

/// sum_j w_ij, off the tape.
Tensor entropic_row_sums(const Cost& cost, float epsilon, const EntropicMarginal& rows,
                         const EntropicMarginal& columns) {
  Tensor out = Tensor::empty(rows.points.device(), {rows.points.shape().rows()});
  submit(out.device(), [=, a = side_of(rows), b = side_of(columns), to = out.vector()](auto& stream) {
    entropic_marginal(stream, cost, epsilon, a, b, to);
  });
  return out;
}

}  // namespace

Tensor paired_cost(const Cost& cost, const Tensor& x, const Tensor& y) {
  Tensor out = Tensor::empty(y.device(), {y.shape().rows()});
  submit(y.device(),
         [=, a = x.matrix(), b = y.matrix(), to = out.vector()](auto& stream) { paired_cost(stream, cost, a, b, to); });
  return taped("paired_cost", out, {x, y}, [=, saved_x = Saved(x), saved_y = Saved(y)](Sweep& sweep) {
    const Tensor &a = sweep.get(saved_x), &b = sweep.get(saved_y);
    const Tensor gradient = cost_gradient(cost, a, b, sweep.gradient());
    if (sweep.wants(0)) sweep.give(0, reshape(-gradient, a.shape()));
    if (sweep.wants(1)) sweep.give(1, gradient);
  });
}

Minimum min_over(const Cost& cost, const Tensor& x, const Tensor& potential, const Tensor& y) {
  const int64_t count = y.shape().rows();
  Minimum minimum{Tensor::empty(y.device(), {count}), Array<int32_t>(y.device(), count)};
  submit(y.device(),
         [=, from = x.matrix(), phi = potential.vector(), at = y.matrix(), to = minimum.value.vector(),
          argmin = minimum.argmin.vector()](auto& stream) { c_transform(stream, cost, from, phi, at, to, argmin); });
  // Once the minimiser is known the value is c(x_argmin, y) - potential_argmin.
  minimum.value =
      taped("min_over", minimum.value, {x, potential, y},
            [=, argmin = minimum.argmin, saved_x = Saved(x), saved_y = Saved(y),
             potential_shape = potential.shape()](Sweep& sweep) {
              const Tensor& g = sweep.gradient();
              if (sweep.wants(1)) {
                const Tensor column = reshape(g, {g.size(), 1});
                const Tensor spread = scatter_rows(column, argmin, potential_shape.size());
                sweep.give(1, reshape(-spread, potential_shape));
              }
              if (!sweep.wants(0) && !sweep.wants(2)) return;
              const Tensor &candidates = sweep.get(saved_x), &points = sweep.get(saved_y);
              const Tensor pull = cost_gradient(cost, gather_rows(candidates, argmin), points, g);
              if (sweep.wants(2)) sweep.give(2, pull);
              if (sweep.wants(0))
                sweep.give(0, reshape(scatter_rows(-pull, argmin, candidates.shape().rows()), candidates.shape()));
            });
  return minimum;
}

Nearest nearest(const Cost& cost, const Tensor& x, const Tensor& y, int64_t k) {
  const int64_t count = y.shape().rows();
  Nearest nearest{Tensor::empty(y.device(), {count, k}), Array<int32_t>(y.device(), count * k)};
  submit(y.device(), [=, from = x.matrix(), at = y.matrix(), to = nearest.values.matrix(),
                      rows = Matrix<int32_t>{nearest.indices.data(), count, k}](auto& stream) {
    wasserkern::nearest(stream, cost, from, at, to, rows);
  });
  return nearest;
}

Tensor pairwise_cost(const Cost& cost, const Tensor& x, const Tensor& y) {
  Tensor out = Tensor::empty(y.device(), {x.shape().rows(), y.shape().rows()});
  submit(y.device(), [=, a = x.matrix(), b = y.matrix(), to = out.matrix()](auto& stream) {
    pairwise_cost(stream, cost, a, b, to);
  });
  return taped("pairwise_cost", out, {x, y}, [=, saved_x = Saved(x), saved_y = Saved(y)](Sweep& sweep) {
    const Tensor &a = sweep.get(saved_x), &b = sweep.get(saved_y), &g = sweep.gradient();
    if (sweep.wants(0)) sweep.give(0, pairwise_gradient(cost, b, a, g, true));
    if (sweep.wants(1)) sweep.give(1, pairwise_gradient(cost, a, b, g, false));
  });
}

Tensor soft_min_over(const Cost& cost, float epsilon, const Tensor& x, const Tensor& potential, const Tensor& y) {
  Tensor out = Tensor::empty(y.device(), {y.shape().rows()});
  submit(y.device(), [=, from = x.matrix(), phi = potential.vector(), at = y.matrix(),
                      to = out.vector()](auto& stream) { soft_c_transform(stream, cost, epsilon, from, phi, at, to); });
  // d value_j = sum_i p_ij (d c_ij - d potential_i) with p_ij = exp((value_j + potential_i - c_ij) / epsilon) / m.
  return taped(
      "soft_min_over", out, {x, potential, y},
      [=, saved_x = Saved(x), saved_potential = Saved(potential), saved_y = Saved(y)](Sweep& sweep) {
        const Tensor &candidates = sweep.get(saved_x), &phi = sweep.get(saved_potential), &points = sweep.get(saved_y);
        const int64_t count = candidates.shape().rows();
        const EntropicMarginal from{candidates, phi,
                                    Tensor::full(phi.device(), {count}, 1 / static_cast<float>(count))};
        const EntropicMarginal to{points, sweep.output(), sweep.gradient()};
        const auto last = [&](const Tensor& derivative) {
          return taped("the soft c-transform's gradient", derivative, {candidates, phi, points, sweep.gradient()},
                       [](Sweep&) { fail_missing_derivative("the soft c-transform's gradient"); });
        };
        if (sweep.wants(0)) sweep.give(0, last(entropic_cost_gradient(cost, epsilon, to, from)));
        if (sweep.wants(1)) sweep.give(1, reshape(-last(entropic_row_sums(cost, epsilon, from, to)), phi.shape()));
        if (sweep.wants(2)) sweep.give(2, last(entropic_cost_gradient(cost, epsilon, from, to)));
      },
      Keep::Output);
}

Tensor entropic_cost_gradient(const Cost& cost, float epsilon, const EntropicMarginal& from, const EntropicMarginal& at,
                              int64_t problems) {
  Tensor out = Tensor::empty(at.points.device(), at.points.shape());
  submit(out.device(), [=, a = side_of(from), b = side_of(at), to = out.matrix()](auto& stream) {
    for (int64_t index = 0; index < problems; ++index)
      entropic_cost_gradient(stream, cost, epsilon, part_of(a, index, problems), part_of(b, index, problems),
                             part_of(to, index, problems));
  });
  return out;
}

Tensor gather_rows(const Tensor& x, const Array<int32_t>& index) {
  Tensor out = Tensor::empty(x.device(), x.shape().with_rows(index.size()));
  submit(x.device(), [from = x.matrix(), at = Vector<const int32_t>(index.vector()), to = out.matrix()](auto& stream) {
    gather_rows(stream, from, at, to);
  });
  return taped("gather_rows", out, {x}, [index, rows = x.shape().rows()](Sweep& sweep) {
    sweep.give(0, scatter_rows(sweep.gradient(), index, rows));
  });
}

Tensor scatter_rows(const Tensor& x, const Array<int32_t>& index, int64_t rows) {
  Tensor out = Tensor::empty(x.device(), x.shape().with_rows(rows));
  submit(x.device(), [from = x.matrix(), at = Vector<const int32_t>(index.vector()), to = out.matrix()](auto& stream) {
    scatter_rows(stream, from, at, to);
  });
  return taped("scatter_rows", out, {x},
               [index](Sweep& sweep) { sweep.give(0, gather_rows(sweep.gradient(), index)); });
}

}  // namespace wasserkern
