// A whole call of the engine: registers are given their places, rows their threads.
#pragma once

#include <cstdint>
#include <vector>

#include "instruction_set.h"
#include "program.h"

namespace throughtime {

struct RegisterSpec {
  std::int32_t width;
  Life life;
};

// A register filled before the first step: from an array without steps (fixed registers read its
// row 0), or with one number.
struct Preload {
  std::int32_t to;
  std::int32_t array;  // -1: every number is `value`
  double value;
};

// A state register written out after the last step.
struct Final {
  std::int32_t state;
  std::int32_t array;
};

struct Loop {
  std::vector<RegisterSpec> registers;
  std::vector<Instruction> instructions;
  std::vector<Array> arrays;
  std::vector<Matrix> matrices;
  std::vector<Preload> preloads;
  std::vector<Restart> restarts;
  std::vector<Final> finals;
  std::ptrdiff_t steps, batch;
  bool reverse, backward;
  std::ptrdiff_t restart_offset;
  const std::int64_t* lengths;  // (batch,) or null; the caller's, read
  const std::uint8_t* restart;  // (steps, batch) or null; the caller's, read
};

// Run a loop on up to `threads` threads. The bits of the result do not depend on how many.
template <class T>
void run_loop(const Loop& loop, const LoopKernels& kernels, int threads);

}  // namespace throughtime
