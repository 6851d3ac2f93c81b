// The fixed parts of the report's page: the files of tools/evaluate/page/, made into strings by CMake.
#pragma once

namespace ebm {

extern const char kReportHead[];  // to the style's opening tag
extern const char kReportStyle[];
extern const char kReportBody[];    // from the style's closing tag to the data's opening tag
extern const char kReportScript[];  // follows the data

}  // namespace ebm
