#include "engine/packed_weights.h"

#include "engine/stream.h"

namespace wasserkern {

const float* PackedWeights::get(const Tensor& weight, const FilterLayout& layout) {
  if (layout.floats == 0) return nullptr;
  const auto [found, is_new] = copies_.try_emplace({weight.data(), layout.id});
  Copy& copy = found->second;
  if (is_new || copy.version != weight.version()) {
    copy = {weight.detach(), weight.version(), is_new ? Tensor::empty(weight.device(), {layout.floats}) : copy.packed};
    const Shape& shape = weight.shape();
    const FilterView<const float> filters{weight.data(), shape[0], shape[1], shape[2], shape[3]};
    submit(weight.device(), [=, packed = copy.packed.vector()](auto& stream) {
      if constexpr (requires { pack_filters(stream, layout, filters, packed); })  // CUDA never wants it
        pack_filters(stream, layout, filters, packed);
    });
  }
  return copy.packed.data();
}

}  // namespace wasserkern
