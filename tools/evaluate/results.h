// Results of an evaluation as JSON: the convention that report.h describes.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace ebm {

struct ResultRow {
  std::string name;
  std::vector<double> value;  // one number, or a curve; NaN becomes null
  std::string note;
};

struct ResultSection {
  std::string title;
  std::vector<ResultRow> rows;
};

// Replaces the file atomically; throws Error when it cannot be written.
void write_results(const std::filesystem::path& path, std::span<const ResultSection> sections);

}  // namespace ebm
