#include "engine.h"

#include <algorithm>
#include <optional>

#include "plan.h"

namespace throughtime {

// Below so many a thread has less to do than it takes to share the work out.
constexpr std::ptrdiff_t kRowsForAThread = 4;

// Rows in the lanes, where that is less work: padding counts, of units the one way, of rows the
// other, and there the transposing of what is moved.
static std::optional<Split> rows_in_lanes(const Loop& loop, const LoopKernels& kernels, int threads,
                                          std::ptrdiff_t rows_along) {
  constexpr double kPointwise = 8, kMove = 10;  // of a number, in multiply-adds
  constexpr std::ptrdiff_t kNumbers = 8192;     // of the widest register of a tile
  const std::int32_t panel = kernels.panel;
  // what so many units are computed as: an odd vector takes longer than half of two
  const auto as = [&](std::int32_t width) {
    const std::int32_t numbers = padded(width, kernels.lanes);
    return numbers + numbers % panel / 2;
  };
  double work = 0, with_padding = 0;
  std::int32_t widest = 1;
  for (const Matrix& m : loop.matrices) {
    work += double(m.in) * m.out;
    with_padding += double(m.in) * as(m.out);
  }
  for (const RegisterSpec& r : loop.registers) {
    work += kPointwise * r.width;
    with_padding += kPointwise * as(r.width);
    widest = std::max(widest, r.width);
  }
  for (const Instruction& i : loop.instructions) {
    const bool in = i.op == Op::load || i.op == Op::previous;
    if ((in || i.op == Op::store) && loop.arrays[i.a].row != 0)
      work += kMove * loop.registers[in ? i.to : i.b].width;
  }
  const std::ptrdiff_t panels = shared_out(loop.batch, panel);
  const int among = int(std::clamp<std::ptrdiff_t>(panels, 1, threads));
  const std::ptrdiff_t rows = shared_out(panels, among) * panel;
  if (work * double(rows) >= with_padding * double(rows_along)) return {};
  const std::ptrdiff_t tile = std::clamp<std::ptrdiff_t>(kNumbers / widest / panel, 1, rows / panel);
  return Split{among, false, tile * panel, 0, tile * panel};
}

Split choose_split(const Loop& loop, const LoopKernels& kernels, int threads) {
  // Measured on two cores with 512 KiB of second-level cache each, see benchmarks/.
  constexpr std::ptrdiff_t kBlock = 256, kTileRows = 16, kTogether = 48;
  constexpr double kStepForThreads = 32e3, kCallForThreads = 8e6;  // multiply-adds
  const std::int32_t panel = kernels.panel;
  double step = 0;
  for (const Matrix& m : loop.matrices) step += double(m.in) * m.out;
  step *= double(loop.batch);
  std::int32_t units = 0;
  for (const Stage& stage : loop.stages) units = std::max(units, padded(stage.width, kernels.lanes));
  Split split{1, false, 0, kBlock, kTogether};
  // threads with rows of their own: as many as leave each of them enough
  const int with_rows = int(std::min<std::ptrdiff_t>(threads, loop.batch / kRowsForAThread));
  const std::ptrdiff_t rows_along = shared_out(loop.batch, std::max(with_rows, 1));
  if (const auto in_lanes = rows_in_lanes(loop, kernels, threads, rows_along)) return *in_lanes;
  if (with_rows > 1) {
    split.threads = with_rows;
  } else if (threads > 1 && units >= 2 * panel && step >= kStepForThreads &&
             step * double(loop.steps) >= kCallForThreads) {
    split.by_units = true;
    split.threads = int(std::min<std::ptrdiff_t>(threads, units / panel));
  }
  const std::ptrdiff_t rows =
      split.by_units ? loop.batch : shared_out(loop.batch, split.threads);
  const std::ptrdiff_t groups = shared_out(rows, kTogether);
  const std::ptrdiff_t group = groups ? shared_out(rows, groups) : 1;
  const std::ptrdiff_t tiles = shared_out(group, kTileRows);
  split.tile_rows = tiles ? shared_out(group, tiles) : 1;
  // blocks of nearly one width, as many for each thread that shares them
  const std::ptrdiff_t sharing = split.by_units ? split.threads : 1;
  if (const std::ptrdiff_t blocks = shared_out(units, sharing * kBlock) * sharing)
    split.block = padded(std::int32_t(shared_out(units, blocks)), panel);
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
static void run_loop(const Loop& loop, const LoopKernels& kernels, const Split& split,
                     Interruption& interruption) {
  if (loop.batch == 0) {
    for (const Sum& s : loop.sums)
      std::fill_n(static_cast<T*>(loop.arrays[s.array].data), s.width, T(0));
    return;
  }
  static thread_local Workspace packed;
  const bool pack = split.block == 0 || worth_packing(loop);
  Plan<T>(loop, kernels, split, pack ? &packed : nullptr, &interruption).run();
}

// Whether several loops run at the same time, each on a thread of its own, which then waits for no
// other. Not where rows enough for all threads would leave some without, nor where units are shared
// out so that a thread's weights stay nearer than those of a whole loop would.
template <class T>
static bool at_once(const std::vector<Loop>& loops, const LoopKernels& kernels, int threads) {
  constexpr double kNear = 1 << 19;  // bytes
  const int count = int(loops.size());
  const Loop& first = loops.front();
  if (count == 1 || threads < count) return false;
  if (threads > count && first.batch >= 2 * kRowsForAThread) return false;
  double weights = 0;
  for (const Matrix& m : first.matrices) weights += double(m.in) * m.out * sizeof(T);
  return weights <= kNear || !choose_split(first, kernels, threads).by_units;
}

template <class T>
void run_loops(const std::vector<Loop>& loops, const LoopKernels& kernels, int threads,
               const std::optional<Split>& split, Interruption& interruption) {
  if (!split && at_once<T>(loops, kernels, threads)) {
    const int count = int(loops.size());
    in_parallel(count, [&](int number, int of) {
      for (int i = number; i < count; i += of)
        run_loop<T>(loops[i], kernels, choose_split(loops[i], kernels, 1), interruption);
    }, &interruption);
    return;
  }
  for (const Loop& loop : loops)
    run_loop<T>(loop, kernels, split ? *split : choose_split(loop, kernels, threads), interruption);
}

template void run_loops<float>(const std::vector<Loop>&, const LoopKernels&, int,
                               const std::optional<Split>&, Interruption&);
template void run_loops<double>(const std::vector<Loop>&, const LoopKernels&, int,
                                const std::optional<Split>&, Interruption&);

}  // namespace throughtime
