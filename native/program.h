// A program over time, as the engine receives it: instructions on registers, as plain data.
//
// A register holds one value of every row of a tile: `pitch` numbers a row, of which `width` count
// and the rest is padding that never leaves the registers. Instructions work row by row; only
// products see more than one row at once, so a step is products with instructions between them.
//
// Plain structs and pointers throughout: files of every instruction set include this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace throughtime {

// Where a register lives.
enum class Life : std::int32_t {
  step,   // a row for every row of the tile: products read or write it
  chunk,  // room for a few rows only, reused: hot in the first-level cache
  state,  // as step, and carried from step to step
  fixed,  // the same in every row, filled before the first step: constants, vectors
};

// The order is part of the interface with engines/lower.py, which reads these names.
#define THROUGHTIME_OPS(X)                                                                    \
  X(load)          /* to = array a at this step */                                            \
  X(store)         /* array a at this step = b */                                             \
  X(copy)          /* to = a */                                                               \
  X(zero)          /* to = 0 */                                                               \
  X(product)       /* to += a times matrix b */                                               \
  X(expand)        /* to = a of width 1, in every unit */                                     \
  X(sum)           /* to of width 1: of a over its units; so mean and variance */             \
  X(mean)                                                                                     \
  X(variance)      /* p: correction */                                                        \
  X(add) X(sub) X(mul) X(div) X(pow)                                                          \
  X(neg) X(exp) X(log) X(sqrt) X(sin) X(cos) X(erf) X(abs) X(sign)                            \
  X(tanh) X(sigmoid) X(relu)                                                                  \
  X(leaky_relu)    /* p: slope */                                                             \
  X(elu)           /* p: alpha, q: scale */                                                   \
  X(gelu)          /* p: 0 exact, 1 by tanh */                                                \
  X(silu)                                                                                     \
  X(softplus)      /* p: beta, q: threshold */                                                \
  X(hardsigmoid)                                                                              \
  X(hardtanh)      /* p, q: bounds; infinite for none */                                      \
  X(maximum) X(minimum)                                                                       \
  X(where)         /* to = a != 0 ? b : c */                                                  \
  X(lt) X(le) X(gt) X(ge) X(eq) X(ne) X(logical_and) X(logical_or) X(logical_not)             \
  X(multiply_add)  /* to = a * b + c */                                                       \
  X(one_minus)     /* to = 1 - a */                                                           \
  X(tanh_slope)    /* to = a * (1 - b * b) */                                                 \
  X(sigmoid_slope) /* to = a * ((1 - b) * b) */

enum class Op : std::int32_t {
#define THROUGHTIME_OP(name) name,
  THROUGHTIME_OPS(THROUGHTIME_OP)
#undef THROUGHTIME_OP
};

struct Instruction {
  Op op;
  std::int32_t to, a, b, c;
  double p, q;
};

// Rows of numbers in memory; `step` and `row` are strides in numbers, units are neighbours.
//   data  the caller's; read by load, written by store.
struct Array {
  void* data;
  std::ptrdiff_t step, row;
};

// out(j) += sum over k of in(k) * data[j * out_stride + k * in_stride].
//   data  the caller's, read while it is packed.
struct Matrix {
  const void* data;
  std::ptrdiff_t out_stride, in_stride;
  std::int32_t out, in;
};

struct Register {
  std::ptrdiff_t offset;  // of its first row in the arena, in numbers
  std::int32_t width, pitch;
  bool advances;  // whether each row of the tile has its own place
};

// A state that begins anew where the sequence says so.
//   initial  (B, width). Forward: read. Backward: added to.
struct Restart {
  std::int32_t state;
  Array initial;
};

// Neighbouring instructions: one product, or some that work row by row.
struct Item {
  bool product;
  std::int32_t begin, end;
};

// Some rows of a batch through all steps, on one thread.
struct Tile {
  const Instruction* instructions;
  const Item* items;
  std::int32_t item_count;
  const Register* registers;
  const Array* arrays;
  const Matrix* matrices;
  const void* const* packed;  // each matrix as pack() left it
  const Restart* restarts;
  std::int32_t restart_count;
  std::ptrdiff_t steps;
  bool reverse;                  // the order of the steps
  const std::uint8_t* restart;   // (steps, batch) bool, or null; the caller's, read
  std::ptrdiff_t batch;
  std::ptrdiff_t restart_offset;  // step t looks at restart[t + offset]
  bool backward;                  // restarts after the step, adding to `initial`
  const std::int64_t* lengths;    // (batch,) or null; the caller's, read
  const std::int64_t* rows;       // (count,) which rows of the batch, longest first
  std::ptrdiff_t count;
  std::ptrdiff_t chunk_rows;
  void* arena;
};

}  // namespace throughtime
