// The product after the time loop: gradients of a weight, summed over steps and rows.
//
// For the few rows of small calls, where a library for large products is slower to call than this is
// to run. Nothing is packed but a panel of b: the sums of a block of steps stay in registers.
#pragma once

#include "instruction_set.h"
#include "product.h"

namespace throughtime::THROUGHTIME_SET {

// Steps of a block: so many rows of a, a power of two apart, are still in the first-level cache.
inline constexpr int kSteps = 64;

// to (ROWS, columns) += a (count, ROWS) transposed times b (count, kPanel).
template <class T, int ROWS>
void add_outer(const T* a, std::ptrdiff_t a_pitch, const T (*b)[kPanel<T>], int count, T* to,
               std::ptrdiff_t pitch, int columns) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  V sum[ROWS][2];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r) sum[r][0] = sum[r][1] = V::all(0);
#pragma GCC unroll 4
  for (int k = 0; k < count; ++k, a += a_pitch) {
    const V left = V::load(b[k]), right = V::load(b[k] + L);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; ++r) {
      const V one = V::all(a[r]);
      sum[r][0] = one * left + sum[r][0];
      sum[r][1] = one * right + sum[r][1];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r, to += pitch) {
    if (columns == kPanel<T>) {
      (V::load(to) + sum[r][0]).store(to);
      (V::load(to + L) + sum[r][1]).store(to + L);
    } else {
      T sums[2 * L];
      sum[r][0].store(sums);
      sum[r][1].store(sums + L);
      for (int j = 0; j < columns; ++j) to[j] += sums[j];
    }
  }
}

template <class T>
void outer(const Outer& o, int first, int last) {
  constexpr int P = kPanel<T>;
  const T *all_a = static_cast<const T*>(o.a), *all_b = static_cast<const T*>(o.b);
  T* to = static_cast<T*>(o.to);
  memset(to + first * std::ptrdiff_t(o.columns), 0,
         sizeof(T) * (last - first) * std::ptrdiff_t(o.columns));
  alignas(64) T b[kSteps][P] = {};
  const T* rows_of_b[kSteps];
  const std::ptrdiff_t all = o.steps * o.batch;
  for (std::ptrdiff_t k = 0; k < all; k += kSteps) {
    const int count = all - k < kSteps ? int(all - k) : kSteps;
    for (int i = 0; i < count; ++i)
      rows_of_b[i] = all_b + (k + i) / o.batch * o.b_step + (k + i) % o.batch * o.b_row;
    for (int j = 0; j < o.columns; j += P) {
      const int columns = o.columns - j < P ? o.columns - j : P;
      for (int i = 0; i < count; ++i) {
        const T* from = rows_of_b[i] + j;
        if (columns == P)
          memcpy(b[i], from, sizeof b[i]);
        else
          for (int c = 0; c < columns; ++c) b[i][c] = from[c];
      }
      for (int i = first, rows; i < last; i += rows) {
        const T* a = all_a + k * o.a_pitch + i;
        T* at = to + i * std::ptrdiff_t(o.columns) + j;
        const int left = last - i;
        if (left >= 6) {
          add_outer<T, 6>(a, o.a_pitch, b, count, at, o.columns, columns);
          rows = 6;
        } else if (left >= 3) {
          add_outer<T, 3>(a, o.a_pitch, b, count, at, o.columns, columns);
          rows = 3;
        } else {
          add_outer<T, 1>(a, o.a_pitch, b, count, at, o.columns, columns);
          rows = 1;
        }
      }
    }
  }
}

}  // namespace throughtime::THROUGHTIME_SET
