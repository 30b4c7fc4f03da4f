// throughtime._native: what Python sees. The only file that knows nanobind.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instruction_set.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace throughtime {
namespace {

// (N,), the caller's, read.
template <class T>
using Input = nb::ndarray<nb::numpy, const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
// (N,), new, owned by the array returned.
template <class T>
using Output = nb::ndarray<nb::numpy, T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using SetName = std::optional<std::string>;

std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const InstructionSet& set : instruction_sets()) out.emplace_back(set.name);
  return out;
}

const Kernels& kernels_of(const SetName& name) {
  if (!name) return *chosen_instruction_set().kernels;
  std::string known;
  for (const InstructionSet& set : instruction_sets()) {
    if (*name == set.name) return *set.kernels;
    known += (known.empty() ? "" : ", ") + std::string(set.name);
  }
  throw nb::value_error(("instruction_set has '" + *name + "'; expected one of " + known +
                         ", which this machine runs. Leave it out to take the best.")
                            .c_str());
}

template <class T>
Output<T> apply(Pointwise<T> f, const Input<T>& x) {
  const std::size_t count = x.shape(0);
  auto y = std::make_unique<T[]>(count);
  T* data = y.get();
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  y.release();
  {
    nb::gil_scoped_release released;
    f(x.data(), data, count);
  }
  return Output<T>(data, {count}, owner);
}

const PointwiseKernels<float>& of(const Kernels& kernels, float) { return kernels.of_float; }
const PointwiseKernels<double>& of(const Kernels& kernels, double) { return kernels.of_double; }

template <class T>
void bind_pointwise(nb::module_& m) {
  const auto bind = [&m](const char* name, Pointwise<T> PointwiseKernels<T>::*which) {
    m.def(
        name,
        [which](const Input<T>& x, const SetName& instruction_set) {
          return apply<T>(of(kernels_of(instruction_set), T{}).*which, x);
        },
        "x"_a.noconvert(), "instruction_set"_a = nb::none());
  };
  bind("exp", &PointwiseKernels<T>::exp);
  bind("tanh", &PointwiseKernels<T>::tanh);
  bind("sigmoid", &PointwiseKernels<T>::sigmoid);
}

}  // namespace
}  // namespace throughtime

NB_MODULE(_native, m) {
  using namespace throughtime;
  bind_pointwise<float>(m);
  bind_pointwise<double>(m);
  m.def("instruction_sets", &names);
  m.def("chosen_instruction_set", [] { return std::string(chosen_instruction_set().name); });
}
