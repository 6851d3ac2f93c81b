// The CPU side of conv.h: finds (or times and remembers) the algorithm of each problem and runs it.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <sstream>
#include <vector>

#include "core/check.h"
#include "core/deterministic.h"
#include "kernels/conv/conv_plan.h"
#include "kernels/conv/conv_routine.h"
#include "kernels/operands.h"
#include "kernels/round_operand.h"
#include "kernels/to_bf16.h"

namespace ebm::cpu {
namespace {

constexpr std::array kAlgorithms = {ConvAlgorithm::library, ConvAlgorithm::library_blocked, ConvAlgorithm::columns,
                                    ConvAlgorithm::winograd};
// A candidate runs at least so often, and again while there is time: the least of many runs is a fair
// measure even on a busy machine.
constexpr int kLeastRuns = 3, kMostRuns = 12;
constexpr double kTimingSeconds = 0.02;

struct State {
  std::mutex mutex;  // convolutions run one at a time: each uses all cores, and routines hold call state
  std::map<ConvProblem, std::map<ConvAlgorithm, std::unique_ptr<ConvRoutine>>> routines;
  std::map<std::string, ConvAlgorithm> plans;  // by to_string(problem)
  std::map<ConvProblem, ConvRoutine*> chosen;  // what plans say, looked up once
  std::optional<ConvAlgorithm> forced;
  bool timing = true;

  State() {
    const char* setting = std::getenv("EBM_CONV_TIMING");
    timing = setting == nullptr || std::string(setting) != "0";
  }
};

State& state() {
  static State s;
  return s;
}

std::unique_ptr<ConvRoutine> make_in_its_type(const ConvProblem& problem, ConvAlgorithm algorithm) {
  switch (algorithm) {
    case ConvAlgorithm::library: return make_library_routine(problem, false);
    case ConvAlgorithm::library_blocked: return make_library_routine(problem, true);
    case ConvAlgorithm::columns: return make_columns_routine(problem);
    case ConvAlgorithm::winograd: return make_winograd_routine(problem);
  }
  return nullptr;
}

std::unique_ptr<ConvRoutine> make_routine(const ConvProblem& problem, ConvAlgorithm algorithm) {
  if (!problem.bf16 || multiplies_bf16()) {
    auto made = make_in_its_type(problem, algorithm);
    if (made != nullptr || !problem.bf16) return made;
  }
  ConvProblem in_fp32 = problem;
  in_fp32.bf16 = false;
  return make_through_fp32_routine(in_fp32, make_in_its_type(in_fp32, algorithm));
}

// nullptr if the algorithm cannot compute the problem.
ConvRoutine* routine(const ConvProblem& problem, ConvAlgorithm algorithm) {
  auto& of_problem = state().routines[problem];
  auto [found, is_new] = of_problem.try_emplace(algorithm);
  if (is_new) found->second = make_routine(problem, algorithm);
  return found->second.get();
}

// The choice without timing: what timing finds for most shapes. Few channels leave Winograd's matrix
// products too small to pay for its transforms, the more so with a stride.
ConvAlgorithm fixed_choice(const ConvProblem& problem) {
  const bool strided = problem.stride_h > 1 || problem.stride_w > 1;
  if (problem.c >= (strided ? 64 : 32) && problem.k >= 32 && problem.n >= problem.threads &&
      routine(problem, ConvAlgorithm::winograd) != nullptr)
    return ConvAlgorithm::winograd;
  if (problem.c <= 4 && routine(problem, ConvAlgorithm::columns) != nullptr) return ConvAlgorithm::columns;
  return ConvAlgorithm::library;
}

double seconds_of(ConvRoutine& routine, const Tensor& a, const Tensor& b, const ConvEpilogue& end, Tensor& out,
                  double give_up_above) {
  routine.run(a, b, end, out);  // packs weights, fills caches
  double best = std::numeric_limits<double>::infinity(), sum = 0.0;
  for (int i = 0; i < kLeastRuns || (i < kMostRuns && sum < kTimingSeconds); ++i) {
    const auto start = std::chrono::steady_clock::now();
    routine.run(a, b, end, out);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count());
    sum += elapsed.count();
    if (i > 0 && best > give_up_above) break;
  }
  return best;
}

ConvAlgorithm timed_choice(const ConvProblem& problem, const Tensor& a, const Tensor& b, const ConvEpilogue& end,
                           Tensor& out) {
  ConvAlgorithm best_algorithm = ConvAlgorithm::library;
  double best = std::numeric_limits<double>::infinity();
  // From the likely best to the likely worst, so that hopeless ones are given up early.
  for (auto i = kAlgorithms.rbegin(); i != kAlgorithms.rend(); ++i) {
    ConvRoutine* candidate = routine(problem, *i);
    if (candidate == nullptr) continue;
    const double seconds = seconds_of(*candidate, a, b, end, out, 2.0 * best);
    if (seconds < best) {
      best = seconds;
      best_algorithm = *i;
    }
  }
  // The losers' primitives are not needed again.
  std::erase_if(state().routines[problem], [&](const auto& entry) { return entry.first != best_algorithm; });
  return best_algorithm;
}

ConvRoutine& choose(const ConvProblem& problem, const Tensor& a, const Tensor& b, const ConvEpilogue& end,
                    Tensor& out) {
  State& s = state();
  if (s.forced) {
    ConvRoutine* forced = routine(problem, *s.forced);
    return forced ? *forced : *routine(problem, fixed_choice(problem));
  }
  if (const auto known = s.chosen.find(problem); known != s.chosen.end()) return *known->second;
  const std::string key = to_string(problem);
  const auto plan = s.plans.find(key);
  ConvAlgorithm algorithm;
  if (plan != s.plans.end()) {
    algorithm = plan->second;
  } else {
    algorithm = cpu::plan_timing() ? timed_choice(problem, a, b, end, out) : fixed_choice(problem);
    s.plans[key] = algorithm;
  }
  ConvRoutine* found = routine(problem, algorithm);
  EBM_CHECK(found != nullptr, "conv2d", std::string("plan ") + key + " = " + name(algorithm),
            "an algorithm that can compute this shape");
  s.chosen[problem] = found;
  return *found;
}

void run(ConvProblem problem, const Tensor& given_a, const Tensor& given_b, const ConvEpilogue& end, Tensor& out) {
  problem.has_bias = end.bias.defined();
  problem.has_mask = end.mask.defined();
  problem.negative_slope = end.negative_slope;
  problem.bf16 = out.type() == ElementType::bf16;
  // A weight beside a bf16 map is rounded; so is every operand where the mode says so.
  const auto operand = [&problem](const Tensor& t) {
    return problem.bf16 ? to_bf16(t) : round_operands(t, precision());
  };
  const Tensor a = operand(given_a), b = operand(given_b);
  const std::lock_guard lock(state().mutex);
  choose(problem, a, b, end, out).run(a, b, end, out);
}

}  // namespace

void ImageEpilogue::finish(int64_t n, float* image, int64_t elements) const {
  const float slope = negative_slope_;
  const auto through = [=](const auto* y) {
#pragma omp simd
    for (int64_t i = 0; i < elements; ++i) image[i] *= leaky_derivative(value_of(y[n * elements + i]), slope);
  };
  if (mask_.defined()) return mask_.type() == ElementType::bf16 ? through(mask_.bf16_data()) : through(mask_.data());
  if (bias_ != nullptr)
    for (float* pixel = image; pixel < image + elements; pixel += channels_)
      for (int64_t c = 0; c < channels_; ++c) pixel[c] += bias_[c];
  if (slope == 1.0f) return;
#pragma omp simd
  for (int64_t i = 0; i < elements; ++i) image[i] = image[i] > 0 ? image[i] : slope * image[i];
}

ConvProblem conv_problem(ConvDirection direction, const Shape& x, const Shape& w, const Shape& y,
                         const ConvGeometry& g) {
  ConvProblem p;
  p.direction = direction;
  p.n = x[0], p.h = x[1], p.w = x[2], p.c = x[3];
  p.k = w[0], p.r = w[1], p.s = w[2];
  p.p = y[1], p.q = y[2];
  p.stride_h = g.stride_h, p.stride_w = g.stride_w;
  p.pad_top = g.pad_h.before, p.pad_bottom = g.pad_h.after;
  p.pad_left = g.pad_w.before, p.pad_right = g.pad_w.after;
  p.threads = num_threads();
  return p;
}

std::string to_string(const ConvProblem& p) {
  static constexpr const char* kDirections[] = {"forward", "backward_data", "backward_weight"};
  std::ostringstream out;
  out << kDirections[static_cast<int>(p.direction)] << " n" << p.n << " h" << p.h << " w" << p.w << " c" << p.c << " k"
      << p.k << " r" << p.r << " s" << p.s << " stride" << p.stride_h << "," << p.stride_w << " pad" << p.pad_top << ","
      << p.pad_bottom << "," << p.pad_left << "," << p.pad_right;
  if (p.has_bias) out << " bias";
  if (p.has_mask) out << " mask";
  if (p.negative_slope != 1.0f) out << " slope" << p.negative_slope;
  if (p.bf16) out << " bf16";
  out << " threads" << p.threads;
  return out.str();
}

void conv2d(const Tensor& x, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end, Tensor& y) {
  run(conv_problem(ConvDirection::forward, x.shape(), w.shape(), y.shape(), geometry), x, w, end, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const ConvGeometry& geometry, const ConvEpilogue& end,
                          Tensor& dx) {
  run(conv_problem(ConvDirection::backward_data, dx.shape(), w.shape(), dy.shape(), geometry), dy, w, end, dx);
}

void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const ConvGeometry& geometry, Tensor& dw) {
  run(conv_problem(ConvDirection::backward_weight, x.shape(), dw.shape(), dy.shape(), geometry), x, dy, {}, dw);
}

const char* name(ConvAlgorithm algorithm) {
  static constexpr const char* kNames[] = {"library", "library_blocked", "columns", "winograd"};
  return kNames[static_cast<int>(algorithm)];
}

std::string plans_to_string() {
  const std::lock_guard lock(state().mutex);
  std::string text;
  for (const auto& [problem, algorithm] : state().plans) text += problem + " = " + name(algorithm) + "\n";
  return text;
}

void plans_from_string(const std::string& text) {
  std::map<std::string, ConvAlgorithm> read;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find(" = ");
    const ConvAlgorithm* found = nullptr;
    if (equals != std::string::npos)
      for (const auto& algorithm : kAlgorithms)
        if (line.substr(equals + 3) == name(algorithm)) found = &algorithm;
    EBM_CHECK(found != nullptr, "convolution plan", "line '" + line + "'", "problem = algorithm");
    read[line.substr(0, equals)] = *found;
  }
  const std::lock_guard lock(state().mutex);
  for (const auto& [problem, algorithm] : read) state().plans[problem] = algorithm;
  state().chosen.clear();
}

void clear_plans() {
  const std::lock_guard lock(state().mutex);
  state().plans.clear();
  state().chosen.clear();
}

void set_plan_timing(bool on) { state().timing = on; }
bool plan_timing() { return state().timing && !deterministic(); }
void force_algorithm(std::optional<ConvAlgorithm> algorithm) { state().forced = algorithm; }

}  // namespace ebm::cpu
