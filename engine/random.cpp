#include "engine/random.h"

#include <array>

#include "engine/stream.h"
#include "kernels/metric_ring.h"

namespace wasserkern {

Random::Random(Device& device, uint64_t seed) : seed_(seed), step_(device, std::array<uint64_t, 2>{0, 0}) {}

Draw Random::draw() {
  if (in_step_) return {seed_, step_.data() + 1, next_inside_++};
  return {seed_, step_.data(), next_outside_++};
}

Tensor Random::uniform(const Shape& shape) {
  Tensor out = Tensor::empty(device(), shape);
  submit(device(), [draw = draw(), view = out.vector()](auto& stream) { wasserkern::uniform(stream, draw, view); });
  return out;
}

Tensor Random::normal(const Shape& shape) {
  Tensor out = Tensor::empty(device(), shape);
  submit(device(), [draw = draw(), view = out.vector()](auto& stream) { wasserkern::normal(stream, draw, view); });
  return out;
}

void Random::begin_step(uint64_t step) {
  submit(device(),
         [step, out = Vector<uint64_t>{step_.data() + 1, 1}](auto& stream) { set_counter(stream, step, out); });
  in_step_ = true;
  next_inside_ = 0;
}

void Random::end_step() { in_step_ = false; }

}  // namespace wasserkern
