#pragma once

#include <type_traits>

namespace wasserkern {

/// A list of the specialised structs that a cost may hand to a kernel.
template <class... Form>
struct CostForms {
  /// The place of `Wanted` in the list.
  template <class Wanted>
  static constexpr int index() {
    static_assert((std::is_same_v<Wanted, Form> || ...), "a cost specialises to a struct that is not among its Forms");
    int place = 0;
    const bool found = ((std::is_same_v<Wanted, Form> || (++place, false)) || ...);
    return found ? place : -1;
  }
};

/// Several lists as one.
template <class... Lists>
struct JoinForms;

template <class... Form>
struct JoinForms<CostForms<Form...>> {
  using Forms = CostForms<Form...>;
};

template <class... Left, class... Right, class... Lists>
struct JoinForms<CostForms<Left...>, CostForms<Right...>, Lists...> {
  using Forms = typename JoinForms<CostForms<Left..., Right...>, Lists...>::Forms;
};

}  // namespace wasserkern
