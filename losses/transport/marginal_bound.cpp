#include "losses/transport/marginal_bound.h"

#include <algorithm>

#include "kernels/error.h"

namespace wasserkern::losses {

double line_transport(std::span<const double> from, std::span<const double> to) {
  double cost = 0, level = 0;
  for (size_t i = 0, j = 0; i < from.size() && j < to.size();) {
    const double next = std::min(from[i], to[j]), distance = static_cast<double>(i) - static_cast<double>(j);
    cost += (next - level) * distance * distance;
    level = next;
    if (from[i] <= next) ++i;
    if (to[j] <= next) ++j;
  }
  return cost;
}

MarginalBounds::MarginalBounds(const ImageMeasures& images) {
  const Shape& shape = images.mass.shape();
  const auto height = static_cast<size_t>(shape[1]), width = static_cast<size_t>(shape[2]);
  const auto channels = static_cast<size_t>(shape[3]), size = channels * (height + width);
  for (size_t channel = 0; channel < channels; ++channel)
    for (const size_t side : {size_t{0}, height})
      begins_.push_back(static_cast<int64_t>(channel * (height + width) + side));
  begins_.push_back(static_cast<int64_t>(size));

  const std::vector<float> mass = images.mass.to_host();
  cumulated_.resize(static_cast<size_t>(shape[0]) * size);
  for (size_t image = 0; image < static_cast<size_t>(shape[0]); ++image) {
    double* const sums = cumulated_.data() + image * size;
    const float* from = mass.data() + image * height * width * channels;
    for (size_t y = 0; y < height; ++y)
      for (size_t x = 0; x < width; ++x)
        for (size_t channel = 0; channel < channels; ++channel, ++from) {
          double* const lines = sums + channel * (height + width);
          lines[y] += *from;
          lines[height + x] += *from;
        }
    for (size_t line = 0; line + 1 < begins_.size(); ++line) {
      double* const first = sums + begins_[line];
      double* const last = sums + begins_[line + 1];
      for (double* sum = first + 1; sum < last; ++sum) *sum += sum[-1];
      const double total = last[-1];
      for (double* sum = first; sum < last; ++sum) *sum /= total;  // of floats: not quite 1
    }
  }
}

std::span<const double> MarginalBounds::line(int64_t image, int64_t index) const {
  const auto first = static_cast<size_t>(begins_[static_cast<size_t>(index)]);
  const auto last = static_cast<size_t>(begins_[static_cast<size_t>(index) + 1]);
  return std::span(cumulated_).subspan(static_cast<size_t>(image * begins_.back()) + first, last - first);
}

double MarginalBounds::between(int64_t i, const MarginalBounds& others, int64_t j) const {
  if (begins_ != others.begins_) throw ShapeError("marginal bounds: the images differ in shape");
  double bound = 0;
  for (int64_t index = 0; index + 1 < static_cast<int64_t>(begins_.size()); ++index)
    bound += line_transport(line(i, index), others.line(j, index));
  return bound;
}

}  // namespace wasserkern::losses
