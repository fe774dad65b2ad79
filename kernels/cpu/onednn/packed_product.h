#pragma once

#include <cstdint>
#include <memory>

#include "kernels/view.h"

namespace wasserkern::onednn {

/// Products of blocks of rows with the transpose of one matrix that is packed once: out = a b^T, a [rows, k], b [n, k],
/// out [rows, n], all sizes at least 1. Every call runs on the thread that makes it, so that threads can take blocks of
/// their own.
class PackedProduct {
 public:
  /// All blocks have `rows` rows, `a_stride` apart.
  PackedProduct(int64_t rows, int64_t a_stride, Matrix<const float> b);
  ~PackedProduct();
  PackedProduct(const PackedProduct&) = delete;
  PackedProduct& operator=(const PackedProduct&) = delete;

  /// Memory that the caller provides, aligned to 64 bytes: for b, and for every thread.
  int64_t packed_bytes() const;
  int64_t scratch_bytes() const;

  void pack(void* packed) const;
  /// Overwrites out, which is contiguous.
  void run(const float* a, const void* packed, float* out, void* scratch) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wasserkern::onednn
