#include "bench/harness/device_flags.h"

namespace wasserkern::bench {

DeviceOptions device_flags(Flags& flags) {
  constexpr int64_t kMostThreads = 4096;
  constexpr auto free = OnResume::MayDiffer;
  DeviceOptions device;
  device.name =
      flags.text({"device", "auto|cpu|cuda", "where it runs; auto takes the GPU if there is one", free}, "auto");
  device.threads =
      static_cast<int>(flags.integer({"threads", "COUNT", "of the CPU; 0 for all", free}, 0, 0, kMostThreads));
  device.tf32 = flags.toggle({"tf32", "", "let a GPU round the factors of products to TF32", free});
  return device;
}

}  // namespace wasserkern::bench
