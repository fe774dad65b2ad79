#include "engine/checkpoint.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "engine/safetensors.h"
#include "tests/device.h"
#include "tests/files.h"

namespace wasserkern::testing {

TEST_CASE("weights of convolutions are OHWI in memory and OIHW in a checkpoint", "[checkpoint]") {
  const Shape ohwi{2, 2, 1, 3};
  const Parameters parameters(test_device(), {{"0.weight", ohwi}, {"0.bias", {2}}});
  std::vector<float> values(12);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  parameters["0.weight"].copy_from_host(values);

  const TemporaryFolder folder;
  const std::string path = folder.path() / "checkpoint.safetensors";
  Checkpoint written;
  written.visit("critic", parameters);
  written.commit(path);

  const auto file = SafetensorsFile::read(path);
  const TensorEntry& entry = file.at("critic.0.weight");
  CHECK(entry.shape == std::vector<int64_t>{2, 3, 2, 1});
  std::vector<float> oihw(12);
  REQUIRE(entry.bytes.size() == sizeof(float) * oihw.size());
  std::memcpy(oihw.data(), entry.bytes.data(), entry.bytes.size());
  CHECK(oihw == std::vector<float>{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11});

  parameters["0.weight"].copy_from_host(std::vector<float>(12, -1));
  Checkpoint read(path);
  read.visit("critic", parameters);
  CHECK(parameters["0.weight"].to_host() == values);

  const Parameters other(test_device(), {{"0.weight", {2, 1, 2, 3}}, {"0.bias", {2}}});
  Checkpoint again(path);
  CHECK_THROWS_AS(again.visit("critic", other), DataError);
}

}  // namespace wasserkern::testing
