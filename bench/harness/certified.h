#pragma once

#include "bench/harness/printed.h"
#include "kernels/error.h"
#include "losses/transport/exact.h"

namespace wasserkern::bench {

/// The least cost. Throws Error for one that is not certified: a program records none.
inline double certified_cost(const losses::ExactTransport& transport) {
  if (transport.certified) return transport.primal;
  throw Error("exact transport: cost " + printed("%.9g", transport.primal) + " with dual value " +
              printed("%.9g", transport.dual) +
              " is not certified and not recorded; look for costs of very different size among the points");
}

}  // namespace wasserkern::bench
