#include "bench/harness/result_table.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "engine/atomic_file.h"
#include "kernels/error.h"

namespace wasserkern::bench {
namespace {

using Row = std::vector<std::string>;

void check(const ResultTable& table) {
  for (const Row& row : table.rows)
    if (row.size() != table.header.size())
      throw ShapeError("results: a row of " + std::to_string(row.size()) + " fields under a header of " +
                       std::to_string(table.header.size()) + "; give as many");
}

/// Where no field begins like a word.
bool is_numbers(const ResultTable& table, size_t column) {
  return std::ranges::all_of(table.rows, [=](const Row& row) {
    return row[column].empty() || std::string_view("0123456789+-.").find(row[column][0]) != std::string_view::npos;
  });
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + '"';
}

std::string csv_line(const Row& row) {
  std::string line;
  for (const std::string& field : row) line += csv_field(field) + ",";
  line.back() = '\n';
  return line;
}

}  // namespace

std::vector<std::string> text_lines(const ResultTable& table) {
  check(table);
  std::vector<Row> rows{table.header};
  rows.insert(rows.end(), table.rows.begin(), table.rows.end());
  std::vector<std::string> lines(rows.size());
  for (size_t column = 0; column < table.header.size(); ++column) {
    size_t width = 0;
    for (const Row& row : rows) width = std::max(width, row[column].size());
    const bool to_the_right = is_numbers(table, column);
    for (size_t i = 0; i < rows.size(); ++i) {
      const std::string& field = rows[i][column];
      const std::string gap(width - field.size(), ' ');
      lines[i] += "  " + (to_the_right ? gap + field : field + gap);
    }
  }
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  lines.insert(lines.begin(), table.title);
  return lines;
}

void write_csv(const std::filesystem::path& path, const ResultTable& table) {
  check(table);
  std::string text = csv_line(table.header);
  for (const Row& row : table.rows) text += csv_line(row);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace wasserkern::bench
