// Convolutions by oneDNN. Version 2's interface (operation descriptors) is used in this file only.
#include <unordered_map>

#include <oneapi/dnnl/dnnl.hpp>

#include "core/check.h"
#include "kernels/conv/conv_routine.h"

namespace ebm::cpu {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Algorithm = dnnl::algorithm;

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  static dnnl::stream s(engine());
  return s;
}

memory::desc describe(const memory::dims& dims, Tag tag, ElementType type = ElementType::fp32) {
  return {dims, type == ElementType::bf16 ? memory::data_type::bf16 : memory::data_type::f32, tag};
}
ElementType type_of(const ConvProblem& p) { return p.bf16 ? ElementType::bf16 : ElementType::fp32; }

// A memory object over memory that is set anew at every call.
memory bare_memory(const memory::desc& desc) { return memory(desc, engine(), nullptr); }

void point_at(memory& object, const Tensor& t) { object.set_data_handle(const_cast<void*>(t.raw()), stream()); }

std::string text_of(const memory::desc& desc) {
  return std::string(reinterpret_cast<const char*>(&desc.data), sizeof(desc.data));
}

// Whether the primitive does what follows the convolution: it knows biases and activations of a forward one only.
bool fuses(const ConvProblem& p) { return p.direction == ConvDirection::forward && !p.has_mask; }

// An operand on its way between the project's layout and the primitive's: copied if the two differ.
class Operand {
 public:
  Operand(const memory::desc& ours, const memory::desc& theirs, ElementType type)
      : type_(type), ours_(bare_memory(ours)), theirs_(bare_memory(theirs)), same_(ours == theirs) {
    if (!same_) {
      in_ = dnnl::reorder(ours_, theirs_);
      out_ = dnnl::reorder(theirs_, ours_);
    }
  }

  memory& theirs() { return theirs_; }
  bool same() const { return same_; }
  int64_t theirs_size() const { return static_cast<int64_t>(theirs_.get_desc().get_size() / size_of(type_)); }

  // Input: the primitive reads `data`, or a copy of it in `copy`.
  void read(const Tensor& data, Tensor& copy) {
    if (same_) return point_at(theirs_, data);
    copy = Tensor::empty({theirs_size()}, kCpu, type_);
    copy_in(data, copy);
  }
  void copy_in(const Tensor& from, Tensor& to) {
    point_at(ours_, from);
    write_to(theirs_, to);
    in_.execute(stream(), ours_, theirs_);
  }
  // Output: where the primitive writes; copy_out afterwards.
  void write(Tensor& data, Tensor& copy) {
    if (!same_) copy = Tensor::empty({theirs_size()}, kCpu, type_);
    write_to(theirs_, same_ ? data : copy);
  }
  void copy_out(Tensor& data) {
    if (same_) return;
    write_to(ours_, data);
    out_.execute(stream(), theirs_, ours_);
  }

 private:
  static void write_to(memory& object, Tensor& t) { object.set_data_handle(t.mutable_raw(), stream()); }

  ElementType type_;
  memory ours_, theirs_;
  bool same_;
  dnnl::reorder in_, out_;
};

// The descriptors of one problem; activations in `tag`, weights as the library likes.
struct Descriptors {
  memory::dims x_dims, w_dims, b_dims, y_dims, strides, before, after;
  memory::desc x, w, b, y;

  Descriptors(const ConvProblem& p, Tag tag)
      : x_dims{p.n, p.c, p.h, p.w},
        w_dims{p.k, p.c, p.r, p.s},
        b_dims{p.k},
        y_dims{p.n, p.k, p.p, p.q},
        strides{p.stride_h, p.stride_w},
        before{p.pad_top, p.pad_left},
        after{p.pad_bottom, p.pad_right},
        x(describe(x_dims, tag, type_of(p))),
        w(describe(w_dims, Tag::any, type_of(p))),
        b(fuses(p) && p.has_bias ? describe(b_dims, Tag::a) : memory::desc()),
        y(describe(y_dims, tag, type_of(p))) {}

  dnnl::convolution_forward::primitive_desc forward(const ConvProblem& p, dnnl::primitive_attr attr) const {
    using Forward = dnnl::convolution_forward;
    const auto kind = dnnl::prop_kind::forward_training;
    const auto direct = Algorithm::convolution_direct;
    const auto desc = fuses(p) && p.has_bias ? Forward::desc(kind, direct, x, w, b, y, strides, before, after)
                                             : Forward::desc(kind, direct, x, w, y, strides, before, after);
    return {desc, attr, engine()};
  }
};

dnnl::primitive_attr attributes(const ConvProblem& p) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (fuses(p) && p.negative_slope != 1.0f) {
    dnnl::post_ops ops;
    ops.append_eltwise(1.0f, Algorithm::eltwise_relu, p.negative_slope, 0.0f);
    attr.set_post_ops(ops);
  }
  return attr;
}

// A primitive with its two inputs and one output, in the order of ConvRoutine::run.
class LibraryRoutine : public ConvRoutine {
 public:
  struct Parts {
    dnnl::primitive primitive;
    memory::desc a, b, out, scratchpad;  // as the primitive wants them
    int a_arg, b_arg, out_arg;
  };

  LibraryRoutine(const ConvProblem& problem, const Parts& parts, const Descriptors& d)
      : direction_(problem.direction),
        fuses_(fuses(problem)),
        primitive_(parts.primitive),
        type_(type_of(problem)),
        a_(problem.direction == ConvDirection::backward_data ? describe(d.y_dims, Tag::nhwc, type_)
                                                             : describe(d.x_dims, Tag::nhwc, type_),
           parts.a, type_),
        b_(problem.direction == ConvDirection::backward_weight ? describe(d.y_dims, Tag::nhwc, type_)
                                                               : describe(d.w_dims, Tag::ohwi, type_),
           parts.b, type_),
        out_(problem.direction == ConvDirection::forward         ? describe(d.y_dims, Tag::nhwc, type_)
             : problem.direction == ConvDirection::backward_data ? describe(d.x_dims, Tag::nhwc, type_)
                                                                 : describe(d.w_dims, Tag::ohwi, type_),
             parts.out, type_),
        bias_(bare_memory(describe(d.b_dims, Tag::a))),
        scratchpad_(bare_memory(parts.scratchpad)),
        weights_("onednn " + text_of(parts.b), b_.theirs_size(), type_) {
    arguments_ = {{parts.a_arg, a_.theirs()},
                  {parts.b_arg, b_.theirs()},
                  {parts.out_arg, out_.theirs()},
                  {DNNL_ARG_SCRATCHPAD, scratchpad_}};
    if (fuses_ && problem.has_bias) arguments_.emplace(DNNL_ARG_BIAS, bias_);
  }

  void run(const Tensor& a, const Tensor& b, const ConvEpilogue& end, Tensor& out) override {
    Tensor a_copy, b_copy, out_copy, scratch;
    a_.read(a, a_copy);
    if (direction_ == ConvDirection::backward_weight || b_.same()) {
      b_.read(b, b_copy);
    } else {
      point_at(b_.theirs(), weights_.get(b, [this](const Tensor& from, Tensor& to) { b_.copy_in(from, to); }));
    }
    if (fuses_ && end.bias.defined()) point_at(bias_, end.bias);
    if (const size_t bytes = scratchpad_.get_desc().get_size(); bytes > 0) {
      scratch = Tensor::empty({static_cast<int64_t>(bytes / sizeof(float)) + 1}, kCpu);
      point_at(scratchpad_, scratch);
    }
    out_.write(out, out_copy);
    primitive_.execute(stream(), arguments_);
    out_.copy_out(out);
    stream().wait();
    if (!fuses_) end.finish(out);
  }

 private:
  ConvDirection direction_;
  bool fuses_;
  dnnl::primitive primitive_;
  ElementType type_;
  Operand a_, b_, out_;
  memory bias_, scratchpad_;
  PackedWeights weights_;
  std::unordered_map<int, memory> arguments_;
};

std::unique_ptr<ConvRoutine> make(const ConvProblem& p, Tag tag) {
  const Descriptors d(p, tag);
  const auto attr = attributes(p);
  const auto forward = d.forward(p, attr);
  const auto direct = Algorithm::convolution_direct;
  switch (p.direction) {
    case ConvDirection::forward:
      return std::make_unique<LibraryRoutine>(
          p,
          LibraryRoutine::Parts{dnnl::convolution_forward(forward), forward.src_desc(), forward.weights_desc(),
                                forward.dst_desc(), forward.scratchpad_desc(), DNNL_ARG_SRC, DNNL_ARG_WEIGHTS,
                                DNNL_ARG_DST},
          d);
    case ConvDirection::backward_data: {
      const dnnl::convolution_backward_data::primitive_desc pd({direct, d.x, d.w, d.y, d.strides, d.before, d.after},
                                                               attr, engine(), forward);
      return std::make_unique<LibraryRoutine>(
          p,
          LibraryRoutine::Parts{dnnl::convolution_backward_data(pd), pd.diff_dst_desc(), pd.weights_desc(),
                                pd.diff_src_desc(), pd.scratchpad_desc(), DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS,
                                DNNL_ARG_DIFF_SRC},
          d);
    }
    case ConvDirection::backward_weight: {
      const dnnl::convolution_backward_weights::primitive_desc pd({direct, d.x, d.w, d.y, d.strides, d.before, d.after},
                                                                  attr, engine(), forward);
      return std::make_unique<LibraryRoutine>(
          p,
          LibraryRoutine::Parts{dnnl::convolution_backward_weights(pd), pd.src_desc(), pd.diff_dst_desc(),
                                pd.diff_weights_desc(), pd.scratchpad_desc(), DNNL_ARG_SRC, DNNL_ARG_DIFF_DST,
                                DNNL_ARG_DIFF_WEIGHTS},
          d);
    }
  }
  return nullptr;
}

}  // namespace

bool multiplies_bf16() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::avx512_core_bf16:
    case dnnl::cpu_isa::avx512_core_amx: return true;
    default: return false;
  }
}

std::unique_ptr<ConvRoutine> make_library_routine(const ConvProblem& problem, bool blocked) {
  if (problem.bf16 && !multiplies_bf16()) return nullptr;
  try {
    return make(problem, blocked ? Tag::any : Tag::nhwc);
  } catch (const dnnl::error& error) {
    // Plain NHWC is always implemented in fp32; a blocked layout need not be, nor bf16.
    if ((blocked || problem.bf16) && error.status == dnnl_unimplemented) return nullptr;
    EBM_FAIL("conv2d (oneDNN)", std::string(error.what()) + " for " + to_string(problem), "success");
  }
}

}  // namespace ebm::cpu
