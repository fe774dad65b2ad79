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
};

/// Of sizes' pairs: how far they are apart.
struct SampleDistances {
  int64_t size;
  double mean;
  double deviation;
};

/// --dimension, and --batch as the largest size.
GaussianSamples gaussian_samples_flags(Experiment& run);

/// The About of such a program.
About about_samples(const std::string& name, const std::string& summary);

/// Trains the run: measures `distance` of every pair, as `<name>_<size>`; then the means over what was measured.
std::vector<SampleDistances> measure_samples(Experiment& run, const GaussianSamples& samples, const std::string& name,
                                             const std::function<double(const Tensor& x, const Tensor& y)>& distance);

/// "N(0, I) in 20 dimensions, 100 pairs", as many as there are iterations behind.
std::string described(const Experiment& run, const GaussianSamples& samples);

}  // namespace wasserkern::bench
