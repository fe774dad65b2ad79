#include <cmath>
#include <string>

#include "bench/kernels/measure.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
#include "kernels/grid_transport.h"

namespace wasserkern::bench {
namespace {

struct Images {
  int64_t count, side, channels;

  int64_t size() const { return count * side * side * channels; }
  ImageView<float> view(const Array<float>& of) const { return {of.data(), count, side, side, channels}; }
  std::string text() const {
    return std::to_string(count) + "x" + std::to_string(side) + "x" + std::to_string(side) + "x" +
           std::to_string(channels);
  }
};

/// Potentials that move pixels a few places to and fro, as those between natural images do, and masses beside them.
std::vector<float> potentials(const Images& images) {
  std::vector<float> values = random_values(images.size());
  for (int64_t i = 0; i < images.size(); ++i) {
    const auto x = static_cast<float>(i / images.channels % images.side);
    const auto y = static_cast<float>(i / images.channels / images.side % images.side);
    float& value = values[static_cast<size_t>(i)];
    value = 10 * std::sin(0.3f * x) + 8 * std::cos(0.4f * y) + 0.1f * value;
  }
  return values;
}

/// Multiply-adds per second, two operations each, of what two passes of products with dense matrices would be; against
/// what registers alone can do, and as a multiple of the rate with which an exponential for each could be had.
void run(benchmark::State& state, Device& device, const Images& images, float epsilon) {
  const Array<float> phi(device, potentials(images)), log_mass(device, random_values(images.size()));
  const Array<float> psi(device, images.size());
  const double work = 2 * static_cast<double>(images.size()) * static_cast<double>(2 * images.side);
  measure(
      state, device, "flop/s", work,
      {{"share_of_multiply_adds", multiply_add_limit(device)}, {"times_exponentials", exponential_limit(device, 2)}},
      [=](auto& stream) {
        grid_soft_c_transform(stream, {epsilon}, images.view(phi), images.view(log_mass), images.view(psi));
      });
}

const Registration kRegistration([](Device& device) {
  std::vector<Images> shapes{{64, 32, 3}};
  if (device.is_cuda()) shapes.push_back({1024, 32, 3});
  for (const Images& images : shapes)
    for (const auto& [epsilon, name] : {std::pair{4.0f, "4"}, {1.0f, "1"}, {0.25f, "0.25"}, {0.05f, "0.05"}})
      add_benchmark("grid_soft_c_transform/" + images.text() + "/epsilon=" + name,
                    [=, &device](benchmark::State& state) { run(state, device, images, epsilon); });
});

}  // namespace
}  // namespace wasserkern::bench
