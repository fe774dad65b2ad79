#include "losses/transport/shortest_paths.h"

#include <algorithm>
#include <queue>
#include <utility>

namespace wasserkern::losses {
namespace {

constexpr int32_t kNobody = -1;

/// A search from one source over all others and all targets, in reduced costs.
class PathSearch {
 public:
  PathSearch(const CostRows& costs, TransportPlan& plan, Candidates& candidates)
      : costs_(costs),
        plan_(plan),
        candidates_(candidates),
        u_(plan.supply.size()),
        sources_(plan.supply.size()),
        targets_(plan.demand.size()) {
    for (size_t i = 0; i < u_.size(); ++i) u_[i] = least(static_cast<int32_t>(i));
  }

  /// Sends some of a source's supply.
  void augment(int32_t start) {
    begin();
    reach(start, 0, kNobody);
    const int32_t end = nearest_demand();
    shift_potentials(targets_[static_cast<size_t>(end)].distance);
    move_mass(start, end);
  }

 private:
  struct Source {
    uint64_t search = 0;  // the number of the search that reached it
    double distance;
    int32_t from;   // the target before it on the path
    bool searched;  // its candidates are of this search
  };
  struct Target {
    uint64_t search = 0;
    double distance;
    int32_t from;  // the source before it on the path
    float cost;    // of that step
    bool settled;
  };
  /// A target; or a source, as ~source, whose unlisted targets are not nearer.
  using Event = std::pair<double, int32_t>;

  double least(int32_t source) const {
    double least = candidates_.floor[static_cast<size_t>(source)];
    for_each_candidate(source, [&](int32_t target, float cost) {
      least = std::min(least, cost + plan_.price[static_cast<size_t>(target)]);
    });
    return least;
  }

  template <class Use>
  void for_each_candidate(int32_t source, Use use) const {
    const auto first = static_cast<size_t>(source * candidates_.size);
    for (size_t at = first; at < first + static_cast<size_t>(candidates_.size); ++at)
      use(candidates_.column[at], candidates_.cost[at]);
  }

  void begin() {
    ++search_;
    events_ = {};
    reached_.clear();
    settled_.clear();
  }

  void reach(int32_t source, double distance, int32_t from) {
    Source& i = sources_[static_cast<size_t>(source)];
    if (i.search == search_) return;
    i = {search_, distance, from, false};
    reached_.push_back(source);
    relax_candidates(source);
  }

  void relax(int32_t source, int32_t target, float cost) {
    Target& j = targets_[static_cast<size_t>(target)];
    const double distance = sources_[static_cast<size_t>(source)].distance +
                            (cost + plan_.price[static_cast<size_t>(target)] - u_[static_cast<size_t>(source)]);
    if (j.search == search_ && (j.settled || j.distance <= distance)) return;
    j = {search_, distance, source, cost, false};
    events_.emplace(distance, target);
  }

  void relax_candidates(int32_t source) {
    for_each_candidate(source, [&](int32_t target, float cost) { relax(source, target, cost); });
    const auto i = static_cast<size_t>(source);
    if (candidates_.size < costs_.columns())
      events_.emplace(sources_[i].distance + candidates_.floor[i] - u_[i], ~source);
  }

  /// Takes in the targets of a source that its candidates leave out: new candidates, and if these were not enough all.
  void look_further(int32_t source) {
    Source& i = sources_[static_cast<size_t>(source)];
    if (!i.searched) {
      i.searched = true;
      costs_.search({&source, 1}, plan_.price, candidates_);
      return relax_candidates(source);
    }
    const std::vector<float> row = costs_.row(source);
    for (size_t j = 0; j < row.size(); ++j) relax(source, static_cast<int32_t>(j), row[j]);
  }

  /// Settles targets in the order of their distance, up to the first that still has demand.
  int32_t nearest_demand() {
    while (true) {
      const auto [distance, place] = events_.top();
      events_.pop();
      if (place < 0) {
        look_further(~place);
        continue;
      }
      Target& j = targets_[static_cast<size_t>(place)];
      if (j.settled || distance > j.distance) continue;
      j.settled = true;
      settled_.push_back(place);
      if (plan_.demand[static_cast<size_t>(place)] > 0) return place;
      for (const Share& share : plan_.shares[static_cast<size_t>(place)]) reach(share.source, distance, place);
    }
  }

  void shift_potentials(double length) {
    for (const int32_t target : settled_) {
      const auto j = static_cast<size_t>(target);
      plan_.price.raise(j, plan_.price[j] + (length - targets_[j].distance));
    }
    for (const int32_t i : reached_) u_[static_cast<size_t>(i)] += length - sources_[static_cast<size_t>(i)].distance;
  }

  Share& share_of(int32_t source, int32_t target) const {
    std::vector<Share>& shares = plan_.shares[static_cast<size_t>(target)];
    return *std::find_if(shares.begin(), shares.end(), [=](const Share& share) { return share.source == source; });
  }

  void move_mass(int32_t start, int32_t end) {
    int64_t mass = std::min(plan_.supply[static_cast<size_t>(start)], plan_.demand[static_cast<size_t>(end)]);
    for (int32_t i = targets_[static_cast<size_t>(end)].from; i != start;) {
      const int32_t before = sources_[static_cast<size_t>(i)].from;
      mass = std::min(mass, share_of(i, before).mass);
      i = targets_[static_cast<size_t>(before)].from;
    }
    plan_.supply[static_cast<size_t>(start)] -= mass;
    plan_.demand[static_cast<size_t>(end)] -= mass;
    for (int32_t j = end;;) {
      const Target& step = targets_[static_cast<size_t>(j)];
      give(step.from, j, step.cost, mass);
      if (step.from == start) return;
      j = sources_[static_cast<size_t>(step.from)].from;
      take_back(step.from, j, mass);
    }
  }

  void give(int32_t source, int32_t target, float cost, int64_t mass) {
    std::vector<Share>& shares = plan_.shares[static_cast<size_t>(target)];
    const auto known = std::find_if(shares.begin(), shares.end(), [=](const Share& s) { return s.source == source; });
    if (known == shares.end())
      shares.push_back({source, cost, mass, 0});
    else
      known->mass += mass;
  }

  void take_back(int32_t source, int32_t target, int64_t mass) {
    Share& share = share_of(source, target);
    share.mass -= mass;
    if (share.mass > 0) return;
    std::vector<Share>& shares = plan_.shares[static_cast<size_t>(target)];
    share = shares.back();
    shares.pop_back();
  }

  const CostRows& costs_;
  TransportPlan& plan_;
  Candidates& candidates_;
  std::vector<double> u_;  // of the sources: their potentials
  std::vector<Source> sources_;
  std::vector<Target> targets_;
  uint64_t search_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<int32_t> reached_, settled_;
};

}  // namespace

void send_along_shortest_paths(const CostRows& costs, TransportPlan& plan, Candidates& candidates) {
  PathSearch paths(costs, plan, candidates);
  for (size_t i = 0; i < plan.supply.size(); ++i)
    while (plan.supply[i] > 0) paths.augment(static_cast<int32_t>(i));
}

}  // namespace wasserkern::losses
