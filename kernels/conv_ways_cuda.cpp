#include "kernels/conv_ways_cuda.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include "core/check.h"
#include "core/cuda.h"
#include "core/device_calls.h"
#include "core/phase_timer.h"
#include "kernels/bias_activation.h"
#include "kernels/conv_execution_cuda.h"
#include "kernels/conv_library_cuda.h"
#include "kernels/conv_plan.h"
#include "kernels/cublaslt_cuda.h"
#include "kernels/random_fill.h"
#include "kernels/to_bf16.h"

namespace ebm::cuda {
namespace {

constexpr size_t kWorkspaceLimit = size_t{512} << 20;
constexpr int64_t kMostEngines = 3;  // of the heuristic, and as many of those that it falls back on
constexpr int kTimedRuns = 10, kTimedRounds = 3;
constexpr const char* kPrefix = "cuda ";  // of a line of plans_to_string()

struct Way {
  std::string name;                     // "graph eng7 k24=21", "apart eng3", "library"
  bool whole = false;                   // the plan does what follows the convolution too
  std::unique_ptr<ExecutionPlan> plan;  // nullptr: the library
};

// A problem whose way is looked for.
struct Search {
  GraphConvProblem problem;
  std::string text;                    // to_string(problem)
  std::optional<std::string> recorded; // the way that it had before
  struct Found {
    Engine engine;
    bool whole;
    std::unique_ptr<ExecutionPlan> plan;
    std::string refusal;
    std::string name() const { return (whole ? "graph " : "apart ") + engine.name; }
  };
  std::vector<Found> engines;
  std::string refusal = "";  // why there are none
};

using Key = std::array<int64_t, 25>;

Key key_of(const GraphConvProblem& p) {
  const ConvGeometry& g = p.geometry;
  Key key{static_cast<int64_t>(p.direction), p.device.index, static_cast<int64_t>(p.precision), g.stride_h,
          g.stride_w, g.pad_h.before, g.pad_h.after, g.pad_w.before, g.pad_w.after, p.has_third,
          std::bit_cast<int32_t>(p.negative_slope), static_cast<int64_t>(p.factors), static_cast<int64_t>(p.result)};
  size_t next = 13;
  for (const Shape* shape : {&p.x, &p.w, &p.y})
    for (int i = 0; i < 4; ++i) key[next++] = (*shape)[i];
  return key;
}

// What was chosen, and what it took. Kept until the process ends, like cuDNN's handles.
struct State {
  std::mutex mutex;
  std::map<Key, Way> chosen;
  std::map<std::string, std::string> plans;  // the same by to_string(problem), and those read but not met yet: names
  std::map<int, Chip> chips;                 // by device
  PlanCache cache;
  std::atomic<int64_t> compiled{0}, from_cache{0};
  double seconds = 0;                         // that the searches took
  int64_t graph = 0, apart = 0, library = 0;  // of the problems that could be in one kernel
  std::string refusal;                        // why one of them is not, where no engine could be had
};

State& state() {
  static auto* s = new State;
  return *s;
}

thread_local std::vector<GraphConvProblem>* noted = nullptr;
thread_local std::string last_way;

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

bool is_for_graphs(const GraphConvProblem& p) {
  return p.factors == ElementType::bf16 || !p.is_alone() || !has_even_padding(p);
}

// The engines that may compute s.problem; none where it goes to the library, or went there before.
void find(Search& s, const Chip& chip) {
  if (!is_for_graphs(s.problem) || s.recorded == "library") return;
  const auto add = [&](const GraphConvProblem& problem, bool whole) {
    for (Engine& engine : find_engines(problem, make_graph(problem).back(), chip.properties, kMostEngines)) {
      Search::Found found{std::move(engine), whole, nullptr, ""};
      if (!s.recorded || *s.recorded == found.name()) s.engines.push_back(std::move(found));
    }
  };
  try {
    add(s.problem, true);
    // fp32 maps have the library for that
    if (!s.problem.is_alone() && s.problem.factors == s.problem.result && s.problem.factors == ElementType::bf16)
      add(s.problem.alone(), false);
    if (s.engines.empty()) s.refusal = "cuDNN names no engine" + last_cudnn_error() + "; has it NVRTC beside it?";
  } catch (const Error& e) {
    s.refusal = e.op() + ": " + e.received();
  }
}

// Compiles the engine, or takes it from the cache; false and a refusal where it cannot be used.
bool make(const Search& s, Search::Found& found, const Chip& chip) {
  State& st = state();
  const std::string key = s.text + " = " + found.name() + " | " + chip.description;
  try {
    if (const auto json = st.cache.read(key)) {
      try {
        found.plan = std::make_unique<ExecutionPlan>(*json, chip);
        ++st.from_cache;
      } catch (const Error&) {
        // made by another cuDNN build than it says: compiled anew
      }
    }
    if (!found.plan) {
      found.plan = std::make_unique<ExecutionPlan>(found.engine.config, chip);
      ++st.compiled;
      st.cache.write(key, found.plan->json());
    }
    if (found.plan->workspace_bytes() <= kWorkspaceLimit) return true;
    found.refusal = "needs " + std::to_string(found.plan->workspace_bytes()) + " bytes beside its operands";
  } catch (const Error& e) {
    found.refusal = e.received();
  }
  found.plan.reset();
  return false;
}

Tensor aligned(const Tensor& tensor) {
  return !tensor.defined() || reinterpret_cast<uintptr_t>(tensor.raw()) % 16 == 0 ? tensor : tensor.clone();
}

// Throws Error where cuDNN refuses to run the plan.
void run(const Way& way, const GraphConvProblem& p, const Tensor& given_a, const Tensor& given_b,
         const Tensor& given_third, Tensor& out) {
  if (!way.plan) return run_library_conv(p, given_a, given_b, given_third, out);
  const bool rounds = p.factors == ElementType::bf16;
  const auto [a, b] = rounds ? to_bf16(given_a, given_b) : std::pair(given_a, given_b);
  const Tensor x = aligned(a), w = aligned(b), third = aligned(given_third);
  // in stream order: the next owner of this memory writes it only after cuDNN is done with it
  Tensor workspace = Tensor::empty({static_cast<int64_t>(way.plan->workspace_bytes() / sizeof(float)) + 1}, p.device);
  const CudnnHandle cudnn = open_handle(p.device);
  const void* const operand = way.whole && third.defined() ? third.raw() : nullptr;
  check(way.plan->execute(cudnn.handle, x.raw(), w.raw(), operand, out.mutable_raw(), workspace.mutable_data()),
        "cudnnBackendExecute");
  count_device_call();
  if (way.whole || p.is_alone()) return;
  if (p.direction == Direction::forward) bias_activation(out, third, p.negative_slope);
  else pass_through({third, p.negative_slope}, out);
}

// Operands of a problem with made-up numbers.
struct Operands {
  Tensor a, b, third, out;

  explicit Operands(const GraphConvProblem& p) {
    const auto normal = [&](const Shape& shape, ElementType type) {
      Tensor t = Tensor::empty(shape, p.device);
      fill_normal(t, {1, Stream::init, 0, 0}, 0.0f, 1.0f);
      return type == ElementType::bf16 ? to_bf16(t) : t;
    };
    const bool forward = p.direction == Direction::forward, weight = p.direction == Direction::backward_weight;
    a = normal(forward || weight ? p.x : p.y, p.factors);
    b = normal(weight ? p.y : p.w, p.factors);
    if (p.has_third) third = forward ? normal({p.w[0]}, ElementType::fp32) : normal(p.x, p.result);
    out = Tensor::empty(forward ? p.y : weight ? p.w : p.x, p.device, p.result);
  }
};

// Of one run, the least of some rounds; after one that is not timed.
double seconds_of(const Way& way, const GraphConvProblem& p, Operands& o) {
  run(way, p, o.a, o.b, o.third, o.out);
  PhaseTimer timer(p.device, {"timing"});
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kTimedRounds; ++round) {
    timer.begin(0);
    for (int i = 0; i < kTimedRuns; ++i) run(way, p, o.a, o.b, o.third, o.out);
    timer.end();
    synchronize(p.device.index);
    best = std::min(best, timer.seconds(0) / kTimedRuns);
  }
  return best;
}

// Of the ways that were made the fastest, or without timing the first that runs.
Way pick(Search& s, bool timed) {
  std::vector<Way> ways;
  for (Search::Found& found : s.engines)
    if (found.plan) ways.push_back({found.name(), found.whole, std::move(found.plan)});
  if (!s.recorded || s.recorded == "library") ways.push_back({"library", false, nullptr});
  if (ways.size() == 1 && !ways[0].plan) return std::move(ways[0]);
  const bool races = timed && ways.size() > 1;
  Operands operands(s.problem);
  std::string told;
  std::optional<size_t> chosen;
  double best = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < ways.size() && (races || !chosen); ++i) {
    try {
      double seconds = 0;
      if (races) seconds = seconds_of(ways[i], s.problem, operands);
      else run(ways[i], s.problem, operands.a, operands.b, operands.third, operands.out);
      if (races) told += "\n  " + ways[i].name + ": " + std::to_string(1e6 * seconds) + " us";
      if (seconds < best) best = seconds, chosen = i;
    } catch (const Error& e) {
      if (device_count() == 0) throw;
      told += "\n  " + ways[i].name + ": " + e.received();
      if (ways[i].whole && s.refusal.empty()) s.refusal = e.received();
    }
  }
  if (verbose()) {
    for (const Search::Found& found : s.engines)
      if (!found.refusal.empty()) told += "\n  " + found.name() + ": " + found.refusal;
    std::fprintf(stderr, "%s = %s%s\n", s.text.c_str(), chosen ? ways[*chosen].name.c_str() : "nothing", told.c_str());
  }
  EBM_CHECK(chosen.has_value(), "convolution", s.text + ", no way to compute it:" + told, "one that runs");
  return std::move(ways[*chosen]);
}

// Finds a way for each of the problems, all of one device; state().mutex is held.
void search(std::vector<Search>& searches) {
  State& st = state();
  const auto begin = std::chrono::steady_clock::now();
  const Device device = searches[0].problem.device;
  if (!st.chips.contains(device.index)) st.chips.emplace(device.index, chip_of(open_handle(device).handle));
  const Chip& chip = st.chips.at(device.index);
  const bool timed = cpu::plan_timing();
  const auto on_device = [&](size_t n, const std::function<void(size_t)>& f) {
    on_threads(n, [&](size_t i) {
      stream(device.index);  // makes it this thread's
      f(i);
    });
  };
  on_device(searches.size(), [&](size_t i) { find(searches[i], chip); });
  if (timed) {
    std::vector<std::pair<Search*, Search::Found*>> all;
    for (Search& s : searches)
      for (Search::Found& found : s.engines) all.emplace_back(&s, &found);
    on_device(all.size(), [&](size_t i) { make(*all[i].first, *all[i].second, chip); });
  } else {
    on_device(searches.size(), [&](size_t i) {
      for (Search::Found& found : searches[i].engines)
        if (make(searches[i], found, chip)) break;
    });
  }
  for (Search& s : searches) {
    const bool lost = s.recorded && s.recorded != "library" &&
                      std::none_of(s.engines.begin(), s.engines.end(), [](const auto& f) { return bool(f.plan); });
    if (lost) {  // another GPU or cuDNN than before
      s = {s.problem, s.text, std::nullopt, {}, ""};
      find(s, chip);
      on_device(s.engines.size(), [&](size_t i) { make(s, s.engines[i], chip); });
    }
    Way way = pick(s, timed);
    if (is_for_graphs(s.problem)) {
      for (const Search::Found& found : s.engines)
        if (s.refusal.empty() && !found.plan) s.refusal = found.refusal;
      ++(way.plan ? (way.whole ? st.graph : st.apart) : st.library);
      if (!way.plan && st.refusal.empty()) st.refusal = s.refusal;
    }
    st.plans[s.text] = way.name;
    st.chosen.insert_or_assign(key_of(s.problem), std::move(way));
  }
  st.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Search search_of(const GraphConvProblem& problem) {
  Search s{problem, to_string(problem), std::nullopt, {}, ""};
  if (const auto plan = state().plans.find(s.text); plan != state().plans.end()) s.recorded = plan->second;
  return s;
}

std::string version_text(size_t version) {  // 91900: 9.19.0
  return std::to_string(version / 10000) + '.' + std::to_string(version / 100 % 100) + '.' + std::to_string(version % 100);
}

// NVRTC's version where cuDNN has loaded it.
std::string nvrtc_text() {
  for (const char* name : {"libnvrtc.so.13", "libnvrtc.so.12"}) {
    void* const library = dlopen(name, RTLD_NOLOAD | RTLD_LAZY);
    if (!library) continue;
    int major = 0, minor = 0;
    const auto version = reinterpret_cast<int (*)(int*, int*)>(dlsym(library, "nvrtcVersion"));
    const bool known = version && version(&major, &minor) == 0;
    dlclose(library);
    if (known) return ", NVRTC " + std::to_string(major) + '.' + std::to_string(minor);
  }
  return "";
}

}  // namespace

void run_conv(const GraphConvProblem& problem, const Tensor& a, const Tensor& b, const Tensor& third, Tensor& out) {
  if (noted) {
    noted->push_back(problem);
    return fill_zero(problem.device.index, out.mutable_raw(), out.bytes());
  }
  const Way* way;
  {
    State& st = state();
    const std::lock_guard lock(st.mutex);
    auto found = st.chosen.find(key_of(problem));
    if (found == st.chosen.end()) {
      EBM_CHECK(!capturing(problem.device.index), "convolution", to_string(problem) + ", first met in a recording",
                "one that ran before");
      std::vector<Search> one;
      one.push_back(search_of(problem));
      search(one);
      found = st.chosen.find(key_of(problem));
    }
    way = &found->second;
  }
  run(*way, problem, a, b, third, out);
  last_way = way->plan ? way->name : "library, " + last_library_algorithm();
}

std::string last_conv_plan() { return last_way; }

std::string plans_to_string() {
  const std::lock_guard lock(state().mutex);
  std::string text;
  for (const auto& [problem, way] : state().plans) text += kPrefix + problem + " = " + way + "\n";
  return text;
}

void plans_from_string(const std::string& text) {
  std::map<std::string, std::string> read;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t prefix = std::string(kPrefix).size(), equals = line.find(" = ");
    EBM_CHECK(line.starts_with(kPrefix) && equals != std::string::npos, "convolution plan", "line '" + line + "'",
              "cuda problem = way");
    read[line.substr(prefix, equals - prefix)] = line.substr(equals + 3);
  }
  const std::lock_guard lock(state().mutex);
  for (const auto& [problem, way] : read) state().plans[problem] = way;
  state().chosen.clear();
}

void clear_plans() {
  const std::lock_guard lock(state().mutex);
  state().plans.clear();
  state().chosen.clear();
}

std::string conv_summary() {
  State& st = state();
  const std::lock_guard lock(st.mutex);
  std::string text = "cuDNN " + version_text(cudnnGetVersion()) + ", cuBLASLt " + version_text(cublaslt().version()) +
                     nvrtc_text() + "; ";
  const int64_t all = st.graph + st.apart + st.library;
  text += std::to_string(st.graph) + " of " + std::to_string(all) + " convolutions in one kernel with what follows them";
  if (st.apart > 0) text += ", " + std::to_string(st.apart) + " faster apart";
  if (st.library > 0) text += ", " + std::to_string(st.library) + " by cuDNN's older API";
  if (st.library > 0 && !st.refusal.empty()) text += ": " + st.refusal;
  std::ostringstream took;
  took.precision(2);
  took << std::fixed << "; " << st.compiled << " plans compiled, " << st.from_cache << " from the cache, in "
       << st.seconds << " s";
  text += took.str();
  if (st.cache.damaged() > 0)
    text += "; " + std::to_string(st.cache.damaged()) + " damaged files of the cache were ignored";
  return text;
}

}  // namespace ebm::cuda

namespace ebm {

struct ConvRehearsal::Notes {
  std::vector<cuda::GraphConvProblem> problems;
};

ConvRehearsal::ConvRehearsal() : notes_(std::make_unique<Notes>()) {
  EBM_CHECK(cuda::noted == nullptr, "a rehearsal of convolutions", "another one of this thread", "one at a time");
  cuda::noted = &notes_->problems;
}

ConvRehearsal::~ConvRehearsal() {
  if (cuda::noted == &notes_->problems) cuda::noted = nullptr;
}

void ConvRehearsal::find_ways() {
  cuda::noted = nullptr;
  cuda::State& st = cuda::state();
  const std::lock_guard lock(st.mutex);
  std::map<cuda::Key, const cuda::GraphConvProblem*> unknown;
  for (const cuda::GraphConvProblem& problem : notes_->problems)
    if (!st.chosen.contains(cuda::key_of(problem))) unknown.emplace(cuda::key_of(problem), &problem);
  std::vector<cuda::Search> searches;
  for (const auto& [key, problem] : unknown) searches.push_back(cuda::search_of(*problem));
  if (!searches.empty()) cuda::search(searches);
}

}  // namespace ebm
