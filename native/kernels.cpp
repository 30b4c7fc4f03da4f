// The kernels of one instruction set. CMakeLists.txt compiles this file once per set, each time
// with that set's flags; see vector.h for what such a file may use.
#include "affine.h"
#include "instruction_set.h"
#include "outer.h"
#include "pointwise.h"
#include "timeloop.h"

namespace throughtime::THROUGHTIME_SET {
namespace {

struct Exp {
  template <class V>
  THROUGHTIME_INLINE V operator()(V x) const {
    return exp(x);
  }
};
struct Tanh {
  template <class V>
  THROUGHTIME_INLINE V operator()(V x) const {
    return tanh(x);
  }
};
struct Sigmoid {
  template <class V>
  THROUGHTIME_INLINE V operator()(V x) const {
    return sigmoid(x);
  }
};

template <class F, class T>
void over(const T* x, T* y, std::size_t count) {
  constexpr int lanes = kLanes<T>;
  using V = Vec<T, lanes>;
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) F{}(V::load(x + i)).store(y + i);
  if (i < count) F{}(V::load_first(x + i, count - i)).store_first(y + i, count - i);
}

template <class T>
constexpr PointwiseKernels<T> kPointwise = {over<Exp, T>, over<Tanh, T>, over<Sigmoid, T>};

template <class T>
void pack_into(const Matrix& matrix, void* packed) {
  pack<T>(matrix, static_cast<T*>(packed));
}

template <class T>
constexpr LoopKernels kLoop = {kLanes<T>, kPanel<T>, pack_into<T>, run<T>, affine<T>, outer<T>};

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {kPointwise<float>, kPointwise<double>, kLoop<float>, kLoop<double>};

}  // namespace throughtime::THROUGHTIME_SET
