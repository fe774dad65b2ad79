#pragma once

// How a cost gets into code that is compiled per instruction set: std::variant must stay outside, because its inline
// functions would be shared between the instruction sets.

#include "kernels/cost/cost.h"
#include "kernels/cpu/power.h"

namespace wasserkern {

/// One of AllCostForms, by its place there; owns nothing.
struct CostForm {
  int index;
  const void* form;
};

#ifdef WASSERKERN_ONCE
/// Calls `kernel` with the CostForm that serves `cost`; throws UsageError when its parameters make no sense.
template <class Kernel>
void with_cost_form(const Cost& cost, Kernel&& kernel) {
  visit_cost(cost, [&]<class Form>(const Form& form) { kernel(CostForm{AllCostForms::index<Form>(), &form}); });
}
#endif

namespace WASSERKERN_ISA {
namespace {

template <class... Form, class Kernel>
HWY_INLINE void visit_form(CostForms<Form...>, CostForm cost, Kernel kernel) {
  int place = 0;
  (void)((cost.index == place++ && (kernel(*static_cast<const Form*>(cost.form)), true)) || ...);
}

/// Calls `kernel` with the specialised struct itself.
template <class Kernel>
HWY_INLINE void visit_form(CostForm cost, Kernel kernel) {
  visit_form(AllCostForms(), cost, kernel);
}

}  // namespace
}  // namespace WASSERKERN_ISA
}  // namespace wasserkern
