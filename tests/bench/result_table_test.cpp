#include "bench/harness/result_table.h"

#include <catch2/catch.hpp>

#include "bench/harness/experiment.h"
#include "bench/harness/metrics_file.h"
#include "tests/files.h"

using namespace wasserkern;
using namespace wasserkern::bench;
using namespace wasserkern::testing;

namespace {

const ResultTable kTable{
    "W1 of samples", {"n", "mean", "paper"}, {{"10", "5.25", "about 5, read off"}, {"1000", "", "\"4\""}}};

/// A run of `iterations` that measures the squares of all and the halves of even ones.
struct Run : Experiment {
  Run(const std::vector<std::string>& folder, int64_t iterations)
      : Experiment(
            {.name = "test", .summary = "a test", .iterations = 1, .batch = 1}, "test",
            {"--device", "cpu", "--threads", "1", "--iterations", std::to_string(iterations), folder[0], folder[1]}) {
    train([&] {
      measure({{"square", static_cast<double>(step() * step()) / 10}});
      if (step() % 2 == 0) measure({{"half", static_cast<double>(step()) / 2}});
    });
  }
};

using Rows = std::vector<std::pair<uint64_t, double>>;

}  // namespace

TEST_CASE("a table is aligned, numbers to the right", "[result_table]") {
  CHECK(text_lines(kTable) == std::vector<std::string>{"W1 of samples",        //
                                                       "     n  mean  paper",  //
                                                       "    10  5.25  about 5, read off", "  1000        \"4\""});
}

TEST_CASE("a table's file has quotes where they are needed, and is replaced whole", "[result_table]") {
  const TemporaryFolder folder;
  write_csv(folder / "results.csv", {"", {"long before"}, {{"1"}, {"2"}, {"3"}, {"4"}, {"5"}, {"6"}, {"7"}}});
  write_csv(folder / "results.csv", kTable);
  CHECK(read_bytes(folder / "results.csv") ==
        to_bytes("n,mean,paper\n10,5.25,\"about 5, read off\"\n1000,,\"\"\"4\"\"\"\n"));
  CHECK(is_one_line_with(data_error([&] { write_csv(folder / "none/results.csv", kTable); }), "results.csv"));
  CHECK(folder.names() == std::vector<std::string>{"results.csv"});
}

TEST_CASE("a row that does not fit its header is a ShapeError", "[result_table]") {
  const ResultTable ragged{"", {"a", "b"}, {{"1", "2"}, {"3"}}};
  CHECK_THROWS_AS(text_lines(ragged), ShapeError);
  CHECK_THROWS_AS(write_csv("never/written", ragged), ShapeError);
}

TEST_CASE("what was measured is there after training, rows before a resume included", "[experiment]") {
  const TemporaryFolder folder;
  const std::string place = folder / "run";
  CHECK(Run({"--out", place}, 3).measured("square") == Rows{{1, 0.1f}, {2, 0.4f}, {3, 0.9f}});
  Run run({"--resume", place}, 4);
  CHECK(run.measured("square") == Rows{{1, 0.1f}, {2, 0.4f}, {3, 0.9f}, {4, 1.6f}});
  CHECK(run.measured("half") == Rows{{2, 1}, {4, 2}});
  CHECK(is_one_line_with(data_error([&] { run.measured("third"); }), "third"));

  run.results(kTable);
  CHECK(std::filesystem::exists(folder / "run/results.csv"));
  const Bytes log = read_bytes(folder / "run/log.txt");
  const std::string said(reinterpret_cast<const char*>(log.data()), log.size());
  CHECK(said.find("\n    10  5.25  about 5, read off\n") != std::string::npos);
}

TEST_CASE("a metrics file that is damaged is a DataError with the line", "[metrics_file]") {
  const TemporaryFolder folder;
  for (const char* row : {"2,3,4\n", "2\n", "x,1\n", "2,one\n"}) {
    write_bytes(folder / "metrics.csv", to_bytes(std::string("step,loss\n1,2\n") + row));
    CHECK(is_one_line_with(data_error([&] { read_metric(folder / "metrics.csv", "loss"); }), "line 3"));
  }
}
