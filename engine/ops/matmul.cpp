#include "engine/ops/matmul.h"

#include "engine/ops/activation.h"
#include "engine/ops/reduce.h"
#include "engine/ops/view.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

Transpose other(Transpose transpose) { return transpose == Transpose::No ? Transpose::Yes : Transpose::No; }

Factor factor_of(const Tensor& tensor, Transpose transpose) { return {tensor.matrix(), transpose == Transpose::Yes}; }

}  // namespace

Tensor matmul(const Tensor& a, Transpose transpose_a, const Tensor& b, Transpose transpose_b, const Tensor& into) {
  const Factor left = factor_of(a, transpose_a), right = factor_of(b, transpose_b);
  Tensor out = into.defined() ? into : Tensor::empty(a.device(), {left.rows(), right.columns()});
  submit(a.device(), [=, to = out.matrix()](auto& stream) { matmul(stream, {}, left, right, to); });
  return taped("matmul", out, {a, b}, [=, saved_a = Saved(a), saved_b = Saved(b)](Sweep& sweep) {
    const Tensor &x = sweep.get(saved_a), &y = sweep.get(saved_b), &g = sweep.gradient();
    if (sweep.wants(0)) {
      const Tensor room = sweep.room(0);
      sweep.give(0, transpose_a == Transpose::No ? matmul(g, Transpose::No, y, other(transpose_b), room)
                                                 : matmul(y, transpose_b, g, Transpose::Yes, room));
    }
    if (sweep.wants(1)) {
      const Tensor room = sweep.room(1);
      sweep.give(1, transpose_b == Transpose::No ? matmul(x, other(transpose_a), g, Transpose::No, room)
                                                 : matmul(g, Transpose::Yes, x, transpose_a, room));
    }
  });
}

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Activation activation, float slope) {
  check_slope("linear", slope);
  const Factor left = factor_of(x, Transpose::No), right = factor_of(weight, Transpose::Yes);
  Tensor out = Tensor::empty(x.device(), {left.rows(), right.columns()});
  const Epilogue epilogue{bias.defined() ? Vector<const float>(bias.vector()) : Vector<const float>(), activation,
                          slope};
  submit(x.device(), [=, to = out.matrix()](auto& stream) { matmul(stream, epilogue, left, right, to); });
  return taped(
      "linear", out, {x, weight, bias},
      [=, saved_x = Saved(x), saved_weight = Saved(weight),
       bias_shape = bias.defined() ? bias.shape() : Shape()](Sweep& sweep) {
        const Tensor gradient = through_activation(sweep.gradient(), sweep.output(), activation, slope);
        const Tensor& input = sweep.get(saved_x);
        if (sweep.wants(0))
          sweep.give(0,
                     reshape(matmul(gradient, Transpose::No, sweep.get(saved_weight), Transpose::No), input.shape()));
        if (sweep.wants(1)) sweep.give(1, matmul(gradient, Transpose::Yes, input, Transpose::No, sweep.room(1)));
        if (sweep.wants(2)) sweep.give(2, sum_to(gradient, bias_shape));
      },
      Keep::Output);
}

}  // namespace wasserkern
