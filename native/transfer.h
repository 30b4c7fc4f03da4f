// Between memory and the blocks of a register: load, previous, store and accumulate.
#pragma once

#include "rows_in_lanes.h"
#include "tile.h"

namespace throughtime::THROUGHTIME_SET {

// `width` numbers of each row, from or to memory.
template <class T>
THROUGHTIME_INLINE void copy_row(const T* from, T* to, std::int32_t width) {
  constexpr int L = kLanes<T>;
  std::int32_t i = 0;
  for (; i + L <= width; i += L) Vec<T, L>::load(from + i).store(to + i);
  for (; i < width; ++i) to[i] = from[i];
}

// The lines of a row that the next step reads or writes, fetched meanwhile: rows of one step are too
// short, and too far apart, for the machine to see them coming.
template <bool WRITE, class T>
THROUGHTIME_INLINE void fetch_row(const T* row, std::int32_t width) {
  for (std::int32_t j = 0; j < width; j += 64 / int(sizeof(T))) __builtin_prefetch(row + j, WRITE);
}

// The array that has a row's state before step t: that of its values, what it began from, or what a
// reset put in its place. In the loop backward, so the cell's own order is the other way round.
THROUGHTIME_INLINE const Array& before(const RowGroup& g, const Instruction& ins, std::ptrdiff_t t,
                                       std::int64_t row) {
  const bool cell_reversed = !g.reverse;
  const std::ptrdiff_t length = g.lengths ? g.lengths[row] : g.steps;
  const std::ptrdiff_t reset = t + g.restart_offset;
  if (g.restart && reset < length && g.restart[reset * g.batch + row]) return g.arrays[ins.c];
  return g.arrays[(cell_reversed ? t + 1 == length : t == 0) ? ins.b : ins.a];
}

// The numbers of a row that an instruction moves: of this step, or of the one before.
template <class T>
THROUGHTIME_INLINE T* in_memory(const RowGroup& g, const Instruction& ins, std::ptrdiff_t t,
                                std::int64_t row) {
  const bool previous = ins.op == Op::previous;
  const Array& array = previous ? before(g, ins, t, row) : g.arrays[ins.a];
  if (previous) t += g.reverse ? -1 : 1;
  return static_cast<T*>(array.data) + t * array.step + row * array.row;
}

// `transfer`, with rows in the lanes.
template <class T>
void transfer_in_lanes(const TileView& view, const Instruction& ins) {
  constexpr int P = kPanel<T>;
  const RowGroup& g = *view.group;
  const bool in = ins.op == Op::load || ins.op == Op::previous;
  const std::int32_t number = in ? ins.to : ins.b;
  const std::int32_t width = view.registers[number].width;
  T* at = address<T>(view, number, 0);
  if (ins.op == Op::accumulate)
    return accumulate_in_lanes<T>(at, width, view.rows, view.totals + g.sums[ins.a]);
  const std::int64_t* rows = g.rows + view.tile * g.tile_rows;
  T* memory = in_memory<T>(g, ins, view.t, rows[0]);
  if (ins.op == Op::load && g.arrays[ins.a].row == 0)
    return spread<T>(memory, width, view.panels, at);
  const bool alike = !g.lengths && !(ins.op == Op::previous && g.restart);  // rows, and neighbours
  if (width == 1 && alike && in_memory<T>(g, ins, view.t, rows[0] + 1) == memory + 1) {
    memcpy(in ? at : memory, in ? memory : at, sizeof(T) * view.rows);
    return;
  }
  for (int first = 0; first < view.rows; first += P, at += std::ptrdiff_t(width) * P) {
    const int count = view.rows - first < P ? view.rows - first : P;
    T* there[P];
    for (int i = 0; i < P; ++i)
      there[i] = in_memory<T>(g, ins, view.t, rows[first + (i < count ? i : count - 1)]);
    if (in)
      gather<T>(there, width, at);
    else
      scatter<T>(at, width, there, count);
  }
}

// What moves numbers between memory and the blocks of a register.
template <class T>
THROUGHTIME_INLINE bool transfer(const TileView& view, const Instruction& ins) {
  const RowGroup& g = *view.group;
  const bool in = ins.op == Op::load || ins.op == Op::previous;
  if (!in && ins.op != Op::store && ins.op != Op::accumulate) return false;
  if (g.rows_in_lanes) {
    transfer_in_lanes<T>(view, ins);
    return true;
  }
  const std::int32_t number = in ? ins.to : ins.b;
  const Register& r = view.registers[number];
  const std::int64_t* rows = g.rows + view.tile * g.tile_rows;
  // an operand that a stage by units loads is loaded whole
  const bool all = in && r.block && !r.tile;
  const std::int32_t begin = all ? 0 : view.first_block;
  const std::int32_t end = all ? blocks_of(g, r.pitch) : view.end_block;
  for (std::int32_t b = begin; b < end; ++b) {
    const Place<T> p = place<T>(view, number, b);
    const std::ptrdiff_t first = b * g.block;
    if (ins.op == Op::accumulate) {
      double* total = view.totals + g.sums[ins.a] + first;
      constexpr int L = kLanes<T>;
      for (std::int32_t j = 0; j < p.pitch; j += L) {
        Vec<T, L> sum = Vec<T, L>::load(p.at + j);
        for (int i = 1; i < view.rows; ++i) sum = sum + Vec<T, L>::load(p.at + i * p.pitch + j);
        T lanes[L];
        sum.store(lanes);
        for (int k = 0; k < L; ++k) total[j + k] += double(lanes[k]);
      }
      continue;
    }
    const std::ptrdiff_t step = g.arrays[ins.a].step, next = g.reverse ? -step : step;
    T* row = p.at;
    for (int i = 0; i < view.rows; ++i, row += p.pitch) {
      T* there = in_memory<T>(g, ins, view.t, rows[i]) + first;
      if (in) {
        copy_row<T>(there, row, p.width);
        fetch_row<false>(there + next, p.width);
      } else {
        copy_row<T>(row, there, p.width);
        fetch_row<true>(there + next, p.width);
      }
    }
  }
  return true;
}

}  // namespace throughtime::THROUGHTIME_SET
