#include "bench/harness/metrics_file.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "bench/harness/append.h"
#include "engine/atomic_file.h"
#include "engine/file.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

constexpr char kStep[] = "step";
constexpr std::string_view kJsonStep = "{\"step\":";

std::string read_text(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return "";
  const std::vector<std::byte> bytes = read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void replace_text(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

/// The lines that end in a newline, each with it; what a killed process left unfinished is dropped.
std::vector<std::string_view> whole_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    lines.push_back(text.substr(0, end + 1));
  }
  return lines;
}

std::optional<uint64_t> leading_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || (*end != ',' && *end != '}' && *end != '\n'))
    return {};
  return number;
}

/// The rows up to `last_step`; rows start with `prefix` and the step.
std::string rows_until(std::span<const std::string_view> lines, std::string_view prefix, uint64_t last_step,
                       const std::filesystem::path& path) {
  std::string kept;
  for (const std::string_view line : lines) {
    const auto step = line.starts_with(prefix) ? leading_number(line.substr(prefix.size())) : std::nullopt;
    if (!step) throw DataError(printable(path.native()) + ": has a row without a step; move the file away to resume");
    if (*step > last_step) break;
    kept += line;
  }
  return kept;
}

std::vector<std::string> split(std::string_view line, char separator) {
  std::vector<std::string> fields(1);
  for (const char letter : line) {
    if (letter == separator) {
      fields.emplace_back();
    } else if (letter != '\n') {
      fields.back() += letter;
    }
  }
  return fields;
}

std::string header(const std::vector<std::string>& columns) {
  std::string line = kStep;
  for (const std::string& column : columns) line += "," + column;
  return line + "\n";
}

/// The shortest text that reads back as the same value.
std::string number_text(float value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

MetricsFile::MetricsFile(std::filesystem::path path, uint64_t last_step, bool json_lines)
    : path_(std::move(path)),
      json_path_(std::filesystem::path(path_).replace_extension(".jsonl")),
      json_lines_(json_lines) {
  const std::string text = read_text(path_);
  const std::vector<std::string_view> lines = whole_lines(text);
  if (!lines.empty()) {
    columns_ = split(lines.front(), ',');
    if (columns_.front() != kStep) {
      throw DataError(printable(path_.native()) + ": has no header that starts with step; move it away to resume");
    }
    columns_.erase(columns_.begin());
    const std::string rows = rows_until(std::span(lines).subspan(1), "", last_step, path_);
    if (rows.empty()) columns_.clear();
    const std::string kept = rows.empty() ? "" : header(columns_) + rows;
    if (kept != text) replace_text(path_, kept);
  } else if (!text.empty()) {
    replace_text(path_, "");
  }

  if (const std::string json_text = read_text(json_path_); !json_text.empty()) {
    const std::string kept = rows_until(whole_lines(json_text), kJsonStep, last_step, json_path_);
    if (kept != json_text) replace_text(json_path_, kept);
  }
  reopen();
}

MetricsFile::~MetricsFile() {
  if (csv_ >= 0) ::close(csv_);
  if (json_ >= 0) ::close(json_);
}

void MetricsFile::reopen() {
  if (csv_ >= 0) ::close(std::exchange(csv_, -1));
  csv_ = open_to_append(path_);
  if (json_lines_ && json_ < 0) json_ = open_to_append(json_path_);
}

void MetricsFile::append(uint64_t step, const std::vector<std::string>& names, const std::vector<float>& values) {
  if (std::any_of(names.begin(), names.end(), [&](const std::string& name) {
        return std::find(columns_.begin(), columns_.end(), name) == columns_.end();
      })) {
    add_columns(names);
  }
  csv_rows_ += std::to_string(step);
  for (const std::string& column : columns_) {
    const auto name = std::find(names.begin(), names.end(), column);
    csv_rows_ += ',';
    if (name != names.end()) {
      const float value = values[static_cast<size_t>(name - names.begin())];
      if (!std::isnan(value)) csv_rows_ += number_text(value);
    }
  }
  csv_rows_ += '\n';

  if (!json_lines_) return;
  json_rows_ += std::string(kJsonStep) + std::to_string(step);
  for (size_t i = 0; i < names.size(); ++i) {
    // JSON has no word for what is not finite.
    if (std::isfinite(values[i])) json_rows_ += "," + nlohmann::json(names[i]).dump() + ":" + number_text(values[i]);
  }
  json_rows_ += "}\n";
}

void MetricsFile::add_columns(const std::vector<std::string>& names) {
  flush();
  const size_t before = columns_.size();
  for (const std::string& name : names) {
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) columns_.push_back(name);
  }
  const std::string empty_fields(columns_.size() - before, ',');
  const std::string text = read_text(path_);
  std::string wider = header(columns_);
  const std::vector<std::string_view> lines = whole_lines(text);
  for (size_t i = 1; i < lines.size(); ++i) {
    wider += lines[i].substr(0, lines[i].size() - 1);
    wider += empty_fields + "\n";
  }
  replace_text(path_, wider);
  reopen();
}

void MetricsFile::flush() {
  bench::append(csv_, path_, csv_rows_);
  csv_rows_.clear();
  if (!json_lines_) return;
  bench::append(json_, json_path_, json_rows_);
  json_rows_.clear();
}

void MetricsFile::sync() {
  flush();
  bench::sync(csv_, path_);
  if (json_lines_) bench::sync(json_, json_path_);
}

std::vector<std::pair<uint64_t, double>> read_metric(const std::filesystem::path& path, const std::string& column) {
  const std::string text = read_text(path);
  const std::vector<std::string_view> lines = whole_lines(text);
  const std::vector<std::string> columns = lines.empty() ? std::vector<std::string>{} : split(lines.front(), ',');
  const auto place = static_cast<size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
  if (place == columns.size())
    throw DataError(printable(path.native()) + ": has no column " + column + "; restore it, or start a new run");
  std::vector<std::pair<uint64_t, double>> values;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> fields = split(lines[i], ',');
    const auto step = leading_number(lines[i]);
    float value = 0;
    const bool is_whole = step && fields.size() == columns.size();
    if (is_whole && fields[place].empty()) continue;
    if (!is_whole ||
        std::from_chars(fields[place].data(), fields[place].data() + fields[place].size(), value).ec != std::errc()) {
      throw DataError(printable(path.native()) + ": line " + std::to_string(i + 1) +
                      " is no row of numbers; restore it, or start a new run");
    }
    values.emplace_back(*step, value);
  }
  return values;
}

}  // namespace wasserkern::bench
