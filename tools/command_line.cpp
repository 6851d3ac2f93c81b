#include "tools/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <numeric>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "core/check.h"
#include "core/version.h"
#include "tools/help_format.h"

namespace ebm {
namespace {

// Levenshtein's distance.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substitute = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitute, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// The app whose command line is parsed: the subcommand if one was given.
const CLI::App& active(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : *chosen.front();
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// What a command line's first word that fits nowhere means; "" if every word fits.
std::string unknown_word_line(const CLI::App& app) {
  const CLI::App& command = active(app);
  std::vector<std::string> words = command.remaining();
  if (words.empty()) words = app.remaining();
  if (words.empty()) return "";
  const std::string word = words.front().substr(0, words.front().find('='));
  if (word.starts_with("-")) return fmt::format("unknown flag {}{}", word, suggestion(word, flag_names(command)));
  if (&command == &app && !command_names(app).empty())
    return fmt::format("unknown command \"{}\"{}", word, suggestion(word, command_names(app)));
  return fmt::format("unexpected \"{}\"", word);
}

// The first required flag or word of the command that was not given, and what it is.
std::string missing_line(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    if (option->get_required() && option->count() == 0)
      return fmt::format("{} is required: {}", option->get_name(), option->get_description());
  return "";
}

// The first flag that was given more often than it may be.
std::string repeated_line(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options())
    if (option->get_expected_max() == 1 && option->count() > 1)
      return fmt::format("{}: received {} values, expected one", option->get_name(), option->count());
  return "";
}

std::string parse_error_line(const CLI::App& app, const CLI::ParseError& error) {
  // a mistyped flag often shows as a missing one first
  const bool is_word = dynamic_cast<const CLI::ExtrasError*>(&error) || dynamic_cast<const CLI::RequiredError*>(&error);
  if (const std::string line = is_word ? unknown_word_line(app) : ""; !line.empty()) return line;
  if (dynamic_cast<const CLI::RequiredError*>(&error)) {
    if (&active(app) == &app && !command_names(app).empty())
      return fmt::format("no command; expected {}", fmt::join(command_names(app), ", "));
    if (const std::string line = missing_line(active(app)); !line.empty()) return line;
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
    if (const std::string line = repeated_line(active(app)); !line.empty()) return line;
  const std::string text = error.what();
  constexpr std::string_view kIni = "INI was not able to parse ";
  if (dynamic_cast<const CLI::ConfigError*>(&error) && text.starts_with(kIni)) {
    const std::string key = text.substr(kIni.size());
    const CLI::Option* file = app.get_config_ptr();
    return fmt::format("unknown key \"{}\" in {}{}", key, file ? file->as<std::string>() : "the config file",
                       suggestion("--" + key, flag_names(app)));
  }
  return text;
}

int parse_and_run(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help
    return app.exit(e);
  }
  return body();
}

std::string rank_name;
bool is_first_rank = true;

}  // namespace

void tell_rank_in_errors(const std::string& name, bool first) {
  rank_name = name + ": ";
  is_first_rank = first;
}

int fail(const std::string& text) {
  if (!is_first_rank) std::this_thread::sleep_for(std::chrono::seconds(3));  // a launcher takes two to end the others
  std::string line = rank_name + text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::fflush(stdout);
  std::fputs(("error: " + line + "\n").c_str(), stderr);  // fmt would throw where stderr cannot be written to
  return kFailed;
}

std::string nearest_name(const std::string& word, const std::vector<std::string>& names) {
  std::string best;
  size_t fewest = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = edit_distance(word, name);
    if (distance < fewest) fewest = distance, best = name;
  }
  return best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  const std::string name = nearest_name(word, names);
  return name.empty() ? "" : fmt::format("; did you mean {}?", name);
}

void limit_spinning(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
  ::setenv("GOMP_SPINCOUNT", "5000", 1);  // some tens of microseconds: a wait inside a training step
  ::execv("/proc/self/exe", argv);        // returns only if it failed: then the default spin will do
}

int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
  const auto format = std::make_shared<HelpFormat>();
  app.formatter(format);
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) command->formatter(format);
  app.set_version_flag("--version", std::string("ebm.cu ") + version(), "Print which version this is and exit");
  std::signal(SIGXFSZ, SIG_IGN);  // a write past the limit then fails with EFBIG
  try {
    const int code = parse_and_run(app, argc, argv, body);
    const bool flushed = std::fflush(stdout) == 0;  // an earlier write that failed has left no reason
    EBM_CHECK(flushed && !std::ferror(stdout), "stdout",
              flushed ? "a write that failed" : std::string("a write that failed: ") + std::strerror(errno),
              "room for what is printed");
    return code;
  } catch (const CLI::ParseError& e) {
    return fail(parse_error_line(app, e));
  } catch (const Error& e) {
    return fail(e.message());
  } catch (const std::bad_alloc&) {
    return fail("out of memory: try a smaller --batch, --chains or --width");
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}

}  // namespace ebm
