#include "losses/transport/flow_forest.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace wasserkern::losses {
namespace {

constexpr int32_t kNobody = -1;

/// Shares as edges of a forest over sources and targets, each held by the end that is the child.
class FlowForest {
 public:
  FlowForest(size_t sources, size_t targets) : sources_(static_cast<int32_t>(sources)), nodes_(sources + targets) {}

  void add(const Share& share, int32_t target) {
    const Edge edge{share.source, sources_ + target, share.cost, share.mass};
    if (root_of(edge.source) == root_of(edge.target))
      add_to_cycle(edge);
    else
      link(edge);
  }

  /// Calls `use(target, share)` for every edge.
  template <class Use>
  void for_each(Use use) const {
    for (const Node& node : nodes_)
      if (node.parent != kNobody)
        use(node.edge.target - sources_, Share{node.edge.source, node.edge.cost, node.edge.mass, 0});
  }

 private:
  struct Edge {
    int32_t source, target;  // as nodes
    float cost;
    int64_t mass;
  };
  struct Node {
    int32_t parent = kNobody;
    Edge edge{};  // to the parent
  };

  Node& at(int32_t node) { return nodes_[static_cast<size_t>(node)]; }

  int32_t root_of(int32_t node) {
    while (at(node).parent != kNobody) node = at(node).parent;
    return node;
  }

  /// Makes the source the root of its tree, and a child of the target.
  void link(const Edge& edge) {
    int32_t node = edge.source;
    Node above{edge.target, edge};
    while (node != kNobody) {
      std::swap(at(node), above);
      // `above` is what the node had: its parent's edge now points down.
      const int32_t parent = above.parent;
      above.parent = node;
      node = parent;
    }
  }

  /// An edge between two nodes of a tree closes a cycle, around which shares grow and shrink in turn. It shrinks, and
  /// with it every second edge from either end, until one of these is gone.
  void add_to_cycle(Edge edge) {
    const auto [up, down] = paths(edge.source, edge.target);
    int64_t moved = edge.mass;
    for (const auto* path : {&up, &down})
      for (size_t k = 1; k < path->size(); k += 2) moved = std::min(moved, at((*path)[k]).edge.mass);
    edge.mass -= moved;
    for (const auto* path : {&up, &down})
      for (size_t k = 0; k < path->size(); ++k) at((*path)[k]).edge.mass += k % 2 == 0 ? moved : -moved;
    for (const auto* path : {&up, &down})
      for (const int32_t node : *path)
        if (at(node).edge.mass == 0) at(node).parent = kNobody;
    if (edge.mass > 0) link(edge);
  }

  /// The nodes from either end up to below where the two meet.
  std::pair<std::vector<int32_t>, std::vector<int32_t>> paths(int32_t a, int32_t b) {
    std::vector<int32_t> from_a = to_root(a), from_b = to_root(b);
    while (!from_a.empty() && !from_b.empty() && from_a.back() == from_b.back()) {
      from_a.pop_back();
      from_b.pop_back();
    }
    return {from_a, from_b};
  }

  std::vector<int32_t> to_root(int32_t node) {
    std::vector<int32_t> path{node};
    while (at(node).parent != kNobody) path.push_back(node = at(node).parent);
    return path;
  }

  int32_t sources_;
  std::vector<Node> nodes_;
};

}  // namespace

void remove_cycles(TransportPlan& plan) {
  FlowForest forest(plan.supply.size(), plan.demand.size());
  for (size_t j = 0; j < plan.shares.size(); ++j) {
    for (const Share& share : plan.shares[j]) forest.add(share, static_cast<int32_t>(j));
    plan.shares[j].clear();
  }
  forest.for_each(
      [&](int32_t target, const Share& share) { plan.shares[static_cast<size_t>(target)].push_back(share); });
}

}  // namespace wasserkern::losses
