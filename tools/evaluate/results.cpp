#include "tools/evaluate/results.h"

#include <nlohmann/json.hpp>

#include "train/files/file_io.h"

namespace ebm {

void write_results(const std::filesystem::path& path, std::span<const ResultSection> sections) {
  using Json = nlohmann::ordered_json;
  Json file = Json::object();
  for (const ResultSection& section : sections) {
    Json rows = Json::array();
    for (const ResultRow& row : section.rows) {
      Json line = Json::object();
      line["name"] = row.name;
      if (row.value.size() == 1)
        line["value"] = row.value[0];
      else
        line["value"] = row.value;
      if (!row.note.empty()) line["note"] = row.note;
      rows.push_back(std::move(line));
    }
    file[section.title] = std::move(rows);
  }
  const std::string text = file.dump(1) + "\n";
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

}  // namespace ebm
