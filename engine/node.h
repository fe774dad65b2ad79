#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/intrusive.h"
#include "engine/tape.h"

namespace wasserkern {

/// One op on the tape, or a leaf that gradients are asked for. Nodes come from a free list, and a chain of them is
/// released in a loop: long tapes must not recurse.
class Node : public Counted {
 public:
  static constexpr size_t kMaxInputs = 5;

  /// A node without inputs. `gradient_room`: where its gradient may be written, or undefined.
  static Ref<Node> leaf(Tensor gradient_room = {});
  static void* operator new(size_t bytes);
  static void operator delete(void* memory) noexcept;

  const char* name = "leaf";
  uint64_t sequence = 0;  // later ops have larger ones
  std::array<Ref<Node>, kMaxInputs> inputs;
  size_t input_count = 0;
  Derivative derivative;
  Tensor saved_output;  // without its place on the tape, which would be a cycle
  uint64_t saved_version = 0;
  Tensor gradient_room;

  static uint64_t next_sequence();
};

}  // namespace wasserkern
