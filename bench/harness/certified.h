#pragma once

#include <cstdio>

#include "kernels/error.h"
#include "losses/transport/exact.h"

namespace wasserkern::bench {

/// The least cost. Throws Error for one that is not certified: a program records none.
inline double certified_cost(const losses::ExactTransport& transport) {
  if (transport.certified) return transport.primal;
  char text[160];
  std::snprintf(text, sizeof text,
                "exact transport: cost %.9g with dual value %.9g is not certified and not recorded; look for costs of "
                "very different size among the points",
                transport.primal, transport.dual);
  throw Error(text);
}

}  // namespace wasserkern::bench
