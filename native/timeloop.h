// The loop over time, forward and backward, written once for every cell.
#pragma once

#include "interpret.h"
#include "product.h"

namespace throughtime::THROUGHTIME_SET {

// States that begin anew at step t, on the first `active` rows.
template <class T>
void begin_anew(const Tile& tile, std::ptrdiff_t t, std::ptrdiff_t active) {
  const std::ptrdiff_t first = t + tile.restart_offset;
  if (first >= tile.steps) return;
  const std::uint8_t* here = tile.restart + first * tile.batch;
  for (std::ptrdiff_t i = 0; i < active; ++i) {
    const std::int64_t row = tile.rows[i];
    if (!here[row] || (tile.lengths && first >= tile.lengths[row])) continue;
    for (std::int32_t k = 0; k < tile.restart_count; ++k) {
      const Restart& restart = tile.restarts[k];
      const Register& r = tile.registers[restart.state];
      T* state = static_cast<T*>(tile.arena) + r.offset + i * r.pitch;
      T* initial = static_cast<T*>(restart.initial.data) + row * restart.initial.row;
      for (std::int32_t j = 0; j < r.width; ++j) {
        if (tile.backward) {
          initial[j] += state[j];
          state[j] = 0;
        } else {
          state[j] = initial[j];
        }
      }
    }
  }
}

template <class T>
void run(const Tile& tile) {
  T* arena = static_cast<T*>(tile.arena);
  for (std::ptrdiff_t s = 0; s < tile.steps; ++s) {
    const std::ptrdiff_t t = tile.reverse ? tile.steps - 1 - s : s;
    std::ptrdiff_t active = tile.count;  // rows are sorted, the longest first
    if (tile.lengths)
      while (active > 0 && tile.lengths[tile.rows[active - 1]] <= t) --active;
    if (active == 0) continue;
    if (tile.restart && !tile.backward) begin_anew<T>(tile, t, active);
    for (std::int32_t k = 0; k < tile.item_count; ++k) {
      const Item item = tile.items[k];
      if (item.product) {
        const Instruction& ins = tile.instructions[item.begin];
        const Register &a = tile.registers[ins.a], &to = tile.registers[ins.to];
        const Matrix& m = tile.matrices[ins.b];
        multiply<T>(arena + a.offset, a.pitch, static_cast<const T*>(tile.packed[ins.b]), m.in,
                    m.out, arena + to.offset, to.pitch, active);
        continue;
      }
      for (std::ptrdiff_t first = 0; first < active; first += tile.chunk_rows) {
        const std::ptrdiff_t rows =
            active - first < tile.chunk_rows ? active - first : tile.chunk_rows;
        for (std::int32_t i = item.begin; i < item.end; ++i)
          interpret<T>(tile, tile.instructions[i], t, first, rows);
      }
    }
    if (tile.restart && tile.backward) begin_anew<T>(tile, t, active);
  }
}

}  // namespace throughtime::THROUGHTIME_SET
