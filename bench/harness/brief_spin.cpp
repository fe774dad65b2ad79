#include "bench/harness/brief_spin.h"

#include <unistd.h>

#include <cstdlib>

namespace wasserkern::bench {

void spin_briefly(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
  ::setenv("GOMP_SPINCOUNT", "2000", 0);
  ::execv("/proc/self/exe", argv);
}

}  // namespace wasserkern::bench
