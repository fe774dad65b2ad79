#include "engine/optimizer.h"

#include <array>
#include <cmath>
#include <string>

#include "engine/checkpoint.h"
#include "engine/stream.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

Device& device_of(const Parameters& parameters) { return parameters.flat().device(); }

Tensor zeros_like(const Tensor& tensor) { return Tensor::full(tensor.device(), tensor.shape(), 0); }

Tensor rate_on_device(const Parameters& parameters, float rate) {
  if (!(rate >= 0) || std::isinf(rate))
    throw UsageError("optimizer: the rate is " + std::to_string(rate) + "; it must be finite and not negative");
  return Tensor::full(device_of(parameters), {1}, rate);
}

/// Throws UsageError unless 0 <= value < 1, as a decay must be.
void check_decay(const char* name, float value) {
  if (!(value >= 0 && value < 1))
    throw UsageError(std::string("optimizer: ") + name + " is " + std::to_string(value) + "; it must lie in [0, 1)");
}

}  // namespace

void clip_weights(const Parameters& parameters, float bound) {
  if (!(bound > 0)) throw UsageError("clip_weights: the bound is " + std::to_string(bound) + "; it must be positive");
  const UnaryFunction clamp{UnaryFunction::Kind::Clamp, -bound, bound};
  submit(device_of(parameters),
         [clamp, all = parameters.flat().vector()](auto& stream) { unary(stream, clamp, all, all); });
  parameters.flat().bump_version();
}

Adam::Adam(const Parameters& parameters, AdamOptions options)
    : parameters_(parameters),
      rule_{options.beta1, options.beta2, options.epsilon},
      rate_(rate_on_device(parameters, options.rate)),
      powers_(device_of(parameters), std::array<double, 2>{1, 1}),
      first_(zeros_like(parameters.flat())),
      second_(zeros_like(parameters.flat())) {
  check_decay("beta1", options.beta1);
  check_decay("beta2", options.beta2);
}

void Adam::descend(const Tensor& gradient) {
  submit(device_of(parameters_),
         [rule = rule_, rate = rate_.vector(), powers = powers_.vector(), gradient = gradient.vector(),
          first = first_.vector(), second = second_.vector(), parameter = parameters_.flat().vector()](auto& stream) {
           adam(stream, rule, rate, gradient, powers, first, second, parameter);
         });
  parameters_.flat().bump_version();
}

void Adam::set_rate(float rate) { rate_.copy_from_host({&rate, 1}); }

void Adam::visit(Checkpoint& checkpoint, const std::string& prefix) {
  checkpoint.visit(prefix + ".powers", powers_);
  checkpoint.visit(prefix + ".first", first_);
  checkpoint.visit(prefix + ".second", second_);
}

RmsProp::RmsProp(const Parameters& parameters, RmsPropOptions options)
    : parameters_(parameters),
      rule_{options.decay, options.epsilon},
      rate_(rate_on_device(parameters, options.rate)),
      square_(zeros_like(parameters.flat())) {
  check_decay("decay", options.decay);
}

void RmsProp::descend(const Tensor& gradient) {
  submit(device_of(parameters_), [rule = rule_, rate = rate_.vector(), gradient = gradient.vector(),
                                  square = square_.vector(), parameter = parameters_.flat().vector()](auto& stream) {
    rmsprop(stream, rule, rate, gradient, square, parameter);
  });
  parameters_.flat().bump_version();
}

void RmsProp::set_rate(float rate) { rate_.copy_from_host({&rate, 1}); }

void RmsProp::visit(Checkpoint& checkpoint, const std::string& prefix) {
  checkpoint.visit(prefix + ".square", square_);
}

}  // namespace wasserkern
