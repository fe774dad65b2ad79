#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace wasserkern::bench {

/// Where a run keeps what it makes:
///
///     config.json             the experiment and the values of its flags; written first
///     metrics.csv             one row per step (and metrics.jsonl, if asked for)
///     results.csv             what came of it, beside the paper's numbers; of programs that have such a table
///     samples/000001000.png   pictures, by step; points as .npy
///     figures/                curves, drawn by tools/figures
///     checkpoint.safetensors  all that is needed to go on
///     log.txt                 what the run said, with its speed
class RunFolder {
 public:
  /// Not looked at yet; an empty path is a new folder runs/<experiment>-<date>-<time>.
  RunFolder(std::filesystem::path path, const std::string& experiment);

  /// Throws DataError when something is there already: a run overwrites nothing.
  void check_unused() const;
  /// Makes the folder and its rooms, and writes config.json; throws DataError.
  void create(const nlohmann::json& config) const;
  /// Replaces config.json.
  void write_config(const nlohmann::json& config) const;
  /// config.json of the folder; throws DataError when it is missing, damaged, or another experiment's.
  nlohmann::json read_config(const std::string& experiment) const;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path metrics() const { return path_ / "metrics.csv"; }
  std::filesystem::path results() const { return path_ / "results.csv"; }
  std::filesystem::path checkpoint() const { return path_ / "checkpoint.safetensors"; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  /// samples/NAME-000001000.png, without the dash if the name is empty.
  std::filesystem::path samples(uint64_t step, const std::string& name, const std::string& ending) const;
  std::string text() const;

 private:
  std::filesystem::path path_;
};

}  // namespace wasserkern::bench
