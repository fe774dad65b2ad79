#pragma once

#include <cstdint>
#include <functional>

#include "kernels/cost/cost.h"

namespace wasserkern::bench {

/// What the machine can do at most of some work, measured in bursts of milliseconds on all threads. Sampled between the
/// iterations of the kernel that it is compared with, so that both see the same clock and the same neighbours.
class Limit {
 public:
  /// `burst(rounds)` does work in proportion to `rounds` and returns its amount.
  explicit Limit(std::function<double(int64_t)> burst, int64_t first_rounds = 1);

  void sample();
  double seconds() const { return seconds_; }
  /// Work per second in the best burst: what a neighbour interrupted is no limit.
  double rate() const { return rate_; }

 private:
  std::function<double(int64_t)> burst_;
  int64_t rounds_;
  double seconds_ = 0;
  double rate_ = 0;
};

/// Floating-point operations of fused multiply-adds between registers.
Limit multiply_add_limit(int threads);
/// Terms of a cost accumulated between registers: for l1 a difference, an absolute value and an addition.
Limit term_limit(const Cost& cost, int threads);
/// Terms |x - y| of bytes, summed between registers by the instruction that takes eight at once, and added up.
Limit byte_term_limit(int threads);
/// Bytes of a = b + s c from and to main memory, counted as STREAM does (McCalpin 1995).
Limit triad_limit(int threads);
/// Floating-point operations of a square matrix product of 2048.
Limit product_limit(int threads);

}  // namespace wasserkern::bench
