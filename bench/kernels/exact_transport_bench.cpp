#include <sys/resource.h>

#include <filesystem>
#include <random>
#include <string>

#include "bench/kernels/registration.h"
#include "bench/kernels/seconds_of.h"
#include "data/cifar10.h"
#include "data/idx.h"
#include "engine/ops/transport.h"
#include "losses/transport/exact.h"

// Whole problems of exact transport under the Euclidean distance. Those of images need the data sets, in datasets/ as
// tools/fetch-data leaves them.

namespace wasserkern::bench {
namespace {

using losses::CostStorage;
using losses::ExactTransport;
using losses::Measure;

constexpr LqCost kEuclidean{.q = 2, .p = 1};

Tensor normal_points(Device& device, int64_t count, int64_t dimensions, uint32_t seed) {
  std::mt19937 source(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(count * dimensions));
  for (float& value : values) value = normal(source);
  return Tensor::from_host(device, {count, dimensions}, values);
}

/// Images [first, first + count) in [-1, 1].
Tensor image_points(Device& device, const data::Images& all, int64_t first, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count * all.features()));
  const auto from = all.pixels.begin() + first * all.features();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(from[static_cast<ptrdiff_t>(i)]) / 127.5f - 1;
  return Tensor::from_host(device, {count, all.features()}, values);
}

/// `solve()` until there is enough time, with how many sources a second are transported, and the most memory the
/// program has had so far: of one benchmark alone, its own.
template <class Solve>
void measure_solver(benchmark::State& state, Device& device, Solve solve) {
  int64_t sources = 0;
  double seconds = 0;
  for (auto iteration : state) {
    const double taken = seconds_of(device, [&] {
      const ExactTransport result = solve();
      if (!result.certified) throw Error("exact transport was not certified");
      sources += std::ssize(result.source_potential);
    });
    state.SetIterationTime(taken);
    seconds += taken;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["sources/s"] = static_cast<double>(sources) / seconds;
  state.counters["peak_MB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

void solve_matrix(benchmark::State& state, Device& device, const Tensor& x, const Tensor& y) {
  const Tensor costs = pairwise_cost(kEuclidean, x, y);
  measure_solver(state, device, [&] { return losses::exact_transport(costs); });
}

void solve_points(benchmark::State& state, Device& device, const Tensor& x, const Tensor& y, CostStorage storage) {
  measure_solver(state, device, [&] { return losses::exact_transport(kEuclidean, {x, {}}, {y, {}}, storage); });
}

/// Runs `body(images)`, or skips where the data set is not there.
template <class Load, class Body>
void with_images(benchmark::State& state, const std::string& name, Load load, Body body) {
  const std::filesystem::path folder = "datasets/" + name;
  if (!std::filesystem::exists(folder))
    return state.SkipWithError(("needs " + folder.string() + "; run tools/fetch-data " + name).c_str());
  body(load(folder));
}

template <class Body>
void with_cifar(benchmark::State& state, Body body) {
  with_images(
      state, "cifar-10", [](const auto& folder) { return data::load_cifar10(folder); }, body);
}

const Registration kRegistration([](Device& device) {
  constexpr int64_t kDimensions = 20;
  for (const int64_t n : {int64_t{1000}, int64_t{5000}, int64_t{10'000}})
    add_benchmark("exact_transport_normal/" + std::to_string(n), [=, &device](benchmark::State& state) {
      solve_matrix(state, device, normal_points(device, n, kDimensions, 1), normal_points(device, n, kDimensions, 2));
    });
  // Where a line or plane holds the points, candidates are soon outgrown.
  add_benchmark("exact_transport_line/2000", [&device](benchmark::State& state) {
    solve_matrix(state, device, normal_points(device, 2000, 1, 1), normal_points(device, 2000, 1, 2));
  });
  for (const int64_t n : {int64_t{5000}, int64_t{10'000}})
    add_benchmark("exact_transport_cifar/" + std::to_string(n), [=, &device](benchmark::State& state) {
      with_cifar(state, [&](const data::Images& images) {
        solve_matrix(state, device, image_points(device, images, 0, n), image_points(device, images, 10'000, n));
      });
    });
  add_benchmark("exact_transport_cifar_points/10000", [&device](benchmark::State& state) {
    with_cifar(state, [&](const data::Images& images) {
      solve_points(state, device, image_points(device, images, 0, 10'000), image_points(device, images, 10'000, 10'000),
                   CostStorage::Matrix);
    });
  });
  add_benchmark("exact_transport_without_matrix/50000", [&device](benchmark::State& state) {
    solve_points(state, device, normal_points(device, 50'000, kDimensions, 1),
                 normal_points(device, 50'000, kDimensions, 2), CostStorage::Rows);
  });
  add_benchmark("exact_transport_capacities/50000x5000", [&device](benchmark::State& state) {
    // Every target takes ten sources: digits, in 1,024 pixels with the edge.
    const auto padded = [&](const Tensor& digits) {
      constexpr int64_t kPixels = 1024;
      const std::vector<float> values = digits.to_host();
      const int64_t count = digits.shape()[0], pixels = digits.shape()[1];
      std::vector<float> wide(static_cast<size_t>(count * kPixels), -1.0f);
      for (int64_t i = 0; i < count; ++i) std::copy_n(values.begin() + i * pixels, pixels, wide.begin() + i * kPixels);
      return Tensor::from_host(device, {count, kPixels}, wide);
    };
    with_images(
        state, "mnist", [](const auto& folder) { return data::load_mnist_like(folder); },
        [&](const data::Images& images) {
          solve_points(state, device, padded(image_points(device, images, 0, 50'000)),
                       padded(image_points(device, images, 50'000, 5000)), CostStorage::Matrix);
        });
  });
});

}  // namespace
}  // namespace wasserkern::bench
