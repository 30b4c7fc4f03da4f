// throughtime._native: what Python sees. This file, tensor.h, outside_loop.h and interruptible.h are all
// that know nanobind.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "outside_loop.h"
#include "engine.h"
#include "instruction_set.h"
#include "interruptible.h"
#include "memory.h"
#include "team.h"
#include "tensor.h"

using namespace nanobind::literals;

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
  return *(name ? instruction_set(*name) : chosen_instruction_set()).kernels;
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
const LoopKernels& loop_of(const Kernels& kernels, bool is_double) {
  return is_double ? kernels.loop_of_double : kernels.loop_of_float;
}

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

// A program lowered to instructions; made once, run with the tensors of each call.
struct Lowered {
  // (out, in), of a packed weight from a row on, or these rows transposed.
  struct Part {
    int weight, row;
    bool transposed;
    int out, in;
  };

  Loop loop;
  std::vector<std::tuple<int, int>> arrays;  // (tensor, column)
  std::vector<Part> matrices;
  std::vector<std::tuple<int, int>> starts, restarts, finals;  // (state register, array)
};

using Pairs = std::vector<std::tuple<int, int>>;
using SplitNumbers = std::tuple<int, bool, std::int64_t, std::int64_t, std::int64_t>;

Lowered lower(const Pairs& registers,
              const std::vector<std::tuple<int, int, int, int, int, double, double>>& instructions,
              const std::vector<std::tuple<int, int, int>>& stages,
              const std::vector<std::tuple<int, int, bool, int, int>>& matrices,
              const std::vector<std::tuple<int, double>>& constants, const Pairs& starts,
              const Pairs& restarts, const Pairs& finals, const Pairs& sums, const Pairs& arrays,
              bool backward) {
  Lowered out;
  for (const auto& [width, life] : registers) out.loop.registers.push_back({width, Life(life)});
  for (const auto& [op, to, a, b, c, p, q] : instructions)
    out.loop.instructions.push_back({Op(op), to, a, b, c, p, q});
  for (const auto& [begin, end, width] : stages) out.loop.stages.push_back({begin, end, width});
  for (const auto& [to, value] : constants) out.loop.constants.push_back({to, value});
  for (const auto& [width, array] : sums) out.loop.sums.push_back({width, array});
  for (const auto& [weight, row, transposed, rows, columns] : matrices)
    out.matrices.push_back({weight, row, transposed, rows, columns});
  out.arrays = arrays;
  out.finals = finals;
  out.starts = starts;
  out.restarts = restarts;
  out.loop.backward = backward;
  return out;
}

// size      of a number, in bytes.
// tensors   what the loop reads and writes, see `Arrays`; None: a start that is zero, or a final value
//           that is not wanted.
// weights   the packed weights, each whole or a tuple of matrices one below the other, none of which
//           ends within a map.
// kept      what had to be copied for the loop, to be kept while it runs.
Loop bound(const Lowered& lowered, std::int64_t size, const nb::list& tensors,
           const nb::tuple& weights, std::vector<nb::object>& kept) {
  Loop loop = lowered.loop;
  Arrays arrays(size);
  std::vector<Array> all;
  for (nb::handle tensor : tensors) all.push_back(arrays.of(tensor));
  for (const auto& [tensor, column] : lowered.arrays)
    loop.arrays.push_back(
        {moved(all[tensor].data, column, size), all[tensor].step, all[tensor].row});
  for (const Lowered::Part& part : lowered.matrices) {
    const auto [w, row] = rows_from(weights[part.weight], part.row);
    const std::int64_t out = w.strides[0], in = w.strides[1];
    loop.matrices.push_back({moved(w.data, row * out, size), part.transposed ? in : out,
                             part.transposed ? out : in, part.out, part.in});
  }
  for (const auto& [state, array] : lowered.starts)
    loop.starts.push_back({state, loop.arrays[array]});
  kept = std::move(arrays).kept();
  return loop;
}

// What a loop backward adds to where states begin anew, to 0.
void set_sums_of_restarts(const Loop& loop, std::int64_t size) {
  if (!loop.backward) return;
  for (const auto& [state, array] : loop.restarts)
    for (std::int64_t row = 0; row < loop.batch; ++row)
      std::memset(moved(array.data, row * array.row, size), 0,
                  loop.registers[state].width * size);
}

// (lowered, tensors, weights, begins, reverse, restart_offset)
// tensors, weights   as in `bound`.
// begins    (state, start), numbers of tensors: the values `start` are written beside those of the
//           state over time, which are contiguous: before the first step in the order of the loop.
using Direction = std::tuple<const Lowered*, nb::list, nb::tuple, Pairs, bool, std::int64_t>;

// Directions over the same steps.
// lengths, restart   addresses, 0 for none.
// split     of each, as in engine.h; none: chosen for `threads`.
// All memory is the caller's and of one type, lengths int64, restart bool.
void run(const std::vector<Direction>& directions, bool is_double, std::int64_t steps,
         std::int64_t batch, std::int64_t lengths, std::int64_t restart, int threads,
         const std::optional<SplitNumbers>& split, const SetName& instruction_set) {
  const LoopKernels& kernels = loop_of(kernels_of(instruction_set), is_double);
  const std::int64_t size = is_double ? sizeof(double) : sizeof(float);
  std::vector<std::vector<nb::object>> kept(directions.size());
  std::vector<Loop> loops;
  for (const auto& [lowered, tensors, weights, begins, reverse, restart_offset] : directions) {
    Loop& loop = loops.emplace_back(bound(*lowered, size, tensors, weights, kept[loops.size()]));
    for (const auto& [state, start] : begins) {
      Arrays arrays(size);
      const Array from = arrays.of(tensors[start]), to = arrays.of(tensors[state]);
      const View view = Torch::get().view(tensors[start]);
      const std::int64_t units = view.shape[view.ndim - 1];
      const std::int64_t before = (reverse ? steps : -1) * batch * units;
      for (std::int64_t row = 0; steps && row < batch; ++row)  // of no steps there is no address
        std::memcpy(moved(to.data, before + row * units, size),
                    moved(from.data, row * from.row, size), units * size);
    }
    if (restart)
      for (const auto& [state, array] : lowered->restarts)
        loop.restarts.push_back({state, loop.arrays[array]});
    for (const auto& [state, array] : lowered->finals)
      if (loop.arrays[array].data) loop.finals.push_back({state, loop.arrays[array]});
    loop.steps = steps;
    loop.batch = batch;
    loop.reverse = reverse;
    loop.restart_offset = restart_offset;
    loop.lengths = reinterpret_cast<const std::int64_t*>(lengths);
    loop.restart = reinterpret_cast<const std::uint8_t*>(restart);
  }
  std::optional<Split> cut;
  if (split) {
    const auto [number, by_units, tile_rows, block, together] = *split;
    cut = {number, by_units, tile_rows, block, together};
  }
  interruptible([&](Interruption& interruption) {
    for (const Loop& loop : loops) set_sums_of_restarts(loop, size);
    if (is_double)
      run_loops<double>(loops, kernels, threads, cut, interruption);
    else
      run_loops<float>(loops, kernels, threads, cut, interruption);
  });
}

// to = 0, then what `add_parts` in tensor.h adds.
void set_parts(nb::handle to, const nb::tuple& vectors, nb::handle places) {
  const View out = Torch::get().view(to);
  std::memset(out.data, 0, out.shape[0] * out.dtype.bits / 8);
  add_parts(out.data, vectors, places);
}

// How a call of these sizes would be cut up.
SplitNumbers split_of(const Lowered& lowered, bool is_double, std::int64_t steps,
                      std::int64_t batch, int threads) {
  const Kernels& kernels = kernels_of(std::nullopt);
  Loop loop = lowered.loop;
  for (const Lowered::Part& part : lowered.matrices)
    loop.matrices.push_back({nullptr, 0, 0, part.out, part.in});
  loop.arrays.assign(lowered.arrays.size(), {nullptr, 1, 1});  // each row with numbers of its own
  loop.steps = steps;
  loop.batch = batch;
  const Split s = choose_split(loop, loop_of(kernels, is_double), threads);
  return {s.threads, s.by_units, s.tile_rows, s.block, s.together};
}

// Layers one step at a time, each on what the one below has put out.
template <class T>
class Stream {
 public:
  // x  (rows, columns), or (columns,) of one row: the caller's, read.
  using X = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
  // (tensors, weights) as for `run`; they are to outlive the stream.
  using Layer = std::tuple<const Lowered*, nb::list, nb::tuple>;

  // x_tensor  which tensor of the first layer is x.
  // y         what `step` returns: the memory that the last layer writes.
  Stream(const std::vector<Layer>& layers, int x_tensor, std::vector<std::size_t> x_shape,
         std::int64_t batch, nb::object y)
      : x_shape_(std::move(x_shape)), y_(std::move(y)) {
    const LoopKernels& of_type = loop_of(kernels_of(std::nullopt), sizeof(T) == sizeof(double));
    for (const auto& [lowered, tensors, weights] : layers) {
      kept_.emplace_back();
      loops_.push_back(
          std::make_unique<Loop>(bound(*lowered, sizeof(T), tensors, weights, kept_.back())));
      loops_.back()->steps = 1;
      loops_.back()->batch = batch;
      steps_.push_back(make_steps<T>(*loops_.back(), of_type));
    }
    const auto& arrays = std::get<0>(layers.front())->arrays;
    for (std::size_t k = 0; k < arrays.size(); ++k)
      if (std::get<0>(arrays[k]) == x_tensor)
        x_.emplace_back(&loops_.front()->arrays[k], std::get<1>(arrays[k]));
  }

  Stream(const Stream&) = delete;

  // The GIL stays held: it makes a step one whole, and costs less than letting go of it.
  nb::object step(const X& x) {
    if (x.ndim() != x_shape_.size() || !std::equal(x_shape_.begin(), x_shape_.end(), x.shape_ptr()))
      throw nb::type_error("x is of another shape");
    for (auto& [array, column] : x_) array->data = const_cast<T*>(x.data()) + column;
    for (auto& layer : steps_) layer->step();
    return y_;
  }

  void begin() {
    for (auto& layer : steps_) layer->begin();
  }

  void leave() {
    for (auto& layer : steps_) layer->leave();
  }

 private:
  std::vector<std::size_t> x_shape_;
  nb::object y_;
  std::vector<std::vector<nb::object>> kept_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::unique_ptr<Steps>> steps_;
  std::vector<std::pair<Array*, int>> x_;
};

template <class T>
void bind_stream(nb::module_& m, const char* name) {
  nb::class_<Stream<T>>(m, name)
      .def(nb::init<const std::vector<typename Stream<T>::Layer>&, int, std::vector<std::size_t>,
                    std::int64_t, nb::object>(),
           "layers"_a, "x_tensor"_a, "x_shape"_a, "batch"_a, "y"_a)
      .def("step", &Stream<T>::step, nb::arg("x").noconvert())
      .def("begin", &Stream<T>::begin)
      .def("leave", &Stream<T>::leave);
}

// (count,), new, of borrowed memory that goes back when torch lets go of it.
template <class T>
auto empty(std::size_t count) {
  void* block = borrow(count * sizeof(T));
  nb::capsule owner(block, [](void* p) noexcept { give_back(p); });
  return nb::ndarray<nb::pytorch, T, nb::ndim<1>, nb::device::cpu>(block, {count}, owner);
}

std::vector<std::string> operations() {
  return {
#define THROUGHTIME_OP(name) #name,
      THROUGHTIME_OPS(THROUGHTIME_OP)
#undef THROUGHTIME_OP
  };
}

}  // namespace
}  // namespace throughtime

NB_MODULE(_native, m) {
  using namespace throughtime;
  nb::set_leak_warnings(false);  // lowered programs are cached until the process ends
  bind_pointwise<float>(m);
  bind_pointwise<double>(m);
  nb::class_<Lowered>(m, "Lowered");
  bind_stream<float>(m, "StreamFloat32");
  bind_stream<double>(m, "StreamFloat64");
  m.def("lower", &lower, "registers"_a, "instructions"_a, "stages"_a, "matrices"_a, "constants"_a,
        "starts"_a, "restarts"_a, "finals"_a, "sums"_a, "arrays"_a, "backward"_a);
  m.def("run", &run, "directions"_a, "is_double"_a, "steps"_a, "batch"_a, "lengths"_a, "restart"_a,
        "threads"_a, "split"_a = nb::none(), "instruction_set"_a = nb::none());
  m.def(
      "affine",
      [](bool is_double, nb::handle x, nb::handle weight, nb::handle bias, nb::handle to,
         int threads) {
        affine(loop_of(*chosen_instruction_set().kernels, is_double), x, weight, bias, to, threads);
      },
      "is_double"_a, "x"_a, "weight"_a, "bias"_a.none(), "to"_a, "threads"_a);
  m.def(
      "outer",
      [](bool is_double, nb::handle dz, const nb::list& products, int threads) {
        outer(loop_of(*chosen_instruction_set().kernels, is_double), dz, products, threads);
      },
      "is_double"_a, "dz"_a, "products"_a, "threads"_a);
  m.def("all_plain", &all_plain, "tensors"_a);
  m.def("set_parts", &set_parts, "to"_a, "vectors"_a, "places"_a);
  m.def("empty_float32", &empty<float>, "count"_a);
  m.def("empty_float64", &empty<double>, "count"_a);
  m.def("memory_kept", &kept);
  m.def("release_memory", &release);
  // (threads, by_units, tile_rows, block, together) of a call, for tests
  m.def("split", &split_of, "lowered"_a, "is_double"_a, "steps"_a, "batch"_a, "threads"_a);
  // numbers in a panel, for tests
  m.def("panel", [](bool is_double) { return loop_of(kernels_of(std::nullopt), is_double).panel; });
  m.def("operations", &operations);
  m.def("threads_from", &threads_from);
  m.def("instruction_sets", &names);
  m.def("chosen_instruction_set", [] { return std::string(chosen_instruction_set().name); });
}
