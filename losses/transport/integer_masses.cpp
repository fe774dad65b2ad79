#include "losses/transport/integer_masses.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "kernels/check.h"
#include "kernels/error.h"

namespace wasserkern::losses {
namespace {

constexpr int kBits = 61;  // of the sum: one below what 64-bit sums of sources and targets need
constexpr double kSameSum = 1e-6;

double checked_sum(const char* side, const std::vector<double>& masses) {
  double sum = 0;
  for (size_t i = 0; i < masses.size(); ++i) {
    if (!(masses[i] >= 0) || std::isinf(masses[i]))
      throw DataError(std::string("exact_transport: mass ") + std::to_string(i) + " of the " + side + " is " +
                      std::to_string(masses[i]) + "; masses are finite and not negative");
    sum += masses[i];
  }
  if (!(sum > 0) || std::isinf(sum))
    throw DataError(std::string("exact_transport: the masses of the ") + side + " sum to " + std::to_string(sum) +
                    "; give some point a mass");
  return sum;
}

std::vector<int64_t> rounded(const std::vector<double>& masses, double factor, int exponent) {
  std::vector<int64_t> integers(masses.size());
  std::transform(masses.begin(), masses.end(), integers.begin(),
                 [=](double mass) { return static_cast<int64_t>(std::llround(std::ldexp(mass * factor, exponent))); });
  return integers;
}

}  // namespace

IntegerMasses integer_masses(const std::vector<double>& source, int64_t m, const std::vector<double>& target,
                             int64_t n) {
  if (!source.empty()) check_equal("exact_transport: number of source masses", std::ssize(source), m);
  if (!target.empty()) check_equal("exact_transport: number of target masses", std::ssize(target), n);
  if (source.empty() && target.empty()) {
    const int64_t common = std::gcd(m, n);
    return {std::vector(static_cast<size_t>(m), n / common), std::vector(static_cast<size_t>(n), m / common),
            static_cast<double>(common) / (static_cast<double>(m) * static_cast<double>(n))};
  }
  if (source.empty())
    return integer_masses(std::vector(static_cast<size_t>(m), 1.0 / static_cast<double>(m)), m, target, n);
  if (target.empty())
    return integer_masses(source, m, std::vector(static_cast<size_t>(n), 1.0 / static_cast<double>(n)), n);

  const double a = checked_sum("sources", source), b = checked_sum("targets", target);
  if (std::abs(a - b) > kSameSum * std::max(a, b))
    throw DataError("exact_transport: the sources' masses sum to " + std::to_string(a) + ", the targets' to " +
                    std::to_string(b) + "; scale one side to the other's sum");
  // A power of two as the unit takes most masses exactly. What rounding leaves goes to the largest, which feels it
  // least.
  const int exponent = kBits - 1 - std::ilogb(a);
  const double rounding = 4e-16 * static_cast<double>(m + n);
  IntegerMasses masses{rounded(source, 1, exponent),
                       rounded(target, std::abs(a - b) > rounding * a ? a / b : 1, exponent), std::ldexp(1, -exponent)};
  const int64_t missing =
      std::reduce(masses.source.begin(), masses.source.end()) - std::reduce(masses.target.begin(), masses.target.end());
  *std::max_element(masses.target.begin(), masses.target.end()) += missing;
  return masses;
}

}  // namespace wasserkern::losses
