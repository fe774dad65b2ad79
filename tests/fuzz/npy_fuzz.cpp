#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wasserkern::testing::fuzz_npy(std::as_bytes(std::span(data, size)));
  return 0;
}
