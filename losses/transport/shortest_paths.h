#pragma once

#include "losses/transport/cost_rows.h"
#include "losses/transport/transport_plan.h"

namespace wasserkern::losses {

/// Sends what supply is left along shortest augmenting paths, in double, until the plan is optimal (Jonker and
/// Volgenant 1987, on masses). Every share of the plan must be tight. Dijkstra's search knows of a source's targets
/// those that are its candidates, and looks for others when it comes to their floor, so that paths are the shortest of
/// all.
void send_along_shortest_paths(const CostRows& costs, TransportPlan& plan, Candidates& candidates);

}  // namespace wasserkern::losses
