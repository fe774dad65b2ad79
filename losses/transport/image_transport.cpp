#include "losses/transport/image_transport.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "engine/ops/elementwise.h"
#include "engine/ops/image_view.h"
#include "engine/ops/reduce.h"
#include "engine/ops/transport.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/contracts.h"
#include "kernels/error.h"
#include "kernels/grid_transport.h"

namespace wasserkern::losses {
namespace {

constexpr int64_t kCheckEvery = 10;

ImageView<float> view(const Tensor& x) { return images_of("image_transport", x); }

/// psi becomes the transform of phi, or goes further.
void relax(const GridTransform& rule, const Tensor& phi, const Tensor& log_mass, const Tensor& psi) {
  submit(psi.device(), [=, from = view(phi), mass = view(log_mass), to = view(psi)](auto& stream) {
    grid_soft_c_transform(stream, rule, from, mass, to);
  });
  psi.bump_version();
}

Tensor soft_transform(float epsilon, const Tensor& phi, const Tensor& log_mass) {
  const Tensor psi = Tensor::empty(phi.device(), phi.shape());
  relax({epsilon}, phi, log_mass, psi);
  return psi;
}

Tensor hard_transform(const Tensor& phi, const Tensor& log_mass) {
  const Tensor psi = Tensor::empty(phi.device(), phi.shape());
  submit(psi.device(), [from = view(phi), mass = view(log_mass), to = view(psi)](auto& stream) {
    grid_c_transform(stream, from, mass, to);
  });
  return psi;
}

Tensor mean_costs(float epsilon, const Tensor& phi, const Tensor& log_mass) {
  const Tensor cost = Tensor::empty(phi.device(), phi.shape());
  submit(cost.device(), [=, from = view(phi), mass = view(log_mass), to = view(cost)](auto& stream) {
    grid_transport_cost(stream, epsilon, from, mass, to);
  });
  return cost;
}

/// Over-relaxation that ends fastest between measures that are no wider than the image. What is slowest to settle is a
/// shift; between normal distributions of variance v, Sinkhorn's iteration shrinks it by rho^2, with rho = sqrt(1 +
/// r^2) - r the correlation of the entropic coupling and r = epsilon / (4 v). For such a rate Young (1954) has the
/// optimum.
float relaxation_at(float epsilon, const Shape& images) {
  const double side = static_cast<double>(std::max(images[1], images[2]));
  const double r = epsilon / (side * side / 3), rho = std::sqrt(1 + r * r) - r;  // v = side^2 / 12, of an even image
  return static_cast<float>(2 / (1 + std::sqrt(1 - rho * rho)));
}

/// Pairs of images with their potentials: f on `from`, g on `to`. The coupling is that of f and its transform: its
/// marginal on `to` is exact.
struct Pairs {
  std::vector<int32_t> place;  // in the result
  ImageMeasures from, to;
  Tensor f, g;

  Pairs gathered(const std::vector<int32_t>& rows) const {
    const Array<int32_t> index(f.device(), rows);
    Pairs some{{}, from.gathered(index), to.gathered(index), gather_rows(f, index), gather_rows(g, index)};
    for (const int32_t row : rows) some.place.push_back(place[static_cast<size_t>(row)]);
    return some;
  }

  void iterate(float epsilon, float relaxation) const {
    relax({epsilon, relaxation}, f, from.log_mass, g);
    relax({epsilon, relaxation}, g, to.log_mass, f);
  }

  /// From zero down to an epsilon, halving.
  void approach(float epsilon, bool over_relaxed) const {
    const Shape& shape = f.shape();
    const float coarsest = static_cast<float>(shape[1] * shape[1] + shape[2] * shape[2]) / 32;
    const int halvings = std::max(0, static_cast<int>(std::ceil(std::log2(coarsest / epsilon))));
    for (int level = halvings; level > 0; --level) {
      const float coarse = std::ldexp(epsilon, level), best = relaxation_at(coarse, shape);
      const auto steps = std::max<int64_t>(2, std::lround(1 / (2 - best)));  // about what its error falls to 1/e in
      for (int64_t step = 0; step < steps; ++step) iterate(coarse, over_relaxed && step > 0 ? best : 1);
    }
  }

  std::vector<float> marginal_errors(float epsilon) const {
    constexpr float kMostExponent = 80;
    const Tensor again = soft_transform(epsilon, soft_transform(epsilon, f, from.log_mass), to.log_mass);
    const Tensor ratio = exponential(clamp((f - again) / epsilon, -kMostExponent, kMostExponent));
    return sum_over_columns(from.mass * absolute(ratio + -1.0f)).to_host();
  }
};

/// sum_i x_i y_i over each of `rows` rows.
std::vector<double> row_products(const std::vector<float>& x, const std::vector<float>& y, size_t rows) {
  std::vector<double> products(rows);
  const size_t columns = x.size() / rows;
  for (size_t row = 0; row < rows; ++row)
    for (size_t i = row * columns; i < (row + 1) * columns; ++i)
      if (x[i] != 0) products[row] += double{x[i]} * y[i];  // a potential without mass may be infinite
  return products;
}

/// What pairs come to at last. Potentials are large beside what their sums leave: those are taken in double.
void finish(const Pairs& pairs, float epsilon, const std::vector<float>& errors, ImageTransport& result) {
  const size_t count = pairs.place.size();
  const std::vector<float> from = pairs.from.mass.to_host(), to = pairs.to.mass.to_host();
  const Tensor g = soft_transform(epsilon, pairs.f, pairs.from.log_mass);
  const Tensor admissible_f = hard_transform(g, pairs.to.log_mass);
  const Tensor admissible_g = hard_transform(admissible_f, pairs.from.log_mass);
  const std::vector<double> costs =
      row_products(to, mean_costs(epsilon, pairs.f, pairs.from.log_mass).to_host(), count);
  const std::vector<double> dual_f = row_products(from, admissible_f.to_host(), count);
  const std::vector<double> dual_g = row_products(to, admissible_g.to_host(), count);
  for (size_t i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(pairs.place[i]);
    result.cost[at] = static_cast<float>(costs[i]);
    result.lower_bound[at] = static_cast<float>(dual_f[i] + dual_g[i]);
    result.marginal_error[at] = errors[i];
  }
}

/// Iterates until all pairs are done or there were enough; returns those that are not done.
Pairs solve(Pairs pairs, const ImageTransportRule& rule, bool over_relaxed, ImageTransport& result) {
  pairs.approach(rule.epsilon, over_relaxed);
  const float relaxation = over_relaxed ? relaxation_at(rule.epsilon, pairs.f.shape()) : 1;
  for (int64_t step = 0; !pairs.place.empty(); ++step) {
    if (step % kCheckEvery == 0 || step == rule.most_iterations) {
      const std::vector<float> errors = pairs.marginal_errors(rule.epsilon);
      std::vector<int32_t> done, left;
      std::vector<float> done_errors;
      for (size_t i = 0; i < errors.size(); ++i) {
        const bool ends = errors[i] <= rule.tolerance || (!over_relaxed && step == rule.most_iterations);
        (ends ? done : left).push_back(static_cast<int32_t>(i));
        if (ends) done_errors.push_back(errors[i]);
      }
      if (!done.empty()) {
        finish(pairs.gathered(done), rule.epsilon, done_errors, result);
        pairs = pairs.gathered(left);
      }
      if (step == rule.most_iterations) break;
    }
    if (!pairs.place.empty()) pairs.iterate(rule.epsilon, step > 0 ? relaxation : 1);
  }
  return pairs;
}

void check_rule(const ImageTransportRule& rule) {
  check_epsilon("image_transport", rule.epsilon);
  if (!(rule.tolerance > 0) || rule.most_iterations < 1)
    throw UsageError("image_transport: a tolerance of " + std::to_string(rule.tolerance) + " and at most " +
                     std::to_string(rule.most_iterations) + " iterations; both must be positive");
}

}  // namespace

ImageMeasures ImageMeasures::gathered(const Array<int32_t>& index) const {
  return {gather_rows(mass, index), gather_rows(log_mass, index)};
}

ImageMeasures image_measures(const Tensor& images) {
  const Shape& shape = images.shape();
  if (shape.rank() != 4)
    throw ShapeError("image_measures: images are " + shape.text() + ", expected [n, height, width, channels]");
  const auto channels = static_cast<size_t>(shape[3]), size = static_cast<size_t>(shape.columns());
  const float even = static_cast<float>(channels) / static_cast<float>(size);
  std::vector<float> mass = images.to_host();
  for (size_t image = 0; image < mass.size(); image += size)
    for (size_t first = image; first < image + channels; ++first) {
      double total = 0;
      for (size_t i = first; i < image + size; i += channels) {
        if (!(mass[i] >= 0) || std::isinf(mass[i]))
          throw DataError("image_measures: image " + std::to_string(image / size) + " has a value of " +
                          std::to_string(mass[i]) + "; masses must be finite and not negative");
        total += mass[i];
      }
      for (size_t i = first; i < image + size; i += channels)
        mass[i] = total > 0 ? static_cast<float>(mass[i] / total) : even;
    }
  std::vector<float> log_mass(mass.size());
  std::transform(mass.begin(), mass.end(), log_mass.begin(), [](float share) { return std::log(share); });
  return {Tensor::from_host(images.device(), shape, mass), Tensor::from_host(images.device(), shape, log_mass)};
}

ImageTransport image_transport(const ImageMeasures& from, const ImageMeasures& to, const ImageTransportRule& rule) {
  check_rule(rule);
  const Shape& shape = to.mass.shape();
  if (!(from.mass.shape().with_rows(shape[0]) == shape) || (from.count() != 1 && from.count() != shape[0]))
    throw ShapeError("image_transport: images " + from.mass.shape().text() + " to " + shape.text() +
                     "; they have one shape, or there is one from which all start");
  const TapeOff off;
  const auto count = static_cast<size_t>(shape[0]);
  ImageTransport result{std::vector<float>(count), std::vector<float>(count), std::vector<float>(count)};
  if (count == 0) return result;
  Device& device = to.mass.device();
  std::vector<int32_t> place(count);
  std::iota(place.begin(), place.end(), 0);
  const Tensor zero = Tensor::full(device, shape, 0);
  Pairs pairs{place, from, to, zero, Tensor::full(device, shape, 0)};
  if (from.count() == 1) pairs.from = from.gathered(Array<int32_t>(device, std::vector<int32_t>(count, 0)));
  Pairs left = solve(std::move(pairs), rule, true, result);
  if (left.place.empty()) return result;
  // Over-relaxed, an iteration need not settle from everywhere; Sinkhorn's own does.
  left.f = Tensor::full(device, left.f.shape(), 0);
  left.g = Tensor::full(device, left.g.shape(), 0);
  solve(std::move(left), rule, false, result);
  return result;
}

}  // namespace wasserkern::losses
