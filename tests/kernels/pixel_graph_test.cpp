#include "kernels/pixel_graph.h"

#include <catch2/catch.hpp>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/error.h"

using namespace wasserkern;

namespace {

using Steps = std::pair<int, int>;

/// The pixels that one well inside an image is joined with, seen from it.
std::set<Steps> neighbours(const PixelGraph& graph) {
  std::set<Steps> found;
  for (const PixelEdge& edge : graph.edges()) {
    REQUIRE(edge.weight == 1);
    REQUIRE(found.insert({edge.down, edge.right}).second);
    REQUIRE(found.insert({-edge.down, -edge.right}).second);
  }
  return found;
}

/// Those for which `is_one` of (down, right).
template <class Predicate>
std::set<Steps> all_steps(Predicate is_one) {
  std::set<Steps> found;
  for (int down = -3; down <= 3; ++down)
    for (int right = -3; right <= 3; ++right)
      if ((down || right) && is_one(down, right)) found.insert({down, right});
  return found;
}

template <class Edges>
std::string refusal(const Edges& edges) {
  try {
    PixelGraph graph{std::span<const PixelEdge>(edges)};
    return "";
  } catch (const UsageError& error) {
    return error.what();
  }
}

std::string refusal(std::initializer_list<PixelEdge> edges) { return refusal(std::vector(edges)); }

}  // namespace

TEST_CASE("named pixel graphs have 4, 8 and 12 neighbours", "[stencil]") {
  const auto apart = [](int down, int right) { return std::abs(down) + std::abs(right); };
  const auto four = neighbours(PixelGraph::four_neighbours());
  const auto eight = neighbours(PixelGraph::eight_neighbours());
  const auto diamond = neighbours(PixelGraph::diamond());
  REQUIRE(four.size() == 4);
  REQUIRE(eight.size() == 8);
  REQUIRE(diamond.size() == 12);
  REQUIRE(four == all_steps([&](int down, int right) { return apart(down, right) <= 1; }));
  REQUIRE(eight == all_steps([&](int down, int right) { return std::max(std::abs(down), std::abs(right)) <= 1; }));
  REQUIRE(diamond == all_steps([&](int down, int right) { return apart(down, right) <= 2; }));
}

TEST_CASE("an edge may be named from either end", "[stencil]") {
  const PixelGraph graph{{0, -1, 2}, {-1, 8, 3}, {-8, 0, 4}, {2, -3, 5}, {0, 2, 0}};
  const std::vector<PixelEdge> expected = {{0, 1, 2}, {1, -8, 3}, {8, 0, 4}, {2, -3, 5}, {0, 2, 0}};
  REQUIRE(graph.edges().size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    REQUIRE(graph.edges()[i].down == expected[i].down);
    REQUIRE(graph.edges()[i].right == expected[i].right);
    REQUIRE(graph.edges()[i].weight == expected[i].weight);
  }
  REQUIRE(PixelGraph(std::span<const PixelEdge>()).edges().empty());
}

TEST_CASE("pixel graphs refuse edges that make no sense", "[stencil]") {
  REQUIRE_THAT(refusal({{0, 0}}), Catch::Contains("(0, 0)") && Catch::Contains("different pixels"));
  REQUIRE_THAT(refusal({{9, 0}}), Catch::Contains("(9, 0)") && Catch::Contains("8 rows and columns"));
  REQUIRE_THAT(refusal({{0, -9}}), Catch::Contains("(0, -9)"));
  REQUIRE_THAT(refusal({{0, std::numeric_limits<int32_t>::min()}}), Catch::Contains("-2147483648"));
  REQUIRE_THAT(refusal({{0, 1, -1}}), Catch::Contains("weight -1") && Catch::Contains("not negative"));
  REQUIRE_THAT(refusal({{0, 1, std::numeric_limits<float>::quiet_NaN()}}), Catch::Contains("finite"));
  REQUIRE_THAT(refusal({{0, 1, std::numeric_limits<float>::infinity()}}), Catch::Contains("finite"));
  REQUIRE_THAT(refusal({{1, 2}, {0, 1}, {1, 2}}), Catch::Contains("(1, 2)") && Catch::Contains("twice"));
  REQUIRE_THAT(refusal({{1, -2}, {-1, 2}}), Catch::Contains("twice"));

  std::vector<PixelEdge> many;
  for (int32_t down = 0; many.size() < PixelGraph::kMostEdges; ++down)
    for (int32_t right = 1; right <= 8 && many.size() < PixelGraph::kMostEdges; ++right) many.push_back({down, right});
  REQUIRE(refusal(many).empty());
  many.push_back({8, 8});
  REQUIRE_THAT(refusal(many), Catch::Contains("33 edges") && Catch::Contains("32"));
}
