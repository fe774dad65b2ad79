#include "engine/exponential_average.h"

#include <algorithm>

#include "engine/checkpoint.h"
#include "engine/stream.h"
#include "kernels/error.h"
#include "kernels/optimizer.h"

namespace wasserkern {

ExponentialAverage::ExponentialAverage(const Parameters& parameters, const Parameters& average, float decay)
    : parameters_(parameters), average_(average), decay_(decay) {
  if (!(decay >= 0 && decay < 1))
    throw UsageError("exponential average: decay is " + std::to_string(decay) + "; it must lie in [0, 1)");
  if (parameters.flat().data() == average.flat().data())
    throw UsageError("exponential average: the average is the parameters themselves; make a second network for it");
  const auto same = [](const Parameters::Named& a, const Parameters::Named& b) {
    return a.name == b.name && a.tensor.shape() == b.tensor.shape();
  };
  const auto &from = parameters.named(), &to = average.named();
  if (!std::equal(from.begin(), from.end(), to.begin(), to.end(), same))
    throw UsageError("exponential average: the networks' " + std::to_string(from.size()) + " and " +
                     std::to_string(to.size()) + " parameters differ in names or shapes; make both of the same layers");
  average.flat().overwrite(parameters.flat());
}

void ExponentialAverage::update() {
  submit(average_.flat().device(), [decay = decay_, from = parameters_.flat().vector(), to = average_.flat().vector()](
                                       auto& stream) { exponential_average(stream, decay, from, to); });
  average_.flat().bump_version();
}

void ExponentialAverage::visit(Checkpoint& checkpoint, const std::string& prefix) {
  checkpoint.visit(prefix, average_);
}

}  // namespace wasserkern
