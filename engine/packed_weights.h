#pragma once

#include <cstdint>
#include <map>

#include "engine/tensor.h"
#include "kernels/convolution.h"

namespace wasserkern {

/// Convolution weights as a device's kernels want them, packed at their first use after every update. Nothing lasts
/// beyond a phase: a recording packs what it uses itself, whatever runs before it when it is replayed.
class PackedWeights {
 public:
  /// The packed copy of `weight` [outputs, height, width, inputs] for the layout, or null where it has no floats.
  const float* get(const Tensor& weight, const FilterLayout& layout);
  void forget_all() { copies_.clear(); }

 private:
  struct Key {
    const float* weight;
    int64_t layout;
    auto operator<=>(const Key&) const = default;
  };
  struct Copy {
    Tensor weight;  // held, so that no other comes to lie at its address
    uint64_t version;
    Tensor packed;
  };
  std::map<Key, Copy> copies_;
};

}  // namespace wasserkern
