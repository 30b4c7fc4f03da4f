// A whole call of the engine: registers are given their places, rows and units their threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "instruction_set.h"
#include "interrupt.h"
#include "program.h"

namespace throughtime {

struct RegisterSpec {
  std::int32_t width;
  Life life;
};

// A register filled before the first step.
struct Constant {
  std::int32_t to;
  double value;
};

// What `accumulate` adds up over steps and rows.
//   array  (width,), written.
struct Sum {
  std::int32_t width;
  std::int32_t array;
};

// How a call is cut up. A pure function of shape and thread count: see choose_split.
struct Split {
  int threads;
  bool by_units;             // threads share all rows and each step; else each has its own rows
  std::ptrdiff_t tile_rows;  // rows of a tile
  std::ptrdiff_t block;      // units of a block; 0: rows in the lanes, see rows_in_lanes.h
  std::ptrdiff_t together;   // most rows that go through time together
};

struct Loop {
  std::vector<RegisterSpec> registers;
  std::vector<Instruction> instructions;
  std::vector<Stage> stages;
  std::vector<Array> arrays;
  std::vector<Matrix> matrices;
  std::vector<Constant> constants;
  std::vector<StateRows> starts, restarts, finals;  // see RowGroup
  std::vector<Sum> sums;
  std::ptrdiff_t steps = 0, batch = 0;
  bool reverse = false, backward = false;
  std::ptrdiff_t restart_offset = 0;
  const std::int64_t* lengths = nullptr;  // (batch,) or null; the caller's, read
  const std::uint8_t* restart = nullptr;  // (steps, batch) or null; the caller's, read
};

Split choose_split(const Loop& loop, const LoopKernels& kernels, int threads);

// Run loops that do not wait for each other, each cut up as `split` says, else as they are best. One
// split gives the same bits every time; states and stored values do not depend on the split at all,
// but sums do in their last digits, those over units on which way a tile lies. Where it is interrupted,
// what was written so far is worth nothing.
template <class T>
void run_loops(const std::vector<Loop>& loops, const LoopKernels& kernels, int threads,
               const std::optional<Split>& split, Interruption& interruption);

// A loop of one step that is run again and again on the calling thread: packed weights, states and
// scratch stay where they are. Arrays may get other addresses between steps.
class Steps {
 public:
  virtual ~Steps() = default;
  virtual void begin() = 0;  // with the states in the arrays of `starts`
  virtual void step() = 0;
  virtual void leave() = 0;  // the states written to these arrays
};

// `loop` and `kernels` are to outlive it.
template <class T>
std::unique_ptr<Steps> make_steps(const Loop& loop, const LoopKernels& kernels);

}  // namespace throughtime
