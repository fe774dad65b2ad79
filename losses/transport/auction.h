#pragma once

#include "losses/transport/cost_rows.h"
#include "losses/transport/transport_plan.h"

namespace wasserkern::losses {

/// Lists the candidates of all sources at the plan's prices.
void search_all(const CostRows& costs, const TransportPlan& plan, Candidates& candidates);

/// A start for shortest_paths: an auction in which sources bid for targets, Gauss-Seidel, with epsilon falling
/// (Bertsekas 1988; for masses Bertsekas and Castanon 1989), then a few bids at epsilon 0. Every share that it leaves
/// is tight: no target costs its source less. Sources are looked up in their candidates, and searched again, all that
/// wait at once, when prices have outgrown these. The result does not depend on the number of threads. It gives up,
/// leaving supply, where prices rise too slowly.
void auction(const CostRows& costs, TransportPlan& plan, Candidates& candidates);

}  // namespace wasserkern::losses
