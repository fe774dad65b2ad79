#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "kernels/export.h"

namespace wasserkern {

/// Every pixel joined with the one `down` rows below it and `right` columns to its right, as far as there is one, by an
/// undirected edge of the given weight.
struct PixelEdge {
  int32_t down;
  int32_t right;
  float weight = 1;
};

/// Which pixels of an image are neighbours: edges that every pixel has, but for those that leave the image.
class WASSERKERN_API PixelGraph {
 public:
  static constexpr int64_t kMostEdges = 32;
  /// The most rows or columns that an edge spans.
  static constexpr int32_t kReach = 8;

  /// Throws UsageError for more than kMostEdges, one that spans more than kReach or nothing, or one given twice, also
  /// as seen from its other end; and for weights that are negative or not finite.
  explicit PixelGraph(std::span<const PixelEdge> edges);
  PixelGraph(std::initializer_list<PixelEdge> edges) : PixelGraph(std::span(edges.begin(), edges.size())) {}

  /// The pixels above, below, left and right.
  static PixelGraph four_neighbours();
  /// These and the diagonal ones.
  static PixelGraph eight_neighbours();
  /// The twelve pixels within two steps along rows and columns: what the code of papers 001 and 002 has.
  static PixelGraph diamond();

  /// Each points down, or along its row to the right.
  std::span<const PixelEdge> edges() const { return {edges_.data(), static_cast<size_t>(count_)}; }

 private:
  std::array<PixelEdge, kMostEdges> edges_;
  int64_t count_ = 0;
};

}  // namespace wasserkern
