#include <string>

#include "bench/kernels/measure.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
#include "kernels/stencil.h"

// The Wasserstein gradient's stencil with the papers' graph and all of its terms: bytes per second of what must be read
// and written, and the share of what the memory does in a triad. Batches of 64 stay in the caches between iterations
// and may do better than that; the large one does not.

namespace wasserkern::bench {
namespace {

struct Images {
  int64_t count, extent, channels;

  int64_t size() const { return count * extent * extent * channels; }
  ImageView<float> of(const Array<float>& data) const { return {data.data(), count, extent, extent, channels}; }
  std::string text() const {
    return std::to_string(count) + "x" + std::to_string(extent) + "x" + std::to_string(extent) + "x" +
           std::to_string(channels);
  }
};

/// Adds `kernel(stream, stencil, x, g, product, per image)`, which reads or writes `floats` numbers per element.
template <class Kernel>
void add(Device& device, const char* name, const Images& images, int floats, Kernel kernel) {
  add_benchmark(std::string("stencil/") + name + "/" + images.text(), [=, &device](benchmark::State& state) {
    const Array<float> x(device, random_values(images.size())), g(device, random_values(images.size()));
    const Array<float> product(device, images.size()), per_image(device, std::vector<float>(images.count, 1.0f));
    const Stencil stencil{.identity = 1, .total = 0.01f};
    measure(state, device, "B/s", static_cast<double>(images.size() * floats) * sizeof(float),
            {{"share_of_triad", triad_limit(device)}}, [=](auto& stream) {
              kernel(stream, stencil, images.of(x), images.of(g), images.of(product), per_image.vector());
            });
  });
}

const Registration kRegistration([](Device& device) {
  for (const Images& images : {Images{64, 32, 3}, Images{64, 64, 3}, Images{4096, 64, 3}}) {
    add(device, "form", images, 2, [](auto& stream, const Stencil& stencil, auto x, auto g, auto, auto per_image) {
      stencil_form(stream, stencil, x, g, per_image);
    });
    add(device, "product", images, 3,
        [](auto& stream, const Stencil& stencil, auto x, auto g, auto product, auto per_image) {
          stencil_product(stream, stencil, x, per_image, g, product);
        });
  }
});

}  // namespace
}  // namespace wasserkern::bench
