#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/cost/lq.h"

namespace wasserkern {

/// Every ground cost there is. A new one is a header beside lq.h, with `name`, `samples`, `Forms` and `specialise`, and
/// its name here: kernels, ops, tests and benchmarks then serve it. README.md shows one. Law 2.
using Cost = std::variant<LqCost>;

/// Calls `kernel` with the specialised form of `cost`; throws UsageError when its parameters make no sense.
template <class Kernel>
decltype(auto) visit_cost(const Cost& cost, Kernel&& kernel) {
  return std::visit([&](const auto& chosen) -> decltype(auto) { return specialise(chosen, kernel); }, cost);
}

inline std::string cost_name(const Cost& cost) {
  return std::visit([](const auto& chosen) { return chosen.name(); }, cost);
}

namespace detail {
template <class... Costs>
typename JoinForms<typename Costs::Forms...>::Forms forms_of(std::variant<Costs...>*);

template <class... Costs>
std::vector<Cost> samples_of(std::variant<Costs...>*) {
  std::vector<Cost> all;
  (
      [&all] {
        for (const auto& sample : Costs::samples()) all.push_back(sample);
      }(),
      ...);
  return all;
}
}  // namespace detail

/// What a kernel may be handed, over all costs.
using AllCostForms = decltype(detail::forms_of(static_cast<Cost*>(nullptr)));

/// The samples of every registered cost.
inline std::vector<Cost> sample_costs() { return detail::samples_of(static_cast<Cost*>(nullptr)); }

}  // namespace wasserkern
