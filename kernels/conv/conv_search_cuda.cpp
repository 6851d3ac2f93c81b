#include "kernels/conv/conv_search_cuda.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <sstream>
#include <thread>

#include "core/check.h"
#include "core/cuda.h"
#include "core/device_calls.h"
#include "core/phase_timer.h"
#include "kernels/conv/conv_library_cuda.h"
#include "kernels/conv/conv_plan.h"
#include "kernels/random_fill.h"
#include "kernels/to_bf16.h"

namespace ebm::cuda {
namespace {

constexpr int64_t kMostEngines = 3;  // of the heuristic, and as many of those that it falls back on
constexpr int kTimedRuns = 10, kTimedRounds = 3;

// What all searches share and took. Kept until the process ends, like cuDNN's handles.
struct Totals {
  std::map<int, Chip> chips;  // by device
  PlanCache cache;
  std::atomic<int64_t> compiled{0}, from_cache{0};
  double seconds = 0;
};

Totals& totals() {
  static auto* t = new Totals;
  return *t;
}

bool verbose() {
  static const bool on = [] {
    const char* setting = std::getenv("EBM_CONV_PLANS");
    EBM_CHECK(setting == nullptr || std::string(setting) == "verbose", "EBM_CONV_PLANS",
              "\"" + std::string(setting) + "\"", "verbose");
    return setting != nullptr;
  }();
  return on;
}

// f(0) … f(n - 1) by as many threads as there are cores.
void on_threads(size_t n, const std::function<void(size_t)>& f) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < n; i = next++) f(i);
  };
  std::vector<std::jthread> others;
  for (size_t i = 1; i < std::min<size_t>(n, std::max(1u, std::thread::hardware_concurrency())); ++i)
    others.emplace_back(work);
  work();
}

bool has_even_padding(const GraphConvProblem& p) {
  const ConvGeometry& g = p.geometry;
  return symmetric_padding(p.x[1], p.w[1], p.y[1], g.stride_h, g.pad_h).extra == Padding{} &&
         symmetric_padding(p.x[2], p.w[2], p.y[2], g.stride_w, g.pad_w).extra == Padding{};
}

// The engines that may compute s.problem; none where it goes to the library, or went there before.
void ask(Search& s, const Chip& chip) {
  if (!is_for_graphs(s.problem) || s.recorded == "library") return;
  const auto add = [&](const GraphConvProblem& problem, bool whole) {
    for (Engine& engine : find_engines(problem, make_graph(problem).back(), chip.properties, kMostEngines)) {
      Search::Candidate candidate{std::move(engine), whole, nullptr};
      if (!s.recorded || *s.recorded == candidate.name()) s.candidates.push_back(std::move(candidate));
    }
  };
  try {
    add(s.problem, true);
    // fp32 maps have the library for that
    if (!s.problem.is_alone() && s.problem.factors == ElementType::bf16 && s.problem.result == ElementType::bf16)
      add(s.problem.alone(), false);
    if (s.candidates.empty()) s.refusal = "cuDNN names no engine" + last_cudnn_error() + "; has it NVRTC beside it?";
  } catch (const Error& e) {
    s.refusal = e.op() + ": " + e.received();
  }
}

// Compiles the engine, or takes it from the cache; false and a refusal where it cannot be used.
bool make(const Search& s, Search::Candidate& found, const Chip& chip, std::string& refusal) {
  const std::string key = s.text + " = " + found.name() + " | " + chip.description;
  try {
    if (const auto json = totals().cache.read(key)) {
      try {
        found.plan = std::make_unique<ExecutionPlan>(*json, chip);
        ++totals().from_cache;
      } catch (const Error&) {
        // made by another cuDNN build than it says: compiled anew
      }
    }
    if (!found.plan) {
      found.plan = std::make_unique<ExecutionPlan>(found.engine.config, chip);
      ++totals().compiled;
      totals().cache.write(key, found.plan->json());
    }
    if (found.plan->workspace_bytes() <= kWorkspaceLimit) return true;
    refusal = "needs " + std::to_string(found.plan->workspace_bytes()) + " bytes beside its operands";
  } catch (const Error& e) {
    refusal = e.received();
  }
  found.plan.reset();
  return false;
}

// Makes the engines of these problems ready to run, as many at a time as there are cores: all of them, or of each
// problem the first that can be made.
void make_candidates(const std::vector<Search*>& searches, bool all, Device device, const Chip& chip) {
  const auto on_device = [&](size_t n, const std::function<void(size_t)>& f) {
    on_threads(n, [&](size_t i) {
      stream(device.index);  // makes it this thread's
      f(i);
    });
  };
  on_device(searches.size(), [&](size_t i) { ask(*searches[i], chip); });
  struct Task {
    Search* search;
    size_t first, last;  // of its candidates; it ends at the first that is made
    std::vector<std::string> refusals;
  };
  std::vector<Task> tasks;
  for (Search* s : searches) {
    const size_t n = s->candidates.size();
    if (!all && n > 0) tasks.push_back({s, 0, n, {}});
    for (size_t i = 0; all && i < n; ++i) tasks.push_back({s, i, i + 1, {}});
  }
  on_device(tasks.size(), [&](size_t i) {
    Task& task = tasks[i];
    for (size_t j = task.first; j < task.last; ++j) {
      Search::Candidate& candidate = task.search->candidates[j];
      std::string refusal;
      if (make(*task.search, candidate, chip, refusal)) return;
      task.refusals.push_back(candidate.name() + ": " + refusal);
    }
  });
  for (const Task& task : tasks)
    for (const std::string& refusal : task.refusals) {
      task.search->told += "\n  " + refusal;
      if (task.search->refusal.empty()) task.search->refusal = refusal;
    }
}

// Operands of a problem with made-up numbers.
struct Operands {
  Tensor a, b, out;
  ConvEpilogue end;

  explicit Operands(const GraphConvProblem& p) {
    const auto normal = [&](const Shape& shape, ElementType type) {
      Tensor t = Tensor::empty(shape, p.device);
      fill_normal(t, {1, Stream::init, 0, 0}, 0.0f, 1.0f);
      return type == ElementType::bf16 ? to_bf16(t) : t;
    };
    const bool forward = p.direction == Direction::forward, weight = p.direction == Direction::backward_weight;
    a = normal(forward || weight ? p.x : p.y, p.factors);
    b = normal(weight ? p.y : p.w, p.factors);
    if (p.third == Third::bias) end.bias = normal({p.result_shape()[3]}, ElementType::fp32);
    if (p.third == Third::mask) end.mask = normal(p.result_shape(), p.result);
    end.negative_slope = p.negative_slope;
    out = Tensor::empty(p.result_shape(), p.device, p.result);
  }
};

// Of one run, the least of some rounds; after one that is not timed.
double seconds_of(const Way& way, const GraphConvProblem& p, Operands& o) {
  run_way(way, p, o.a, o.b, o.end, o.out);
  PhaseTimer timer(p.device, {"timing"});
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kTimedRounds; ++round) {
    timer.begin(0);
    for (int i = 0; i < kTimedRuns; ++i) run_way(way, p, o.a, o.b, o.end, o.out);
    timer.end();
    synchronize(p.device.index);
    best = std::min(best, timer.seconds(0) / kTimedRuns);
  }
  return best;
}

// Of the ways that were made the fastest, or where they are not timed the first that runs, becomes s.way. False: none
// runs.
bool pick(Search& s, bool timed) {
  std::vector<Way> ways;
  for (Search::Candidate& candidate : s.candidates)
    if (candidate.plan) ways.push_back({candidate.name(), candidate.whole, std::move(candidate.plan)});
  if (!s.recorded || s.recorded == "library") ways.emplace_back();
  if (ways.size() == 1 && !ways[0].plan) return true;  // the library tells when it is called
  const bool races = timed && ways.size() > 1;
  Operands operands(s.problem);
  double best = std::numeric_limits<double>::infinity();
  bool found = false;
  for (Way& way : ways) {
    if (found && !races) break;
    try {
      double seconds = 0;
      if (races)
        seconds = seconds_of(way, s.problem, operands);
      else
        run_way(way, s.problem, operands.a, operands.b, operands.end, operands.out);
      if (races) s.told += "\n  " + way.name + ": " + std::to_string(1e6 * seconds) + " us";
      if (seconds >= best) continue;
      best = seconds, found = true;
      s.way = std::move(way);
    } catch (const Error& e) {
      s.told += "\n  " + way.name + ": " + e.received();
      if (way.whole && s.refusal.empty()) s.refusal = e.received();
    }
  }
  return found;
}

}  // namespace

void run_way(const Way& way, const GraphConvProblem& p, const Tensor& given_a, const Tensor& given_b,
             const ConvEpilogue& end, Tensor& out) {
  if (!way.plan) return run_library_conv(p, given_a, given_b, end, out);
  const bool rounds = p.factors == ElementType::bf16;
  const auto [a, b] = rounds ? to_bf16(given_a, given_b) : std::pair(given_a, given_b);
  const Tensor x = aligned(a), w = aligned(b), third = aligned(end.tensor());
  // in stream order: the next owner of this memory writes it only after cuDNN is done with it
  Tensor workspace = Tensor::empty({static_cast<int64_t>(way.plan->workspace_bytes() / sizeof(float)) + 1}, p.device);
  const CudnnHandle cudnn = open_handle(p.device);
  const void* const operand = way.whole && third.defined() ? third.raw() : nullptr;
  check(way.plan->execute(cudnn.handle, x.raw(), w.raw(), operand, out.mutable_raw(), workspace.mutable_data()),
        "cudnnBackendExecute");
  count_device_call();
  if (!way.whole) end.finish(out);
}

bool is_for_graphs(const GraphConvProblem& p) {
  return p.factors == ElementType::bf16 || !p.is_alone() || !has_even_padding(p);
}

void find_ways(std::vector<Search>& searches) {
  if (searches.empty()) return;
  Totals& t = totals();
  const auto begin = std::chrono::steady_clock::now();
  const Device device = searches[0].problem.device;
  if (!t.chips.contains(device.index)) t.chips.emplace(device.index, chip_of(open_handle(device).handle));
  const Chip& chip = t.chips.at(device.index);
  const bool timed = cpu::plan_timing();
  std::vector<Search*> all;
  for (Search& s : searches) all.push_back(&s);
  make_candidates(all, timed, device, chip);
  for (Search& s : searches) {
    bool found = pick(s, timed);
    if (!found && s.recorded) {  // another GPU or cuDNN than before
      s = Search(s.problem);
      make_candidates({&s}, timed, device, chip);
      found = pick(s, timed);
    }
    if (verbose()) std::fprintf(stderr, "%s = %s%s\n", s.text.c_str(), s.way.name.c_str(), s.told.c_str());
    EBM_CHECK(found, "convolution", s.text + ", no way to compute it:" + s.told, "one that runs");
  }
  t.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string search_totals() {
  const Totals& t = totals();
  std::ostringstream text;
  text.precision(2);
  text << std::fixed << "; " << t.compiled << " plans compiled, " << t.from_cache << " from the cache, in " << t.seconds
       << " s";
  if (t.cache.damaged() > 0) text << "; " << t.cache.damaged() << " damaged files of the cache were ignored";
  return text.str();
}

}  // namespace ebm::cuda
