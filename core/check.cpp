#include "core/check.h"

#include <cstring>

namespace ebm {
namespace {

std::string one_line(const std::string& op, const std::string& received, const std::string& expected) {
  std::string text = "[" + op + "] received " + received;
  if (!expected.empty()) text += ", expected " + expected;
  return text;
}

std::string located(std::string text, const char* file, int line) {
  if (line == 0) return text;
  const char* name = std::strrchr(file, '/');
  return text + " (" + (name ? name + 1 : file) + ":" + std::to_string(line) + ")";
}

}  // namespace

Error::Error(std::string op, std::string received, std::string expected, const char* file, int line)
    : std::runtime_error(located(one_line(op, received, expected), file, line)),
      op_(std::move(op)),
      received_(std::move(received)),
      expected_(std::move(expected)) {}

std::string Error::message() const { return one_line(op_, received_, expected_); }

}  // namespace ebm
