#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace wasserkern::bench {

/// A run's measurements, one row per step with the columns of a header: `step,dual,distance`. A value that was not
/// recorded is an empty field. The bytes are a function of the values alone, so that equal runs have equal files. With
/// `json_lines` each row is also a JSON object in `<stem>.jsonl`.
class MetricsFile {
 public:
  /// Continues the file, of which only the rows up to `last_step` are kept: whatever a run wrote after its checkpoint
  /// it will write again. Throws DataError.
  MetricsFile(std::filesystem::path path, uint64_t last_step, bool json_lines);
  ~MetricsFile();
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;

  /// Adds a row; names that are new become columns.
  void append(uint64_t step, const std::vector<std::string>& names, const std::vector<float>& values);
  /// Hands the rows so far to the system, so that other programs see them.
  void flush();
  /// Returns once the rows so far outlive a power failure.
  void sync();

  const std::vector<std::string>& columns() const { return columns_; }

 private:
  void add_columns(const std::vector<std::string>& names);
  void reopen();

  std::filesystem::path path_;
  std::filesystem::path json_path_;
  bool json_lines_;
  std::vector<std::string> columns_;  // without step
  int csv_ = -1;
  int json_ = -1;
  std::string csv_rows_;  // not yet written
  std::string json_rows_;
};

/// Step and value of the rows that have a value in `column`. Throws DataError, also when there is no such column.
std::vector<std::pair<uint64_t, double>> read_metric(const std::filesystem::path& path, const std::string& column);

}  // namespace wasserkern::bench
