// The loop over time, forward and backward, written once for every cell.
#pragma once

#include "interpret.h"

namespace throughtime::THROUGHTIME_SET {

// f(number in memory, number in the register) over row i of a shared register.
template <class T, class F>
THROUGHTIME_INLINE void over_row(const Group& g, const Register& r, std::ptrdiff_t i, T* memory,
                                 F f) {
  const Register registers[] = {r};
  const Here here{&g, registers, 0, i / g.tile_rows, 0, 0, 0};
  for (std::int32_t b = 0; b < blocks_of(g, r.pitch); ++b) {
    const Place<T> p = place<T>(here, 0, b);
    T* at = p.at + (i % g.tile_rows) * p.pitch;
    for (std::int32_t j = 0; j < p.width; ++j) f(*memory++, at[j]);
  }
}

// States that begin anew at step t, in row i.
template <class T>
void begin_anew(const Group& g, const Register* registers, std::ptrdiff_t t, std::ptrdiff_t i) {
  const std::ptrdiff_t first = t + g.restart_offset;
  const std::int64_t row = g.rows[i];
  if (first >= (g.lengths ? g.lengths[row] : g.steps) || !g.restart[first * g.batch + row]) return;
  for (std::int32_t k = 0; k < g.restart_count; ++k) {
    const Restart& restart = g.restarts[k];
    T* initial = static_cast<T*>(restart.initial.data) + row * restart.initial.row;
    if (g.backward)
      over_row<T>(g, registers[restart.state], i, initial, [](T& memory, T& state) {
        memory += state;
        state = 0;
      });
    else
      over_row<T>(g, registers[restart.state], i, initial,
                  [](T& memory, T& state) { state = memory; });
  }
}

template <class T>
void finish(const Group& g, const Register* registers, std::ptrdiff_t i) {
  for (std::int32_t k = 0; k < g.final_count; ++k) {
    const Final& f = g.finals[k];
    over_row<T>(g, registers[f.state], i,
                static_cast<T*>(f.array.data) + g.rows[i] * f.array.row,
                [](T& memory, T& state) { memory = state; });
  }
}

template <class T>
void run(const Group& g) {
  const auto for_own_rows = [&](std::ptrdiff_t begin, std::ptrdiff_t end, auto f) {
    for (std::ptrdiff_t i = begin; i < end; ++i)
      if ((i / g.tile_rows) % g.parts == g.part) f(i);
  };
  const auto all_wait = [&] {
    if (g.parts > 1) g.wait(g.barrier, g.parts);
  };
  // how many rows have a step t; rows are sorted, the longest first
  const auto active_at = [&](std::ptrdiff_t t) {
    std::ptrdiff_t active = g.count;
    if (g.lengths)
      while (active > 0 && g.lengths[g.rows[active - 1]] <= t) --active;
    return active;
  };
  for_own_rows(0, g.count, [&](std::ptrdiff_t i) { finish<T>(g, g.registers[0], i); });
  int turn = 0;
  std::ptrdiff_t active = g.steps ? active_at(g.reverse ? g.steps - 1 : 0) : 0;
  for (std::ptrdiff_t s = 0; s < g.steps; ++s) {
    const std::ptrdiff_t t = g.reverse ? g.steps - 1 - s : s;
    const std::ptrdiff_t later =
        s + 1 == g.steps ? 0 : active_at(g.reverse ? t - 1 : t + 1);
    if (g.restart && !g.backward) {
      for_own_rows(0, active,
                   [&](std::ptrdiff_t i) { begin_anew<T>(g, g.registers[turn], t, i); });
      all_wait();
    }
    for (std::int32_t k = 0; k < g.stage_count; ++k) {
      const Stage& stage = g.stages[k];
      const bool by_units = stage.width > 0;
      const std::int32_t blocks = blocks_of(g, pitch_of<T>(stage.width));
      const auto run_tile = [&](std::ptrdiff_t tile, std::int32_t begin, std::int32_t end) {
        const std::ptrdiff_t rows = active - tile * g.tile_rows;
        Here here{&g,  g.registers[turn], t, tile, int(rows < g.tile_rows ? rows : g.tile_rows),
                  begin, end};
        for (std::int32_t i = stage.begin; i < stage.end; ++i) {
          const Instruction& ins = g.instructions[i];
          if (!by_units) {
            const std::int32_t widest = ins.op == Op::store || ins.op == Op::accumulate
                                            ? ins.b : ins.to;
            here.end_block = blocks_of(g, here.registers[widest].pitch);
          }
          interpret<T>(here, ins);
        }
      };
      if (by_units) {
        for (std::int32_t b = g.part; b < blocks; b += g.parts)
          for (std::ptrdiff_t tile = 0; tile * g.tile_rows < active; ++tile)
            run_tile(tile, b, b + 1);
      } else {
        for (std::ptrdiff_t tile = g.part; tile * g.tile_rows < active; tile += g.parts)
          run_tile(tile, 0, 0);
      }
      all_wait();
    }
    turn ^= 1;
    if (g.restart && g.backward) {
      for_own_rows(0, active,
                   [&](std::ptrdiff_t i) { begin_anew<T>(g, g.registers[turn], t, i); });
      all_wait();
    }
    if (later < active)
      for_own_rows(later, active, [&](std::ptrdiff_t i) { finish<T>(g, g.registers[turn], i); });
    active = later;
  }
}

}  // namespace throughtime::THROUGHTIME_SET
