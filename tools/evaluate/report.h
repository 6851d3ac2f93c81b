// The report: one self-contained HTML file about one or more runs. It loads nothing, from disk or network; its
// style and script lie in tools/evaluate/page/ and are compiled in.
//
// Beside what training leaves, it shows every *.json of a run's folder as tables, so that evaluations need not
// know of it. The convention: an object of sections, each a list of rows
//   {"Scores": [{"name": "FD-cls", "value": 3.1, "n": 10000, "floor": 0.4, "note": "classifier features"}]}
// A list of texts is a section too, of sentences: they stand above the file's tables.
// A row's keys are its columns, and a value that is a list of numbers is drawn as a curve. "plus_minus" is the
// value's error, "floor_plus_minus" the floor's, shown behind them. What else the object holds becomes a table of
// names and values. Of several runs, rows of one section and name are one row, with a column for each run where
// they differ. A file that is no JSON becomes a note, and so does a damaged picture; every other *.png of the
// folder is shown as well.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "tools/evaluate/run_record.h"

namespace ebm {

inline constexpr const char* kReportName = "report.html";  // in the folder of a run
inline constexpr int64_t kMostRunsInReport = 8;            // each has a colour of its own

// The whole page. What comes from files is data in it and never markup. `reload`: of runs that go on, the seconds after
// which the page loads itself anew; 0: it does not.
std::string report_page(std::span<const RunRecord> runs, int reload = 0);

// Reads the runs and writes their page to `out`, replaced atomically. Throws Error when a folder is no run
// (read_run) or the file cannot be written.
void write_report(std::span<const std::filesystem::path> folders, const std::filesystem::path& out, int reload = 0);

}  // namespace ebm
