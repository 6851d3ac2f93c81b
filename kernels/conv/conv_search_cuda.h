// Finds the way that a convolution on a GPU takes (conv_ways_cuda.h): asks cuDNN for engines, has them compiled by all
// cores of the processor or takes them from the cache on disk, and times them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/conv/conv_execution_cuda.h"

namespace ebm::cuda {

struct Way {
  std::string name = "library";         // or "graph eng7 k24=21", "apart eng3"
  bool whole = false;                   // the plan does what follows the convolution too
  std::unique_ptr<ExecutionPlan> plan;  // nullptr: the library
};

// Computes the problem, with tensors as those of run_conv(). Throws Error where cuDNN refuses.
void run_way(const Way& way, const GraphConvProblem& problem, const Tensor& a, const Tensor& b, const ConvEpilogue& end,
             Tensor& out);

// Whether a problem has other ways than the library. Not fp32 and tf32 convolutions that nothing follows, with even
// padding.
bool is_for_graphs(const GraphConvProblem& problem);

// A problem whose way is looked for.
struct Search {
  explicit Search(const GraphConvProblem& p) : problem(p), text(to_string(p)) {}

  GraphConvProblem problem;
  std::string text;                     // to_string(problem)
  std::optional<std::string> recorded;  // the way that it had before, and takes again where it can be had
  Way way;                              // what was found
  std::string refusal;                  // why an engine that does all of it was refused, or there is none; else ""

  struct Candidate {
    Engine engine;
    bool whole;
    std::unique_ptr<ExecutionPlan> plan;
    std::string name() const { return (whole ? "graph " : "apart ") + engine.name; }
  };
  std::vector<Candidate> candidates;
  std::string told;  // of each way: its time, or why it was refused
};

// Searches for all of them, which are of one device; by one thread at a time. Throws Error where a problem has no way.
void find_ways(std::vector<Search>& searches);

// What all searches took: "; 38 plans compiled, 14 from the cache, in 3.20 s".
std::string search_totals();

}  // namespace ebm::cuda
