#include "tools/help_format.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "tools/terminal.h"

namespace ebm {
namespace {

// A name, and what it means in the column beside it, or below where there is no room.
std::string entry(const std::string& name, const std::string& description) {
  const size_t width = terminal_width(), column = width < 80 ? 10 : 30;
  std::string text = "  " + name;
  if (description.empty()) return text + "\n";
  if (text.size() + 2 > column)
    text += "\n" + std::string(column, ' ');
  else
    text.append(column - text.size(), ' ');
  return text + wrapped(description, column, width) + "\n";
}

}  // namespace

std::string HelpFormat::make_description(const CLI::App* app) const {
  return wrapped(app->get_description(), 0, terminal_width()) + "\n";
}

std::string HelpFormat::make_positionals(const CLI::App* app) const {
  const std::vector<const CLI::Option*> options = app->get_options([](const CLI::Option* option) {
    return !option->get_group().empty() && option->get_positional() && !option->nonpositional();
  });
  return options.empty() ? "" : make_group("Arguments", true, options);
}

std::string HelpFormat::make_option(const CLI::Option* option, bool positional) const {
  return entry(make_option_name(option, positional) + make_option_opts(option), make_option_desc(option));
}

std::string HelpFormat::make_subcommand(const CLI::App* command) const {
  return entry(command->get_display_name(true), command->get_description());
}

std::string HelpFormat::make_footer(const CLI::App* app) const {
  std::string footer = app->get_footer();
  if (app->get_subcommands([](const CLI::App*) { return true; }).empty()) {
    if (!footer.empty()) footer += "\n\n";
    footer += "N: a whole number. X: a number. In brackets: what is taken where the flag is not given.";
  }
  return wrapped(footer, 0, terminal_width()) + (footer.empty() ? "" : "\n");
}

}  // namespace ebm
