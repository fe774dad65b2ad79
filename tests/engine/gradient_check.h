#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace wasserkern::testing {

using Doubles = std::vector<double>;

/// An op with its oracle: the same function in double, by a plain loop.
struct OpCase {
  std::string name;
  std::vector<Shape> shapes;
  std::function<Tensor(const std::vector<Tensor>&)> op;
  std::function<Doubles(const std::vector<Doubles>&)> reference;
  /// Inputs are normal numbers put through this, to stay within the op's domain and away from its kinks.
  std::function<double(double)> domain = [](double x) { return x; };
  /// Some ops can be differentiated once only, and must say so.
  bool twice = true;
};

/// Compares value, first and second derivatives of the op with the reference and its finite differences.
void check_op(const OpCase& op);

}  // namespace wasserkern::testing
