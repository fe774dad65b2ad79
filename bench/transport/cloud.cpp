#include "bench/transport/cloud.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/file.h"
#include "engine/npy.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw DataError(printable(path) + ": " + what);
}

/// The file's bytes, and the array in them.
struct ArrayFile {
  std::vector<std::byte> bytes;
  NpyFloats array;

  explicit ArrayFile(const std::string& path) : bytes(read_file(path)), array(parse_npy_floats(bytes, path)) {}
};

Tensor read_points(Device& device, const std::string& path) {
  const ArrayFile file(path);
  const Shape& shape = file.array.shape;
  if (shape.rank() == 0) fail(path, "is a single number; give an array of points, [points, coordinates]");
  if (shape.size() == 0) fail(path, "has no points: its shape is " + shape.text());
  const std::vector<float> values = file.array.to_floats();
  const auto bad = std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
  if (bad != values.end())
    fail(path, "point " + std::to_string((bad - values.begin()) / shape.columns()) +
                   " has a coordinate that is not finite, or out of the range of float32");
  return Tensor::from_host(device, shape.rank() == 1 ? Shape{shape.rows(), 1} : shape, values);
}

std::vector<double> read_masses(const std::string& path, int64_t count) {
  const ArrayFile file(path);
  if (file.array.shape != Shape{count})
    fail(path,
         "has the shape " + file.array.shape.text() + "; masses of these points are [" + std::to_string(count) + "]");
  std::vector<double> masses = file.array.to_doubles();
  const auto bad = std::ranges::find_if_not(masses, [](double mass) { return mass >= 0 && std::isfinite(mass); });
  if (bad != masses.end())
    fail(path, "mass " + std::to_string(bad - masses.begin()) + " is " + std::to_string(*bad) +
                   "; masses are finite and not negative");
  if (!(std::reduce(masses.begin(), masses.end()) > 0)) fail(path, "has no mass that is not 0");
  return masses;
}

}  // namespace

losses::Measure read_cloud(Device& device, const std::string& points, const std::string& masses) {
  losses::Measure measure{read_points(device, points), {}};
  if (!masses.empty()) measure.mass = read_masses(masses, measure.points.shape().rows());
  return measure;
}

double total_mass(const losses::Measure& measure) {
  return measure.mass.empty() ? 1 : std::reduce(measure.mass.begin(), measure.mass.end());
}

}  // namespace wasserkern::bench
