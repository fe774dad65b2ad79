#include "kernels/pixel_graph.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "kernels/error.h"

namespace wasserkern {
namespace {

/// The same edge from the end that comes first in an image.
PixelEdge from_first_end(PixelEdge edge) {
  const bool backwards = edge.down < 0 || (edge.down == 0 && edge.right < 0);
  return backwards ? PixelEdge{-edge.down, -edge.right, edge.weight} : edge;
}

void check(const PixelEdge& edge) {
  const std::string text = "pixel graph: the edge (" + std::to_string(edge.down) + ", " + std::to_string(edge.right) +
                           ") of weight " + std::to_string(edge.weight);
  const auto within = [](int32_t steps) { return steps >= -PixelGraph::kReach && steps <= PixelGraph::kReach; };
  if (!within(edge.down) || !within(edge.right) || (edge.down == 0 && edge.right == 0))
    throw UsageError(text + " must join different pixels, at most " + std::to_string(PixelGraph::kReach) +
                     " rows and columns apart");
  if (!(edge.weight >= 0 && std::isfinite(edge.weight)))
    throw UsageError(text + " needs a finite weight that is not negative");
}

}  // namespace

PixelGraph::PixelGraph(std::span<const PixelEdge> edges) {
  if (edges.size() > kMostEdges)
    throw UsageError("pixel graph: " + std::to_string(edges.size()) + " edges; there may be " +
                     std::to_string(kMostEdges) + ", each named from one end");
  for (const PixelEdge& given : edges) {
    check(given);
    const PixelEdge edge = from_first_end(given);
    const auto same = [&](const PixelEdge& other) { return other.down == edge.down && other.right == edge.right; };
    if (std::ranges::any_of(this->edges(), same))
      throw UsageError("pixel graph: the edge (" + std::to_string(edge.down) + ", " + std::to_string(edge.right) +
                       ") is given twice; name it once, with the sum of the weights");
    edges_[static_cast<size_t>(count_++)] = edge;
  }
}

PixelGraph PixelGraph::four_neighbours() { return {{0, 1}, {1, 0}}; }

PixelGraph PixelGraph::eight_neighbours() { return {{0, 1}, {1, 0}, {1, 1}, {1, -1}}; }

PixelGraph PixelGraph::diamond() { return {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 1}, {1, -1}}; }

}  // namespace wasserkern
