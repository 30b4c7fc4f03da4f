// Where the numbers of a tile are.
#pragma once

#include "product.h"

namespace throughtime::THROUGHTIME_SET {

// What an instruction sees: some rows of a tile at a step, and from which block to which.
struct TileView {
  const RowGroup* group;
  const Register* registers;
  double* totals;
  std::ptrdiff_t t, tile;
  int rows, first_block, end_block;
  int panels;  // of rows, where these are in the lanes
};

THROUGHTIME_INLINE std::int32_t blocks_of(const RowGroup& g, std::int32_t pitch) {
  return std::int32_t((pitch + g.block - 1) / g.block);
}

// A block of a register: where it is, how wide its rows are, how many of their numbers count.
template <class T>
struct Place {
  T* at;
  std::int32_t pitch, width;
};

template <class T>
THROUGHTIME_INLINE T* address(const TileView& view, std::int32_t number, std::int32_t block) {
  const Register& r = view.registers[number];
  return static_cast<T*>(r.at) + view.tile * r.tile + block * r.block;
}

template <class T>
THROUGHTIME_INLINE Place<T> place(const TileView& view, std::int32_t number, std::int32_t block) {
  const Register& r = view.registers[number];
  const std::int32_t most = std::int32_t(view.group->block), before = block * most;
  const std::int32_t pitch = r.pitch - before, width = r.width - before;
  return {address<T>(view, number, block), pitch < most ? pitch : most,
          width < most ? width : most};
}

}  // namespace throughtime::THROUGHTIME_SET
