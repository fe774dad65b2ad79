#include "losses/transport/auction.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace wasserkern::losses {
namespace {

// In units of the candidates' mean spread. Fewer bids in fewer phases leave more to shortest paths, which are cheap.
constexpr double kEpsilons[] = {0.2, 0.05, 0.01};
constexpr int64_t kMostBids = 200;     // for each point, in a phase
constexpr int64_t kMostSearches = 40;  // for each source, in a phase
constexpr int64_t kLastBids = 4;       // for each source without a target, at epsilon 0

/// The best candidate of a source, and what the next best comes to at least.
struct Offer {
  int32_t target;
  float cost;
  double best, second;
};

Offer best_offer(const Candidates& candidates, const Prices& price, int32_t source) {
  const auto first = static_cast<size_t>(source * candidates.size);
  Offer offer{-1, 0, std::numeric_limits<double>::infinity(), candidates.floor[static_cast<size_t>(source)]};
  for (size_t at = first; at < first + static_cast<size_t>(candidates.size); ++at) {
    const double sum = candidates.cost[at] + price[static_cast<size_t>(candidates.column[at])];
    if (sum < offer.best) {
      offer.second = std::min(offer.second, offer.best);
      offer = {candidates.column[at], candidates.cost[at], sum, offer.second};
    } else {
      offer.second = std::min(offer.second, sum);
    }
  }
  return offer;
}

class Auction {
 public:
  Auction(const CostRows& costs, TransportPlan& plan, Candidates& candidates)
      : costs_(costs), plan_(plan), candidates_(candidates), waiting_(plan.supply.size(), 0) {}

  /// From nothing sent to everything sent.
  void run(double epsilon) {
    plan_.clear();
    enter_all();
    const auto points = std::ssize(plan_.supply) + std::ssize(plan_.demand);
    int64_t searches = kMostSearches * std::ssize(plan_.supply);
    bids_left_ = kMostBids * points;
    while (bids_left_ > 0 && searches > 0) {
      if (queue_.empty()) {
        if (outgrown_.empty()) return;
        costs_.search(outgrown_, plan_.price, candidates_);
        searches -= std::ssize(outgrown_);
        queue_.swap(outgrown_);
        bid(next(), epsilon, true);
      } else {
        bid(next(), epsilon, false);
      }
    }
    queue_.clear();
    outgrown_.clear();
  }

  /// Bids of those without a target that leave every share tight.
  void run_exact() {
    enter_all();
    bids_left_ = kLastBids * std::ssize(queue_);
    while (bids_left_ > 0 && !queue_.empty()) bid(next(), 0, false);
    queue_.clear();
    outgrown_.clear();
  }

 private:
  void enter(int32_t source) {
    if (waiting_[static_cast<size_t>(source)]) return;
    waiting_[static_cast<size_t>(source)] = 1;
    queue_.push_back(source);
  }

  void enter_all() {
    std::fill(waiting_.begin(), waiting_.end(), 0);
    for (auto i = std::ssize(plan_.supply) - 1; i >= 0; --i)
      if (plan_.supply[static_cast<size_t>(i)] > 0) enter(static_cast<int32_t>(i));
  }

  int32_t next() {
    const int32_t source = queue_.back();
    queue_.pop_back();
    waiting_[static_cast<size_t>(source)] = 0;
    return source;
  }

  /// Bids with all that a source has left, until its candidates are outgrown. One that was `just_searched` is believed:
  /// rounding cannot keep it from bidding.
  void bid(int32_t source, double epsilon, bool just_searched) {
    for (; plan_.supply[static_cast<size_t>(source)] > 0 && bids_left_ > 0; --bids_left_) {
      const Offer offer = best_offer(candidates_, plan_.price, source);
      if (offer.best > candidates_.floor[static_cast<size_t>(source)] && !just_searched) {
        if (epsilon > 0) outgrown_.push_back(source);
        return;
      }
      just_searched = false;
      const double advantage = std::isinf(offer.second) ? 0 : std::max(0.0, offer.second - offer.best);
      const double price = plan_.price[static_cast<size_t>(offer.target)], level = price + advantage + epsilon;
      take(source, offer, level, level > price);
      if (!(level > price)) return;
    }
  }

  /// Moves mass of a source to a target: to free mass if there is some, else in the place of the lowest bidder, who may
  /// bid again.
  void take(int32_t source, const Offer& offer, double level, bool may_bid_again) {
    const auto i = static_cast<size_t>(source), j = static_cast<size_t>(offer.target);
    std::vector<Share>& shares = plan_.shares[j];
    const auto higher = [](const Share& a, const Share& b) { return a.level > b.level; };
    int64_t mass = std::min(plan_.supply[i], plan_.demand[j]);
    if (mass > 0) {
      plan_.demand[j] -= mass;
    } else if (!shares.empty()) {
      Share& lowest = shares.front();
      mass = std::min(plan_.supply[i], lowest.mass);
      lowest.mass -= mass;
      plan_.supply[static_cast<size_t>(lowest.source)] += mass;
      if (may_bid_again) enter(lowest.source);
      if (lowest.mass == 0) {
        std::pop_heap(shares.begin(), shares.end(), higher);
        shares.pop_back();
      }
    }
    if (mass > 0) {
      plan_.supply[i] -= mass;
      shares.push_back({source, offer.cost, mass, level});
      std::push_heap(shares.begin(), shares.end(), higher);
    }
    if (plan_.demand[j] == 0) plan_.price.raise(j, shares.empty() ? level : shares.front().level);
  }

  const CostRows& costs_;
  TransportPlan& plan_;
  Candidates& candidates_;
  std::vector<int32_t> queue_, outgrown_;
  int64_t bids_left_ = 0;
  std::vector<char> waiting_;  // whether it is in the queue
};

/// Takes back what is not tight.
void keep_tight(TransportPlan& plan, const Candidates& candidates) {
  for (size_t j = 0; j < plan.shares.size(); ++j)
    std::erase_if(plan.shares[j], [&](const Share& share) {
      const Offer offer = best_offer(candidates, plan.price, share.source);
      if (share.cost + plan.price[j] <= std::min(offer.best, candidates.floor[static_cast<size_t>(share.source)]))
        return false;
      plan.supply[static_cast<size_t>(share.source)] += share.mass;
      plan.demand[j] += share.mass;
      return true;
    });
}

double mean_spread(const TransportPlan& plan, const Candidates& candidates) {
  double sum = 0;
  for (size_t i = 0; i < plan.supply.size(); ++i) {
    const auto [least, most] =
        std::minmax_element(candidates.cost.begin() + static_cast<std::ptrdiff_t>(i) * candidates.size,
                            candidates.cost.begin() + static_cast<std::ptrdiff_t>(i + 1) * candidates.size);
    sum += double{*most} - *least;
  }
  return sum / static_cast<double>(plan.supply.size());
}

}  // namespace

void search_all(const CostRows& costs, const TransportPlan& plan, Candidates& candidates) {
  std::vector<int32_t> all(plan.supply.size());
  std::iota(all.begin(), all.end(), 0);
  costs.search(all, plan.price, candidates);
}

void auction(const CostRows& costs, TransportPlan& plan, Candidates& candidates) {
  search_all(costs, plan, candidates);
  Auction bidding(costs, plan, candidates);
  const double unit = mean_spread(plan, candidates);
  for (const double epsilon : kEpsilons)
    if (unit > 0) bidding.run(epsilon * unit);
  if (unit > 0) search_all(costs, plan, candidates);
  keep_tight(plan, candidates);
  for (size_t j = 0; j < plan.shares.size(); ++j)
    for (Share& share : plan.shares[j]) share.level = plan.price[j];
  bidding.run_exact();
}

}  // namespace wasserkern::losses
