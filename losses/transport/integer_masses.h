#pragma once

#include <cstdint>
#include <vector>

namespace wasserkern::losses {

/// Masses as multiples of a unit, equal in sum: their differences are exact, so that an augmentation that empties a
/// point leaves nothing behind.
struct IntegerMasses {
  std::vector<int64_t> source, target;
  double unit;
};

/// Of m and n points; an empty vector stands for equal masses that sum to 1. Two sums that differ by rounding are made
/// equal. Throws as exact_transport does.
IntegerMasses integer_masses(const std::vector<double>& source, int64_t m, const std::vector<double>& target,
                             int64_t n);

}  // namespace wasserkern::losses
