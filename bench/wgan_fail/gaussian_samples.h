#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/harness/experiment.h"

namespace wasserkern::bench {

/// Two independent samples of n points each from a standard normal distribution, for every n of a list; an iteration is
/// one such pair of every n. Pairs are a function of (seed, iteration, place in the list), so that neither a resumed
/// run nor one with a shorter list draws others.
struct GaussianSamples {
  std::vector<int64_t> sizes;  // ascending
  int64_t dimension;
  int64_t large;             // sizes from here on are costly, and vary little:
  int64_t large_iterations;  // they have pairs in so many iterations only
};

/// Of sizes' pairs: how far they are apart.
struct SampleDistances {
  int64_t size;
  int64_t pairs;
  double mean;
  double deviation;
};

/// --dimension, --large, --large-iterations, and --batch as the largest size.
GaussianSamples gaussian_samples_flags(Experiment& run);

/// The About of such a program.
About about_samples(const std::string& name, const std::string& summary);

/// Trains the run: measures `distance` of every pair, as `<name>_<size>`; then the means over what was measured.
std::vector<SampleDistances> measure_samples(Experiment& run, const GaussianSamples& samples, const std::string& name,
                                             const std::function<double(const Tensor& x, const Tensor& y)>& distance);

/// E|x - y| of two independent points of a standard normal distribution.
double mean_distance_of_points(int64_t dimension);

}  // namespace wasserkern::bench
