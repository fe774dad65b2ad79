#include "bench/harness/run_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::bench;
using namespace wasserkern::testing;

namespace {

const nlohmann::json kConfig = {{"experiment", "ring"}, {"flags", {{"seed", 1}}}};

}  // namespace

TEST_CASE("a new run's folder is made with its rooms and its config", "[run_folder]") {
  const TemporaryFolder folder;
  const RunFolder run(folder / "deep/run", "ring");
  run.check_unused();
  run.create(kConfig);
  CHECK(std::filesystem::is_directory(run.path() / "samples"));
  CHECK(std::filesystem::is_directory(run.path() / "figures"));
  CHECK(run.read_config("ring") == kConfig);
  CHECK(run.samples(1000, "", ".png").filename() == "000001000.png");
  CHECK(run.samples(1000, "real", ".npy").filename() == "real-000001000.npy");
}

TEST_CASE("a folder's own name has experiment and time", "[run_folder]") {
  const RunFolder run("", "qp_wgan/mnist");
  CHECK(run.path().native().starts_with("runs/qp_wgan-mnist-2"));
}

TEST_CASE("a folder with something in it is refused, an empty one and what a killed start left are not",
          "[run_folder]") {
  const TemporaryFolder folder;
  const RunFolder run(folder.path(), "ring");
  run.check_unused();
  std::filesystem::create_directories(folder / "samples");
  write_bytes(folder / "config.json.partial", to_bytes("{"));
  run.check_unused();

  const std::string name = GENERATE("config.json", "letter.txt", "samples/1.png");
  write_bytes(folder / name, to_bytes("content"));
  CHECK(is_one_line_with(data_error([&] { run.check_unused(); }), folder.path().native()));
}

TEST_CASE("a config that is missing, damaged or another experiment's is a DataError", "[run_folder]") {
  const TemporaryFolder folder;
  const RunFolder run(folder.path(), "ring");
  const auto refused = [&](const std::string& word) {
    const std::string message = data_error([&] { run.read_config("ring"); });
    CHECK(is_one_line_with(message, folder.path().native()));
    CHECK(is_one_line_with(message, word));
  };
  refused("no config.json");
  for (const char* content : {"", "{", "[]", "{\"experiment\": 3, \"flags\": {}}", "{\"experiment\": \"ring\"}"}) {
    write_bytes(folder / "config.json", to_bytes(content));
    refused("damaged");
  }
  run.write_config({{"experiment", "gauss"}, {"flags", nlohmann::json::object()}});
  refused("gauss");
}
