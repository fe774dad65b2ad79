#include <cstdio>

#include "tests/fuzz/targets.h"

/// Writes the seeds of every target to FOLDER/<target>/, for libFuzzer to start from.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_seeds FOLDER\n");
    return 2;
  }
  for (const auto& target : wasserkern::testing::fuzz_targets()) {
    const auto folder = std::filesystem::path(argv[1]) / target.name;
    std::filesystem::create_directories(folder);
    for (size_t i = 0; i < target.seeds.size(); ++i) {
      wasserkern::testing::write_bytes(folder / ("seed-" + std::to_string(i)), target.seeds[i]);
    }
  }
}
