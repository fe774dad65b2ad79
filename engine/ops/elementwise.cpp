#include "engine/ops/elementwise.h"

#include <utility>

#include "engine/ops/broadcasting.h"
#include "engine/ops/reduce.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

using U = UnaryFunction::Kind;
using B = BinaryFunction::Kind;

Tensor map(UnaryFunction function, const Tensor& x) {
  Tensor out = Tensor::empty(x.device(), x.shape());
  submit(x.device(), [=, from = x.vector(), to = out.vector()](auto& stream) { unary(stream, function, from, to); });
  return out;
}

Tensor combine(BinaryFunction function, const Tensor& x, const Tensor& y) {
  const BroadcastPair pair(x, y);
  Tensor out = Tensor::empty(x.device(), pair.shape);
  submit(x.device(),
         [=, a = pair.x, b = pair.y, to = pair.matrix(out)](auto& stream) { binary(stream, function, a, b, to); });
  return out;
}

void check_same_shape(const char* op, const Tensor& gradient, const Tensor& y) {
  if (gradient.shape() != y.shape())
    throw ShapeError(std::string(op) + ": a gradient of shape " + gradient.shape().text() + " for an output of shape " +
                     y.shape().text());
}

/// The derivative of functions that are flat but for jumps: exactly zero.
Tensor map_off_tape(UnaryFunction function, const Tensor& x) { return map(function, x.detach()); }

}  // namespace

Tensor add(const Tensor& x, const Tensor& y) {
  return taped("add", combine({B::Add}, x, y), {x, y}, [shapes = std::pair(x.shape(), y.shape())](Sweep& sweep) {
    if (sweep.wants(0)) sweep.give(0, sum_to(sweep.gradient(), shapes.first));
    if (sweep.wants(1)) sweep.give(1, sum_to(sweep.gradient(), shapes.second));
  });
}

Tensor subtract(const Tensor& x, const Tensor& y) {
  return taped("subtract", combine({B::Subtract}, x, y), {x, y},
               [shapes = std::pair(x.shape(), y.shape())](Sweep& sweep) {
                 if (sweep.wants(0)) sweep.give(0, sum_to(sweep.gradient(), shapes.first));
                 if (sweep.wants(1)) sweep.give(1, -sum_to(sweep.gradient(), shapes.second));
               });
}

Tensor multiply(const Tensor& x, const Tensor& y) {
  return taped("multiply", combine({B::Multiply}, x, y), {x, y}, [x = Saved(x), y = Saved(y)](Sweep& sweep) {
    const Tensor &a = sweep.get(x), &b = sweep.get(y);
    if (sweep.wants(0)) sweep.give(0, sum_to(sweep.gradient() * b, a.shape()));
    if (sweep.wants(1)) sweep.give(1, sum_to(sweep.gradient() * a, b.shape()));
  });
}

Tensor divide(const Tensor& x, const Tensor& y) {
  return taped("divide", combine({B::Divide}, x, y), {x, y}, [x = Saved(x), y = Saved(y)](Sweep& sweep) {
    const Tensor &a = sweep.get(x), &b = sweep.get(y);
    const Tensor share = sweep.gradient() / b;
    if (sweep.wants(0)) sweep.give(0, sum_to(share, a.shape()));
    if (sweep.wants(1)) sweep.give(1, -sum_to(share * (a / b), b.shape()));
  });
}

Tensor affine(const Tensor& x, float a, float b) {
  return taped("affine", map({U::Affine, a, b}, x), {x},
               [a](Sweep& sweep) { sweep.give(0, affine(sweep.gradient(), a, 0)); });
}

Tensor absolute(const Tensor& x) {
  return taped("absolute", map({U::Absolute}, x), {x}, [x = Saved(x)](Sweep& sweep) {
    sweep.give(0, sweep.gradient() * map_off_tape({U::Sign}, sweep.get(x)));
  });
}

Tensor square(const Tensor& x) {
  return taped("square", map({U::Square}, x), {x},
               [x = Saved(x)](Sweep& sweep) { sweep.give(0, sweep.gradient() * (sweep.get(x) * 2)); });
}

Tensor square_root(const Tensor& x) {
  return taped(
      "square_root", map({U::SquareRoot}, x), {x},
      [](Sweep& sweep) { sweep.give(0, sweep.gradient() / (sweep.output() * 2)); }, Keep::Output);
}

Tensor reciprocal(const Tensor& x) {
  return taped(
      "reciprocal", map({U::Reciprocal}, x), {x},
      [](Sweep& sweep) { sweep.give(0, -(sweep.gradient() * square(sweep.output()))); }, Keep::Output);
}

Tensor exponential(const Tensor& x) {
  return taped(
      "exponential", map({U::Exponential}, x), {x},
      [](Sweep& sweep) { sweep.give(0, sweep.gradient() * sweep.output()); }, Keep::Output);
}

Tensor logarithm(const Tensor& x) {
  return taped("logarithm", map({U::Logarithm}, x), {x},
               [x = Saved(x)](Sweep& sweep) { sweep.give(0, sweep.gradient() / sweep.get(x)); });
}

Tensor tanh(const Tensor& x) {
  return taped(
      "tanh", map({U::Tanh}, x), {x},
      [](Sweep& sweep) { sweep.give(0, tanh_gradient(sweep.gradient(), sweep.output())); }, Keep::Output);
}

Tensor softplus(const Tensor& x) {
  return taped("softplus", map({U::Softplus}, x), {x},
               [x = Saved(x)](Sweep& sweep) { sweep.give(0, sweep.gradient() * sigmoid(sweep.get(x))); });
}

Tensor sigmoid(const Tensor& x) {
  return taped(
      "sigmoid", map({U::Sigmoid}, x), {x},
      [](Sweep& sweep) {
        const Tensor s = sweep.output();
        sweep.give(0, sweep.gradient() * (s * affine(s, -1, 1)));
      },
      Keep::Output);
}

Tensor leaky_relu(const Tensor& x, float slope) {
  if (!(slope >= 0))
    throw UsageError("leaky_relu: the slope is " + std::to_string(slope) + "; it must not be negative");
  return taped("leaky_relu", map({U::LeakyRelu, slope}, x), {x}, [slope, x = Saved(x)](Sweep& sweep) {
    sweep.give(0, leaky_relu_gradient(sweep.gradient(), sweep.get(x), slope));
  });
}

Tensor clamp(const Tensor& x, float low, float high) {
  return taped("clamp", map({U::Clamp, low, high}, x), {x}, [=, x = Saved(x)](Sweep& sweep) {
    sweep.give(0, sweep.gradient() * map_off_tape({U::Inside, low, high}, sweep.get(x)));
  });
}

Tensor leaky_relu_gradient(const Tensor& gradient, const Tensor& y, float slope) {
  check_same_shape("leaky_relu_gradient", gradient, y);
  // Piecewise linear: no derivative in y, so that no sweep runs where all would be zero.
  return taped("leaky_relu_gradient", combine({B::LeakyReluGradient, slope}, gradient, y), {gradient},
               [slope, y = Saved(y.detach())](Sweep& sweep) {
                 sweep.give(0, leaky_relu_gradient(sweep.gradient(), sweep.get(y), slope));
               });
}

Tensor tanh_gradient(const Tensor& gradient, const Tensor& y) {
  check_same_shape("tanh_gradient", gradient, y);
  return taped("tanh_gradient", combine({B::TanhGradient}, gradient, y), {gradient, y},
               [gradient = Saved(gradient), y = Saved(y)](Sweep& sweep) {
                 const Tensor &g = sweep.get(gradient), &out = sweep.get(y);
                 if (sweep.wants(0)) sweep.give(0, tanh_gradient(sweep.gradient(), out));
                 if (sweep.wants(1)) sweep.give(1, sweep.gradient() * g * out * -2);
               });
}

}  // namespace wasserkern
