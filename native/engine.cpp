#include "engine.h"

#include <algorithm>

#include "plan.h"

namespace throughtime {

Split choose_split(const Loop& loop, std::int32_t panel, int threads) {
  // Measured on two cores with 512 KiB of second-level cache each, see benchmarks/.
  constexpr std::ptrdiff_t kBlock = 64, kTileRows = 16, kTogether = 48;
  constexpr std::ptrdiff_t kRowsForAThread = 4;
  constexpr double kStepForThreads = 32e3, kCallForThreads = 8e6;  // multiply-adds
  double step = 0;
  for (const Matrix& m : loop.matrices) step += double(m.in) * m.out;
  step *= double(loop.batch);
  std::int32_t units = 0;
  for (const Stage& stage : loop.stages) units = std::max(units, padded(stage.width, panel));
  Split split{1, false, 0, kBlock, kTogether};
  // threads with rows of their own: as many as leave each of them enough
  const int with_rows = int(std::min<std::ptrdiff_t>(threads, loop.batch / kRowsForAThread));
  if (with_rows > 1) {
    split.threads = with_rows;
  } else if (threads > 1 && units >= 2 * panel && step >= kStepForThreads &&
             step * double(loop.steps) >= kCallForThreads) {
    split.by_units = true;
    split.threads = int(std::min<std::ptrdiff_t>(threads, units / panel));
    split.block = std::clamp<std::ptrdiff_t>(
        padded(std::int32_t((units + split.threads - 1) / split.threads), panel), panel, kBlock);
  }
  const std::ptrdiff_t rows =
      split.by_units ? loop.batch : (loop.batch + split.threads - 1) / split.threads;
  const std::ptrdiff_t groups = (rows + kTogether - 1) / kTogether;
  const std::ptrdiff_t group = groups ? (rows + groups - 1) / groups : 1;
  const std::ptrdiff_t tiles = (group + kTileRows - 1) / kTileRows;
  split.tile_rows = tiles ? (group + tiles - 1) / tiles : 1;
  return split;
}

// Few rows of few steps are done with the weights before these would be packed.
bool worth_packing(const Loop& loop) {
  constexpr std::ptrdiff_t kRowsTimesSteps = 4;
  if (loop.steps * loop.batch > kRowsTimesSteps) return true;
  return std::any_of(loop.matrices.begin(), loop.matrices.end(),
                     [](const Matrix& m) { return m.in_stride != 1 && m.out_stride != 1; });
}

template <class T>
void run_loop(const Loop& loop, const LoopKernels& kernels, const Split& split) {
  if (loop.batch == 0) {
    for (const Sum& s : loop.sums)
      std::fill_n(static_cast<T*>(loop.arrays[s.array].data), s.width, T(0));
    return;
  }
  static thread_local Workspace packed;
  Plan<T>(loop, kernels, split, worth_packing(loop) ? &packed : nullptr).run();
}

template void run_loop<float>(const Loop&, const LoopKernels&, const Split&);
template void run_loop<double>(const Loop&, const LoopKernels&, const Split&);

}  // namespace throughtime
