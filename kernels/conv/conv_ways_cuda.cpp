#include "kernels/conv/conv_ways_cuda.h"

#include <dlfcn.h>

#include <array>
#include <bit>
#include <map>
#include <mutex>
#include <sstream>

#include "core/check.h"
#include "core/cuda.h"
#include "kernels/conv/conv_plan.h"
#include "kernels/conv/conv_search_cuda.h"
#include "kernels/cublaslt_cuda.h"

namespace ebm::cuda {
namespace {

constexpr const char* kPrefix = "cuda ";  // of a line of plans_to_string()

using Key = std::array<int64_t, 25>;

Key key_of(const GraphConvProblem& p) {
  const ConvGeometry& g = p.geometry;
  Key key{static_cast<int64_t>(p.direction),
          p.device.index,
          static_cast<int64_t>(p.precision),
          g.stride_h,
          g.stride_w,
          g.pad_h.before,
          g.pad_h.after,
          g.pad_w.before,
          g.pad_w.after,
          static_cast<int64_t>(p.third),
          std::bit_cast<int32_t>(p.negative_slope),
          static_cast<int64_t>(p.factors),
          static_cast<int64_t>(p.result)};
  size_t next = 13;
  for (const Shape* shape : {&p.x, &p.w, &p.y})
    for (int i = 0; i < 4; ++i) key[next++] = (*shape)[i];
  return key;
}

struct Chosen {
  Way way;
  bool for_graphs;
  std::string refusal;  // of a graph, where the way is not one
};

// Kept until the process ends, like cuDNN's handles.
struct State {
  std::mutex mutex;
  std::map<Key, std::shared_ptr<const Chosen>> chosen;
  std::map<std::string, std::string> plans;  // names by to_string(problem): of those chosen, and those read but not met
};

State& state() {
  static auto* s = new State;
  return *s;
}

thread_local std::vector<GraphConvProblem>* noted = nullptr;
thread_local std::shared_ptr<const Chosen> last;

// Finds a way for each problem that has none; state().mutex is held.
void choose(const std::vector<GraphConvProblem>& problems) {
  State& st = state();
  std::map<Key, const GraphConvProblem*> unknown;
  for (const GraphConvProblem& problem : problems)
    if (!st.chosen.contains(key_of(problem))) unknown.emplace(key_of(problem), &problem);
  std::vector<Search> searches;
  for (const auto& [key, problem] : unknown) {
    Search& s = searches.emplace_back(*problem);
    if (const auto plan = st.plans.find(s.text); plan != st.plans.end()) s.recorded = plan->second;
  }
  find_ways(searches);
  for (Search& s : searches) {
    st.plans[s.text] = s.way.name;
    st.chosen[key_of(s.problem)] =
        std::make_shared<const Chosen>(Chosen{std::move(s.way), is_for_graphs(s.problem), std::move(s.refusal)});
  }
}

std::string version_text(size_t version) {  // 91900: 9.19.0
  return std::to_string(version / 10000) + '.' + std::to_string(version / 100 % 100) + '.' +
         std::to_string(version % 100);
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

void run_conv(const GraphConvProblem& problem, const Tensor& a, const Tensor& b, const ConvEpilogue& end, Tensor& out) {
  if (noted) {
    noted->push_back(problem);
    return fill_zero(problem.device.index, out.mutable_raw(), out.bytes());
  }
  {
    State& st = state();
    const Key key = key_of(problem);
    const std::lock_guard lock(st.mutex);
    auto found = st.chosen.find(key);
    if (found == st.chosen.end()) {
      EBM_CHECK(!capturing(problem.device.index), "convolution", to_string(problem) + ", first met in a recording",
                "one that ran before");
      choose({problem});
      found = st.chosen.find(key);
    }
    last = found->second;
  }
  run_way(last->way, problem, a, b, end, out);
}

std::string last_conv_plan() {
  if (!last) return "";
  return last->way.plan ? last->way.name : last->way.name + ", " + last_library_algorithm();
}

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
  int64_t graph = 0, apart = 0, library = 0;
  std::string refusal;
  for (const auto& [key, c] : st.chosen) {
    if (!c->for_graphs) continue;
    ++(c->way.whole ? graph : c->way.plan ? apart : library);
    if (!c->way.plan && refusal.empty()) refusal = c->refusal;
  }
  std::string text = "cuDNN " + version_text(cudnnGetVersion()) + ", cuBLASLt " + version_text(cublaslt().version()) +
                     nvrtc_text() + "; " + std::to_string(graph) + " of " + std::to_string(graph + apart + library) +
                     " convolutions in one kernel with what follows them";
  if (apart > 0) text += ", " + std::to_string(apart) + " faster apart";
  if (library > 0) text += ", " + std::to_string(library) + " by cuDNN's older API";
  if (!refusal.empty()) text += ": " + refusal;
  return text + search_totals();
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
  const std::lock_guard lock(cuda::state().mutex);
  cuda::choose(notes_->problems);
}

}  // namespace ebm
