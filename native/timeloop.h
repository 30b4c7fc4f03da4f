// The loop over time, forward and backward, written once for every cell.
#pragma once

#include "interpret.h"

namespace throughtime::THROUGHTIME_SET {

// f(unit, number) over row i of a shared register.
template <class T, class F>
THROUGHTIME_INLINE void over_row(const RowGroup& g, const Register& r, std::ptrdiff_t i, F f) {
  const TileView view{.group = &g, .registers = &r, .totals = nullptr, .t = 0,
                      .tile = i / g.tile_rows, .rows = 0, .first_block = 0, .end_block = 0,
                      .panels = 0};
  const std::ptrdiff_t row = i % g.tile_rows;
  if (g.rows_in_lanes) {
    constexpr int P = kPanel<T>;
    T* at = address<T>(view, 0, 0) + row / P * r.width * P + row % P;
    for (std::int32_t j = 0; j < r.width; ++j) f(j, at[j * P]);
    return;
  }
  for (std::int32_t b = 0; b < blocks_of(g, r.pitch); ++b) {
    const Place<T> p = place<T>(view, 0, b);
    T* at = p.at + row * p.pitch;
    const std::int32_t first = b * std::int32_t(g.block);
    for (std::int32_t j = 0; j < p.width; ++j) f(first + j, at[j]);
  }
}

// f(number in memory, number of the state) for each state in row i.
template <class T, class F>
THROUGHTIME_INLINE void over_states(const RowGroup& g, const Register* registers, std::ptrdiff_t i,
                                    const StateRows* states, std::int32_t count, F f) {
  for (std::int32_t k = 0; k < count; ++k) {
    T* memory = static_cast<T*>(states[k].array.data);
    T zero = 0;
    if (memory) memory += g.rows[i] * states[k].array.row;
    over_row<T>(g, registers[states[k].state], i,
                [&](std::int32_t j, T& state) { f(memory ? memory[j] : zero, state); });
  }
}

// Before the first step of row i.
template <class T>
void begin(const RowGroup& g, const Register* registers, std::ptrdiff_t i) {
  over_states<T>(g, registers, i, g.starts, g.start_count,
                 [](const T& memory, T& state) { state = memory; });
}

// Where row i begins anew at step t.
template <class T>
void begin_anew(const RowGroup& g, const Register* registers, std::ptrdiff_t t, std::ptrdiff_t i) {
  const std::ptrdiff_t first = t + g.restart_offset;
  const std::int64_t row = g.rows[i];
  if (first >= (g.lengths ? g.lengths[row] : g.steps) || !g.restart[first * g.batch + row]) return;
  if (g.backward)
    over_states<T>(g, registers, i, g.restarts, g.restart_count, [](T& memory, T& state) {
      memory += state;
      state = 0;
    });
  else
    over_states<T>(g, registers, i, g.restarts, g.restart_count,
                   [](const T& memory, T& state) { state = memory; });
}

// After the last step of row i.
template <class T>
void finish(const RowGroup& g, const Register* registers, std::ptrdiff_t i) {
  over_states<T>(g, registers, i, g.finals, g.final_count,
                 [](T& memory, const T& state) { memory = state; });
}

// The phases of a group in order, see PhaseBoard; all its threads run through the same ones. Where the
// call is interrupted none begins any more, as others may have left the last one undone.
class Phases {
 public:
  explicit Phases(const RowGroup& g) : g_(g) {}

  // Before a step: whether the call goes on.
  THROUGHTIME_INLINE bool go_on() {
    if (!g_.interrupt) return true;
    if (g_.asks && --steps_ <= 0) steps_ = g_.interrupt->ask(g_.interrupt);
    ended_ = ended_ || interrupted();
    return !ended_;
  }

  // run(task) for each task below count, by whichever thread; `back`: the last ones first.
  template <class F>
  THROUGHTIME_INLINE void phase(std::ptrdiff_t count, F run, bool back = false) {
    if (ended_) return;
    if (g_.parts == 1) {
      for (std::ptrdiff_t task = 0; task < count; ++task) run(task);
      return;
    }
    PhaseBoard& board = *g_.board;
    ++phase_;
    wanted_ += std::uint64_t(count);
    const std::ptrdiff_t mine = (count - g_.part + g_.parts - 1) / g_.parts;
    for (std::ptrdiff_t k = 0; k < mine; ++k)
      take(board, g_.part + (back ? mine - 1 - k : k) * g_.parts, run);
    int spins = 0;
    bool helped = false;
    for (; __atomic_load_n(&board.done, __ATOMIC_ACQUIRE) < wanted_; ++spins) {
      if (interrupted()) {  // others may have left already
        ended_ = true;
        return;
      }
      if (spins == patience_)  // somebody may have no core
        for (std::ptrdiff_t task = 0; task < count; ++task) helped |= take(board, task, run);
      board.idle(spins);
    }
    // where that was so, it is likely so in the next phase
    patience_ = helped ? patience_ / 2 : patience_ < kPatience ? patience_ + 1 : patience_;
  }

 private:
  static constexpr int kPatience = 200;

  THROUGHTIME_INLINE bool interrupted() const {
    return g_.interrupt && __atomic_load_n(&g_.interrupt->end, __ATOMIC_RELAXED);
  }

  template <class F>
  THROUGHTIME_INLINE bool take(PhaseBoard& board, std::ptrdiff_t task, F run) {
    std::uint64_t* claim = &board.claims[task].phase;
    std::uint64_t last = __atomic_load_n(claim, __ATOMIC_RELAXED);
    if (last >= phase_ || !__atomic_compare_exchange_n(claim, &last, phase_, false,
                                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      return false;
    run(task);
    __atomic_fetch_add(&board.done, 1, __ATOMIC_RELEASE);
    return true;
  }

  const RowGroup& g_;
  bool ended_ = false;
  int steps_ = 0;  // until the calling thread asks again
  std::uint64_t phase_ = 0, wanted_ = 0;
  int patience_ = kPatience;
};

template <class T>
void run_tile(const RowGroup& g, const Stage& stage, const Register* registers, std::ptrdiff_t t,
              std::ptrdiff_t tile, std::ptrdiff_t active, std::int32_t block) {
  const std::ptrdiff_t rows = active - tile * g.tile_rows;
  const bool by_units = stage.width > 0;
  const int here = int(rows < g.tile_rows ? rows : g.tile_rows);
  TileView view{.group = &g,
                .registers = registers,
                .totals = g.totals + (by_units ? 0 : tile * g.totals_of_tile),
                .t = t,
                .tile = tile,
                .rows = here,
                .first_block = block,
                .end_block = block + 1,
                .panels = panels_of<T>(here)};
  for (std::int32_t i = stage.begin; i < stage.end; ++i) {
    const Instruction& ins = g.instructions[i];
    if (!by_units) {
      const bool out = ins.op == Op::store || ins.op == Op::accumulate;
      view.end_block = blocks_of(g, registers[out ? ins.b : ins.to].pitch);
    }
    interpret<T>(view, ins);
  }
}

template <class T>
void run(const RowGroup& g) {
  Phases phases(g);
  const auto tiles_of = [&](std::ptrdiff_t rows) { return (rows + g.tile_rows - 1) / g.tile_rows; };
  // f(row) for rows [begin, end), tile by tile
  const auto for_rows = [&](std::ptrdiff_t begin, std::ptrdiff_t end, auto f) {
    phases.phase(tiles_of(end), [&](std::ptrdiff_t tile) {
      const std::ptrdiff_t first = tile * g.tile_rows, last = first + g.tile_rows;
      for (std::ptrdiff_t i = first < begin ? begin : first; i < (last < end ? last : end); ++i)
        f(i);
    });
  };
  // how many rows have a step t; rows are sorted, the longest first
  const auto active_at = [&](std::ptrdiff_t t) {
    std::ptrdiff_t active = g.count;
    if (g.lengths)
      while (active > 0 && g.lengths[g.rows[active - 1]] <= t) --active;
    return active;
  };
  for_rows(0, g.count, [&](std::ptrdiff_t i) {
    begin<T>(g, g.registers[0], i);
    finish<T>(g, g.registers[0], i);  // of rows without a step
  });
  int turn = 0;
  std::ptrdiff_t active = g.steps ? active_at(g.reverse ? g.steps - 1 : 0) : 0;
  for (std::ptrdiff_t s = 0; s < g.steps && phases.go_on(); ++s) {
    const std::ptrdiff_t t = g.reverse ? g.steps - 1 - s : s;
    const std::ptrdiff_t later = s + 1 == g.steps ? 0 : active_at(g.reverse ? t - 1 : t + 1);
    if (g.restart && !g.backward)
      for_rows(0, active, [&](std::ptrdiff_t i) { begin_anew<T>(g, g.registers[turn], t, i); });
    for (std::int32_t k = 0; k < g.stage_count; ++k) {
      const Stage& stage = g.stages[k];
      const std::ptrdiff_t tiles = tiles_of(active);
      if (stage.width > 0)
        phases.phase(
            blocks_of(g, vectors_of<T>(stage.width) * kLanes<T>),
            [&](std::ptrdiff_t block) {
              for (std::ptrdiff_t tile = 0; tile < tiles; ++tile)
                run_tile<T>(g, stage, g.registers[turn], t, tile, active, std::int32_t(block));
            },
            turn == 1);  // every other step begins with the weights the last one has left in the cache
      else
        phases.phase(tiles, [&](std::ptrdiff_t tile) {
          run_tile<T>(g, stage, g.registers[turn], t, tile, active, 0);
        });
    }
    turn ^= 1;
    if (g.restart && g.backward)
      for_rows(0, active, [&](std::ptrdiff_t i) { begin_anew<T>(g, g.registers[turn], t, i); });
    if (later < active)
      for_rows(later, active, [&](std::ptrdiff_t i) { finish<T>(g, g.registers[turn], i); });
    else if (later > active)
      for_rows(active, later, [&](std::ptrdiff_t i) { begin<T>(g, g.registers[turn], i); });
    active = later;
  }
}

}  // namespace throughtime::THROUGHTIME_SET
