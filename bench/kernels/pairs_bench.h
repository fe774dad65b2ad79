#pragma once

#include <initializer_list>
#include <string>

#include "bench/kernels/measure.h"
#include "bench/kernels/random_values.h"
#include "bench/kernels/registration.h"
#include "engine/array.h"
#include "kernels/view.h"

/// What benchmarks over all pairs of two sets of points share.
namespace wasserkern::bench {

/// x [m,d] against y [n,d].
struct PairsShape {
  int64_t m, n, d;

  std::string text() const { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(d); }
};

inline double terms_of(PairsShape shape) { return static_cast<double>(shape.m * shape.n * shape.d); }

/// Two sets of random points.
struct Points {
  PairsShape shape;
  Array<float> x_values, y_values;

  Points(Device& device, PairsShape of)
      : shape(of), x_values(device, random_values(of.m * of.d)), y_values(device, random_values(of.n * of.d)) {}
  Matrix<const float> x() const { return {x_values.data(), shape.m, shape.d}; }
  Matrix<const float> y() const { return {y_values.data(), shape.n, shape.d}; }
};

/// Terms per second, against what registers alone can do.
template <class Kernel>
void run_pairs(benchmark::State& state, Device& device, const Cost& cost, PairsShape shape, Kernel kernel) {
  measure(state, device, "terms/s", terms_of(shape), {{"share_of_registers", term_limit(device, cost)}}, kernel);
}

/// Shapes for both devices, and those that a CPU would take minutes for and a GPU needs to be busy.
struct Shapes {
  std::vector<PairsShape> everywhere;
  std::vector<PairsShape> on_cuda = {};

  std::vector<PairsShape> for_device(const Device& device) const {
    std::vector<PairsShape> shapes = everywhere;
    if (device.is_cuda()) shapes.insert(shapes.end(), on_cuda.begin(), on_cuda.end());
    return shapes;
  }
};

/// Adds `run(state, device, cost, shape)` as FAMILY/COST/MxNxD for every cost.
template <class Run>
void add_pairs(Device& device, const std::string& family, const Shapes& shapes, Run run) {
  for (const PairsShape shape : shapes.for_device(device))
    for (const Cost& cost : sample_costs())
      add_benchmark(family + "/" + cost_name(cost) + "/" + shape.text(),
                    [=, &device](benchmark::State& state) { run(state, device, cost, shape); });
}

}  // namespace wasserkern::bench
