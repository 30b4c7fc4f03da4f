// Which instruction sets this library was built for, which of them this machine runs, and the
// kernels of each. Knows no vector type: it is included by files of every set and of none.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "program.h"

namespace throughtime {

// y[i] = f(x[i]) for i < count.
//   x  (count,), the caller's, read.
//   y  (count,), the caller's, written; may be x itself, may not overlap it otherwise.
template <class T>
using Pointwise = void (*)(const T* x, T* y, std::size_t count);

template <class T>
struct PointwiseKernels {
  Pointwise<T> exp;
  Pointwise<T> tanh;
  Pointwise<T> sigmoid;
};

// The gradient of a weight: to(i, j) = the sum over all steps and rows of a(step, row, i) *
// b(step, row, j).
//   a  (steps, batch, ...), the caller's, read; every row so many numbers after the one before.
//   b  (steps, batch, columns), the caller's, read; steps and rows so many numbers apart.
//   to (..., columns), the caller's, written.
struct Outer {
  const void *a, *b;
  std::ptrdiff_t a_pitch, b_step, b_row, steps, batch;
  void* to;
  int columns;
};

// to(i, j) = bias(j) + the sum over k of x(i, k) * matrix(j, k), for i < count.
//   x     (count, in), the caller's, read; rows x_pitch numbers apart.
//   bias  (out,), the caller's, read, or null.
//   to    (count, out), the caller's, written.
struct Affine {
  Matrix matrix;
  const void *x, *bias;
  std::ptrdiff_t x_pitch, count;
  void* to;
};

// Rows [row, end_row) of an `Affine`, panels [panel, end_panel) of its outputs.
struct Part {
  std::ptrdiff_t row, end_row;
  int panel, end_panel;
};

// The loop over time and the products around it, see timeloop.h, product.h, affine.h and outer.h.
struct LoopKernels {
  std::int32_t lanes;  // of a vector; every pitch is a multiple of it
  std::int32_t panel;  // two vectors
  void (*pack)(const Matrix& matrix, void* packed);
  void (*run)(const RowGroup& group);
  void (*affine)(const Affine& affine, const void* packed, const Part& part);
  void (*outer)(const Outer& outer, int first, int last);  // rows [first, last) of `to`
};

// What kernels.cpp provides, once per instruction set.
struct Kernels {
  PointwiseKernels<float> of_float;
  PointwiseKernels<double> of_double;
  LoopKernels loop_of_float;
  LoopKernels loop_of_double;
};

struct InstructionSet {
  const char* name;
  const Kernels* kernels;
};

// Those that this machine runs, the best last. Never empty.
std::span<const InstructionSet> instruction_sets();

// Throws std::invalid_argument where this machine runs no such set.
const InstructionSet& instruction_set(const std::string& name);

// What the environment's THROUGHTIME_INSTRUCTION_SET names, else the best that this machine runs.
const InstructionSet& chosen_instruction_set();

}  // namespace throughtime
