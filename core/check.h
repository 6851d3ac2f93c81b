// The one error type of the project, and the macro that throws it.
#pragma once

#include <stdexcept>
#include <string>

namespace ebm {

// Thrown by every public function that refuses its input or meets a failing resource. what() is one
// line: "[op] received ..., expected ... (file:line)". Caught once, in main().
class Error : public std::runtime_error {
 public:
  Error(std::string op, std::string received, std::string expected, const char* file = "", int line = 0);

  const std::string& op() const { return op_; }
  const std::string& received() const { return received_; }
  const std::string& expected() const { return expected_; }
  // The line for users: without file and line number.
  std::string message() const;

 private:
  std::string op_, received_, expected_;
};

}  // namespace ebm

// The strings are evaluated only when the condition fails, so they may be costly to build.
#define EBM_CHECK(condition, op, received, expected)                                  \
  do {                                                                                \
    if (!(condition)) throw ::ebm::Error(op, received, expected, __FILE__, __LINE__); \
  } while (false)
#define EBM_FAIL(op, received, expected) throw ::ebm::Error(op, received, expected, __FILE__, __LINE__)
