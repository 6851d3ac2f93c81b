#include "train/shown.h"

#include "core/check.h"

namespace ebm {
namespace {

size_t place_of(const ShownColumns& columns, std::string_view name) {
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == name) return i;
  EBM_FAIL("metrics", "\"" + std::string(name) + "\"", "the name of a column");
}

}  // namespace

double& Metrics::operator[](std::string_view column) { return values[place_of(*columns, column)]; }
double Metrics::operator[](std::string_view column) const { return values[place_of(*columns, column)]; }

}  // namespace ebm
