#include "bench/harness/metrics_file.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::bench;
using namespace wasserkern::testing;

namespace {

constexpr float kNothing = std::numeric_limits<float>::quiet_NaN();

std::string text_of(const std::filesystem::path& path) {
  const Bytes bytes = read_bytes(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append_steps(MetricsFile& file, uint64_t first, uint64_t last) {
  for (uint64_t step = first; step <= last; ++step) {
    file.append(step, {"loss", "spread"}, {0.1f * static_cast<float>(step), -1});
  }
  file.flush();
}

}  // namespace

TEST_CASE("metrics are rows under a header; what was not recorded is empty", "[metrics_file]") {
  const TemporaryFolder folder;
  {
    MetricsFile file(folder / "metrics.csv", 0, true);
    file.append(1, {"loss", "spread"}, {0.1f, kNothing});
    file.append(2, {"loss", "spread"}, {1e-20f, std::numeric_limits<float>::infinity()});
    file.flush();
  }
  CHECK(text_of(folder / "metrics.csv") == "step,loss,spread\n1,0.1,\n2,1e-20,inf\n");
  CHECK(text_of(folder / "metrics.jsonl") == "{\"step\":1,\"loss\":0.1}\n{\"step\":2,\"loss\":1e-20}\n");
}

TEST_CASE("a name that comes later becomes a column, in rows that are there too", "[metrics_file]") {
  const TemporaryFolder folder;
  MetricsFile file(folder / "metrics.csv", 0, false);
  file.append(1, {"loss"}, {1});
  file.append(2, {"loss", "a", "b"}, {2, 3, 4});
  file.append(3, {"b"}, {5});
  file.sync();
  CHECK(text_of(folder / "metrics.csv") == "step,loss,a,b\n1,1,,\n2,2,3,4\n3,,,5\n");
}

TEST_CASE("rows after the checkpoint are cut, whatever a kill left behind them", "[metrics_file]") {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.csv";
  {
    MetricsFile file(path, 0, true);
    append_steps(file, 1, 9);
  }
  const std::string whole = text_of(path);
  const std::string whole_json = text_of(folder / "metrics.jsonl");
  const std::string leftover = GENERATE("", "10", "10,", "10,1,-1\n", "10,1,-1\n11,2");
  const uint64_t checkpoint = GENERATE(0, 1, 4, 9);
  write_bytes(path, to_bytes(whole + leftover));
  write_bytes(folder / "metrics.jsonl", to_bytes(whole_json + "{\"step\":10,\"lo"));
  {
    MetricsFile file(path, checkpoint, true);
    append_steps(file, checkpoint + 1, 9);
  }
  CHECK(text_of(path) == whole);
  CHECK(text_of(folder / "metrics.jsonl") == whole_json);
}

TEST_CASE("columns keep their order when they are recorded in another one", "[metrics_file]") {
  const TemporaryFolder folder;
  {
    MetricsFile file(folder / "metrics.csv", 0, false);
    file.append(1, {"a", "b"}, {1, 2});
    file.flush();
  }
  MetricsFile file(folder / "metrics.csv", 1, false);
  file.append(2, {"b", "a"}, {3, 4});
  file.flush();
  CHECK(text_of(folder / "metrics.csv") == "step,a,b\n1,1,2\n2,4,3\n");
}

TEST_CASE("a file that is not a run's metrics is refused and kept", "[metrics_file]") {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.csv";
  const std::string content = GENERATE("name,value\n1,2\n", "step,loss\n,2\n", "step,loss\nx,2\n", "step,loss\n-1,2\n",
                                       "step,loss\n99999999999999999999,2\n", "step,loss\n\n");
  write_bytes(path, to_bytes(content));
  CHECK(is_one_line_with(data_error([&] { MetricsFile(path, 1, false); }), path.native()));
  CHECK(text_of(path) == content);
}
