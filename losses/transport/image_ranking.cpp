#include "losses/transport/image_ranking.h"

#include <algorithm>
#include <functional>
#include <string>

#include "kernels/error.h"

namespace wasserkern::losses {

ImageRanking::ImageRanking(const ImagePool& source, const ImagePool& pool, int64_t without,
                           const ImageTransportRule& rule, int64_t batch)
    : source_(source), pool_(pool), rule_(rule), batch_(static_cast<size_t>(batch)) {
  for (int64_t image = 0; image < pool.measures.count(); ++image)
    if (image != without)
      by_marginals_.emplace_back(static_cast<float>(source.bounds.between(0, pool.bounds, image)), image);
  std::sort(by_marginals_.begin(), by_marginals_.end(), std::greater<>());
}

ImageTransport ImageRanking::solve(const std::vector<int64_t>& images, const ImageTransportRule& rule) const {
  const Array<int32_t> index(pool_.measures.mass.device(), std::vector<int32_t>(images.begin(), images.end()));
  return image_transport(source_.measures, pool_.measures.gathered(index), rule);
}

void ImageRanking::bound_some() {
  // At sixteen times epsilon a few iterations bring the bound to within some tenths of a squared pixel.
  const ImageTransportRule rough{.epsilon = 16 * rule_.epsilon, .tolerance = 0.3f};
  std::vector<int64_t> images;
  for (; !by_marginals_.empty() && images.size() < batch_; by_marginals_.pop_back())
    images.push_back(by_marginals_.back().second);
  const ImageTransport transport = solve(images, rough);
  for (size_t i = 0; i < images.size(); ++i) by_potentials_.emplace_back(transport.lower_bound[i], images[i]);
  std::sort(by_potentials_.begin(), by_potentials_.end(), std::greater<>());
}

void ImageRanking::evaluate(const std::vector<int64_t>& images) {
  for (size_t first = 0; first < images.size(); first += batch_) {
    const auto begin = images.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<int64_t> some(begin,
                                    begin + static_cast<std::ptrdiff_t>(std::min(batch_, images.size() - first)));
    const ImageTransport transport = solve(some, rule_);
    for (size_t i = 0; i < some.size(); ++i) evaluated_.emplace_back(transport.cost[i], some[i]);
  }
  std::sort(evaluated_.begin(), evaluated_.end());
}

void ImageRanking::settle(float cost) {
  while (!by_marginals_.empty() && by_marginals_.back().first <= cost) bound_some();
  std::vector<int64_t> images;
  for (; !by_potentials_.empty() && by_potentials_.back().first <= cost; by_potentials_.pop_back())
    images.push_back(by_potentials_.back().second);
  evaluate(images);
}

std::vector<int64_t> ImageRanking::nearest(int64_t count) {
  const auto wanted = static_cast<size_t>(count);
  const size_t all = by_marginals_.size() + by_potentials_.size() + evaluated_.size();
  if (count < 1 || wanted > all)
    throw ShapeError("image ranking: " + std::to_string(count) + " nearest among " + std::to_string(all) + " images");
  // Those that look nearest at first are near enough to rule out most others.
  while (!by_marginals_.empty() && evaluated_.size() + by_potentials_.size() < wanted + batch_) bound_some();
  std::vector<int64_t> images;
  for (; !by_potentials_.empty() && evaluated_.size() + images.size() < wanted; by_potentials_.pop_back())
    images.push_back(by_potentials_.back().second);
  evaluate(images);
  settle(evaluated_[wanted - 1].first);
  std::vector<int64_t> nearest;
  for (size_t i = 0; i < wanted; ++i) nearest.push_back(evaluated_[i].second);
  return nearest;
}

int64_t ImageRanking::nearer_than(float cost) {
  settle(cost);
  return std::lower_bound(evaluated_.begin(), evaluated_.end(), std::pair(cost, int64_t{-1})) - evaluated_.begin();
}

}  // namespace wasserkern::losses
