#pragma once

#include <cstdint>
#include <functional>

#include "bench/kernels/convolution_layer.h"
#include "engine/device.h"
#include "kernels/cost/cost.h"

namespace wasserkern::bench {

/// What the device can do at most of some work, measured in bursts of milliseconds. Sampled between the iterations of
/// the kernel that it is compared with, so that both see the same clock and the same neighbours.
class Limit {
 public:
  /// `burst(rounds)` submits work in proportion to `rounds` and returns its amount.
  Limit(Device& device, std::function<double(int64_t)> burst);

  void sample();
  double seconds() const { return seconds_; }
  /// Work per second in the best burst: what a neighbour interrupted is no limit.
  double rate() const { return rate_; }

 private:
  Device* device_;
  std::function<double(int64_t)> burst_;
  int64_t rounds_ = 1;
  double seconds_ = 0;
  double rate_ = 0;
};

/// Floating-point operations of fused multiply-adds between registers.
Limit multiply_add_limit(Device& device);
/// Terms of a cost accumulated between registers: for l1 a difference, an absolute value and an addition.
Limit term_limit(Device& device, const Cost& cost);
/// Terms |x - y| of bytes, summed between registers by the instruction that takes several at once, and added up.
Limit byte_term_limit(Device& device);
/// Exponentials between registers, as a rate of terms of which `terms` go with one: a soft c-transform takes one
/// exponential per pair, and a term per coordinate.
Limit exponential_limit(Device& device, int64_t terms = 1);
/// Bytes of a = b + s c from and to main memory, counted as STREAM does (McCalpin 1995).
Limit triad_limit(Device& device);
/// Floating-point operations of a large square matrix product; in TF32 if that is what the device's products are in.
Limit product_limit(Device& device);
/// The same of a layer's convolution forward over `count` images, its filters packed.
Limit convolution_limit(Device& device, const ConvolutionLayer& layer, int64_t count);

}  // namespace wasserkern::bench
