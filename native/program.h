// A program over time, as the engine receives it: instructions on registers, as plain data.
//
// Rows of a batch go through time in tiles of a few rows; the units of a value lie in blocks. A
// register holds one value of a tile: block after block, in each block row after row, so that a
// block of a tile is contiguous and a pointwise instruction is one loop over it. Padding fills the
// last block up to a vector; it never leaves the registers. Where units are few, tiles lie the other
// way round, see rows_in_lanes.h.
//
// A step is a list of stages. A stage by units runs all its instructions on one block of one tile
// before it goes on to the next, while the block is in the first-level cache; products are among
// them, and read whole operands that an earlier stage has left. The other stages see all the units
// of a tile at once, for what mixes units or widths.
//
// Plain structs and pointers throughout: files of every instruction set include this.
#pragma once

#include <cstddef>
#include <cstdint>

namespace throughtime {

// Where a register lives.
enum class Life : std::int32_t {
  block,     // scratch of a thread: one block of one tile
  tile,      // scratch of a thread: all blocks of one tile
  step,      // every row: what one stage leaves for another
  state,     // every row: a state before this step
  next,      // every row: after this step, of the state register just before it
  constant,  // as tile, filled before the first step and never written again
};

// The order is part of the interface with engines/cpu/lowered.py, which reads these names.
#define THROUGHTIME_OPS(X)                                                                    \
  X(load)          /* to = array a at this step */                                            \
  X(previous)      /* to = array a at the step before in the order of the cell, array b */    \
                   /* before the first, array c after a reset: a state before this step */    \
  X(store)         /* array a at this step = b */                                             \
  X(accumulate)    /* sum a += b over the rows */                                             \
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

// Instructions [begin, end) of a step.
struct Stage {
  std::int32_t begin, end;
  std::int32_t width;  // by units: of every register it writes, block by block; 0: tile by tile
};

// Rows of numbers in memory; `step` and `row` are strides in numbers, units are neighbours.
//   data  the caller's; read by load, written by store.
struct Array {
  void* data;
  std::ptrdiff_t step, row;
};

// out(j) += sum over k of in(k) * data[j * out_stride + k * in_stride].
//   data  the caller's, read.
struct Matrix {
  const void* data;
  std::ptrdiff_t out_stride, in_stride;
  std::int32_t out, in;
};

struct Register {
  void* at;  // of its first number
  std::ptrdiff_t tile, block;  // from tile to tile and from block to block, in numbers, or 0
  std::int32_t width, pitch;  // units; with padding
};

// A state register and its numbers in memory.
//   array  (B, width), the caller's.
struct StateRows {
  std::int32_t state;
  Array array;
};

// What threads that share every step tell each other: which tasks are taken, and how many are done. A
// step is a sequence of phases, each a number of tasks. A thread claims tasks, its own first, then what
// the others have not begun: where one of them has no core, the rest go on without it. All wait for
// the last task of a phase before the next.
struct PhaseBoard {
  struct alignas(64) Claim {
    std::uint64_t phase;  // the last for which somebody has taken this task
  };
  alignas(64) std::uint64_t done;  // tasks, of all phases
  Claim* claims;
  void (*idle)(int spins);  // a moment of waiting, after so many
};

// How a call ends before it is done, see interrupt.h.
struct Interrupt {
  int end;                 // not 0: no further step begins, and what was written is not used
  int (*ask)(Interrupt*);  // by the calling thread; returns after how many steps to ask again
};

// Rows that go through time together, as one thread sees them.
struct RowGroup {
  const Instruction* instructions;
  const Stage* stages;
  std::int32_t stage_count;
  const Register* registers[2];  // at even and odd steps: `state` and `next` take turns
  const Array* arrays;
  const Matrix* matrices;
  const void* const* packed;  // each matrix as pack() left it; null: read where it lies
  const StateRows* starts;  // before a row's first step, read; 0 where there is no memory
  std::int32_t start_count;
  const StateRows* restarts;  // where the sequence begins anew; forward read, backward added to
  std::int32_t restart_count;
  const StateRows* finals;  // after a row's last step, written
  std::int32_t final_count;
  const std::ptrdiff_t* sums;  // where each sum begins in `totals`

  std::ptrdiff_t steps, batch;
  bool reverse;                   // the order of the steps
  bool backward;                  // restarts after the step, adding to `initial`
  std::ptrdiff_t restart_offset;  // step t looks at restart[t + offset]
  const std::uint8_t* restart;    // (steps, batch) bool, or null; the caller's, read
  const std::int64_t* lengths;    // (batch,) or null; the caller's, read
  const std::int64_t* rows;       // (count,) which rows of the batch, longest first
  std::ptrdiff_t count;
  std::ptrdiff_t tile_rows, block;
  bool rows_in_lanes;  // see rows_in_lanes.h: whole panels of rows in a tile, and one block of units
  double* totals;
  // Where units are shared out: the totals of a stage tile by tile lie so far apart, one for each
  // tile, so that they do not depend on who runs it. Else 0.
  std::ptrdiff_t totals_of_tile;

  // Threads that share the group; this one is `part`. Null with one.
  int part, parts;
  PhaseBoard* board;

  Interrupt* interrupt;  // null: never
  bool asks;             // whether this thread is the calling one
};

}  // namespace throughtime
