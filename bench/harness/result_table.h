#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace wasserkern::bench {

/// What a program found, beside what the paper says: rows of text under a header.
struct ResultTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // each as long as the header
};

/// Its lines for people, the title first: columns are aligned, those of numbers to the right.
std::vector<std::string> text_lines(const ResultTable& table);

/// Replaces `path` by header and rows as comma-separated values; throws DataError.
void write_csv(const std::filesystem::path& path, const ResultTable& table);

}  // namespace wasserkern::bench
