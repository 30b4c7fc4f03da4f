// A torch tensor as C++ sees it: its address and strides, read through the table of functions that
// torch offers to C, DLPack's exchange API. Nothing here links to torch, and no Python code runs.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "program.h"

namespace throughtime {

namespace nb = nanobind;

// Its shape and strides are the tensor's own, and live as long as it does.
using View = nb::dlpack::dltensor;

// What torch offers, looked up at the first use: under the GIL, so that no lock is needed.
class Torch {
 public:
  static const Torch& get() {
    static Torch* torch = nullptr;
    if (!torch) torch = new Torch;  // never freed: it outlives static objects
    return *torch;
  }

  // Of no tensor, or of one without memory: raises as torch does.
  View view(nb::handle tensor) const {
    View out;
    if (table_->view(tensor.ptr(), &out)) throw nb::python_error();
    out.data = static_cast<char*>(out.data) + out.byte_offset;
    return out;
  }

  // A tensor itself, no subclass that may do otherwise.
  bool plain(nb::handle tensor) const {
    const nb::handle type = tensor.type();
    return type.is(tensor_) || type.is(parameter_);
  }

 private:
  // https://dmlc.github.io/dlpack: DLPackExchangeAPI, the same in all versions 1.x.
  struct Table {
    std::uint32_t major, minor;
    void* older;
    void *allocate, *from_python, *to_python;
    int (*view)(void* tensor, View* out);  // 0, or -1 with a Python error set
    void* stream;
  };

  Torch()
      : tensor_(nb::module_::import_("torch").attr("Tensor")),
        parameter_(nb::module_::import_("torch").attr("nn").attr("Parameter")) {
    const nb::object capsule = tensor_.attr("__dlpack_c_exchange_api__");
    table_ = static_cast<Table*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
    if (!table_) throw nb::python_error();
    if (table_->major != 1 || !table_->view)
      throw nb::import_error("throughtime: this version of torch is unknown to it, as it exchanges "
                             "tensors by another version of DLPack; expected 1. Update throughtime.");
  }

  nb::object tensor_, parameter_;
  const Table* table_;
};

// So many numbers of a size further on; nothing stays nothing.
inline void* moved(void* data, std::int64_t numbers, std::int64_t size) {
  return data ? static_cast<char*>(data) + numbers * size : nullptr;
}

// The matrix in which a row of a weight is, and which of its rows that is; the weight is a matrix, or
// a tuple of matrices one below the other.
inline std::pair<View, std::int64_t> rows_from(nb::handle weight, std::int64_t row) {
  if (!PyTuple_Check(weight.ptr())) return {Torch::get().view(weight), row};
  for (nb::handle piece : weight) {
    const View view = Torch::get().view(piece);
    if (row < view.shape[0]) return {view, row};
    row -= view.shape[0];
  }
  throw nb::index_error("a weight has too few rows");
}

// Whether all are plain tensors on the CPU, all of float32 or all of float64.
inline bool all_plain(const nb::list& tensors) {
  const Torch& torch = Torch::get();
  int bits = 0;
  for (nb::handle tensor : tensors) {
    if (!torch.plain(tensor)) return false;
    View v;
    try {
      v = torch.view(tensor);
    } catch (nb::python_error&) {
      return false;  // without memory: sparse, meta
    }
    const bool known = v.dtype.code == std::uint8_t(nb::dlpack::dtype_code::Float) &&
                       (v.dtype.bits == 32 || v.dtype.bits == 64);
    if (!known || v.device.device_type != nb::device::cpu::value) return false;
    if (bits && bits != v.dtype.bits) return false;
    bits = v.dtype.bits;
  }
  return true;
}

// to[at + j] += vectors[k][first + j] for j < count, for each of `places`, (k, first, at, count). All
// are vectors of one type; `to` is contiguous.
inline void add_parts(void* to, nb::handle vectors, nb::handle places) {
  for (nb::handle place : places) {
    const int first = nb::cast<int>(place[1]), at = nb::cast<int>(place[2]);
    const int count = nb::cast<int>(place[3]);
    const View in = Torch::get().view(vectors[place[0]]);
    const std::int64_t stride = in.strides[0];
    const auto add = [&](auto number) {
      using T = decltype(number);
      for (int j = 0; j < count; ++j)
        static_cast<T*>(to)[at + j] += static_cast<const T*>(in.data)[(first + j) * stride];
    };
    in.dtype.bits == 64 ? add(double()) : add(float());
  }
}

// Tensors `(steps, rows, units)`, `(rows, units)` or `(units,)` as arrays. Units have to be
// neighbours, steps and rows may be any stride apart: what is not so, is copied. In place of a
// tensor may stand the parts of a vector, (vectors, places, units), see `add_parts`. The numbers are
// floats of `size` bytes; of any other kind a loop would read past their end, so that raises.
class Arrays {
 public:
  explicit Arrays(std::int64_t size) : size_(size) {}

  // Null for None.
  Array of(nb::handle tensor) {
    if (tensor.is_none()) return {nullptr, 0, 0};
    if (PyTuple_Check(tensor.ptr())) {
      const View first = Torch::get().view(tensor[0][0]);
      check(first);
      const std::size_t bytes = nb::cast<std::size_t>(tensor[2]) * first.dtype.bits / 8;
      char* to = room(bytes);
      std::memset(to, 0, bytes);
      add_parts(to, tensor[0], tensor[1]);
      return {to, 0, 0};
    }
    View v = Torch::get().view(tensor);
    check(v);
    const int n = v.ndim;
    if (!v.data) return {nullptr, 0, 0};  // of no numbers
    if (n && v.strides[n - 1] != 1 && v.shape[n - 1] != 1) {
      if (std::all_of(v.strides, v.strides + n, [](std::int64_t s) { return s == 0; }))
        return {repeated(v), 0, 0};  // one number, as the gradient of a sum
      kept_.push_back(tensor.attr("contiguous")());
      v = Torch::get().view(kept_.back());
    }
    // one step may stand for what has none: then it is the same at every step
    return {v.data, n == 3 && v.shape[0] > 1 ? v.strides[0] : 0, n >= 2 ? v.strides[n - 2] : 0};
  }

  // What was copied, to be kept while the arrays are in use.
  std::vector<nb::object> kept() && { return std::move(kept_); }

 private:
  void check(const View& v) const {
    if (v.dtype.code != std::uint8_t(nb::dlpack::dtype_code::Float) || v.dtype.bits != 8 * size_)
      throw nb::type_error("a tensor of a loop has numbers of another kind than the call");
  }

  char* room(std::size_t bytes) {
    kept_.push_back(nb::steal(PyBytes_FromStringAndSize(nullptr, bytes)));
    if (!kept_.back().is_valid()) throw nb::python_error();
    return PyBytes_AS_STRING(kept_.back().ptr());
  }

  void* repeated(const View& v) {
    const std::size_t size = v.dtype.bits / 8, units = v.shape[v.ndim - 1];
    char* to = room(units * size);
    for (std::size_t k = 0; k < units; ++k) std::memcpy(to + k * size, v.data, size);
    return to;
  }

  std::int64_t size_;
  std::vector<nb::object> kept_;
};

}  // namespace throughtime
