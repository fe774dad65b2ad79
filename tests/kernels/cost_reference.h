#pragma once

#include <cmath>
#include <vector>

#include "kernels/cost/cost.h"

/// The naive double-precision oracle of ground costs. A new cost adds its overload of `reference`.
namespace wasserkern::testing {

inline double reference(const LqCost& cost, const double* x, const double* y, int64_t d) {
  double sum = 0;
  for (int64_t k = 0; k < d; ++k) sum += std::pow(std::abs(y[k] - x[k]), double{cost.q});
  return std::pow(sum, double{cost.p} / double{cost.q}) / double{cost.p};
}

inline double reference_cost(const Cost& cost, const double* x, const double* y, int64_t d) {
  return std::visit([=](const auto& chosen) { return reference(chosen, x, y, d); }, cost);
}

inline std::vector<double> as_doubles(const float* values, int64_t size) { return {values, values + size}; }

inline double reference_cost(const Cost& cost, const float* x, const float* y, int64_t d) {
  return reference_cost(cost, as_doubles(x, d).data(), as_doubles(y, d).data(), d);
}

/// The gradient in y by central differences with the given step.
inline std::vector<double> reference_gradient(const Cost& cost, const float* x, const float* y, int64_t d,
                                              double step) {
  const std::vector<double> a = as_doubles(x, d);
  std::vector<double> b = as_doubles(y, d);
  std::vector<double> gradient(b.size());
  for (size_t k = 0; k < b.size(); ++k) {
    const double here = b[k];
    b[k] = here + step;
    const double above = reference_cost(cost, a.data(), b.data(), d);
    b[k] = here - step;
    const double below = reference_cost(cost, a.data(), b.data(), d);
    b[k] = here;
    gradient[k] = (above - below) / (2 * step);
  }
  return gradient;
}

/// The Hessian in y times a direction, by second differences with the given step.
inline std::vector<double> reference_hessian(const Cost& cost, const float* x, const float* y, const float* direction,
                                             int64_t d, double step) {
  const std::vector<double> a = as_doubles(x, d);
  const auto value = [&](double along, size_t k, double beside) {
    std::vector<double> b = as_doubles(y, d);
    for (size_t i = 0; i < b.size(); ++i) b[i] += along * direction[i];
    b[k] += beside;
    return reference_cost(cost, a.data(), b.data(), d);
  };
  std::vector<double> product(a.size());
  for (size_t k = 0; k < a.size(); ++k)
    product[k] = (value(step, k, step) - value(step, k, -step) - value(-step, k, step) + value(-step, k, -step)) /
                 (4 * step * step);
  return product;
}

}  // namespace wasserkern::testing
