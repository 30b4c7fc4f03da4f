// Tiles that lie the other way round: rows of the batch in the lanes, units one after another.
//
// Where a cell has fewer units than a panel, most of a vector of units would be padding. There a
// tile lies in panels of rows: panel after panel, in each unit after unit, of each unit the numbers
// of all rows of the panel side by side. So a pointwise instruction is the same loop over contiguous
// numbers; a product has the matrix for its left operand and the tile for its packed panels; and
// what comes from memory or goes there is transposed by squares.
#pragma once

#include "product.h"

namespace throughtime::THROUGHTIME_SET {

template <class T>
constexpr int panels_of(int rows) {
  return (rows + kPanel<T> - 1) / kPanel<T>;
}

// Of fewer numbers than these a row is moved one by one.
inline constexpr int kByOne = 3;

// to (width, kPanel) = the first `width` numbers of each of kPanel rows, which may be the same.
template <class T>
void gather(const T* const* rows, int width, T* to) {
  constexpr int L = kLanes<T>, P = kPanel<T>;
  for (int half = 0; half < P; half += L, rows += L)
    for (int j = 0; j < width; j += L) {
      const int n = width - j < L ? width - j : L;
      T* out = to + j * P + half;
      if (n < kByOne) {
        for (int k = 0; k < n; ++k)
          for (int i = 0; i < L; ++i) out[k * P + i] = rows[i][j + k];
        continue;
      }
      Vec<T, L> square[L];
      for (int i = 0; i < L; ++i)
        square[i] = n == L ? Vec<T, L>::load(rows[i] + j) : Vec<T, L>::load_first(rows[i] + j, n);
      transpose<T, L>(square, std::make_integer_sequence<int, L>{});
      for (int k = 0; k < n; ++k) square[k].store(out + k * P);
    }
}

// The first `width` numbers of each of `count` rows = from (width, kPanel).
template <class T>
void scatter(const T* from, int width, T* const* rows, int count) {
  constexpr int L = kLanes<T>, P = kPanel<T>;
  for (int half = 0; half < count; half += L, rows += L) {
    const int lanes = count - half < L ? count - half : L;
    for (int j = 0; j < width; j += L) {
      const int n = width - j < L ? width - j : L;
      const T* in = from + j * P + half;
      if (n < kByOne) {
        for (int k = 0; k < n; ++k)
          for (int i = 0; i < lanes; ++i) rows[i][j + k] = in[k * P + i];
        continue;
      }
      Vec<T, L> square[L];
      for (int k = 0; k < L; ++k) square[k] = Vec<T, L>::load(in + (k < n ? k : 0) * P);
      transpose<T, L>(square, std::make_integer_sequence<int, L>{});
      for (int i = 0; i < lanes; ++i)
        n == L ? square[i].store(rows[i] + j) : square[i].store_first(rows[i] + j, n);
    }
  }
}

// to (panels, width, kPanel) = value[unit] in every row.
template <class T>
void spread(const T* value, int width, int panels, T* to) {
  constexpr int L = kLanes<T>;
  for (int p = 0; p < panels; ++p)
    for (int j = 0; j < width; ++j, to += kPanel<T>) {
      const Vec<T, L> one = Vec<T, L>::all(value[j]);
      one.store(to);
      one.store(to + L);
    }
}

// to (panels, width, kPanel) = from (panels, 1, kPanel) in every unit.
template <class T>
void expand_in_lanes(const T* from, int width, int panels, T* to) {
  for (int p = 0; p < panels; ++p, from += kPanel<T>)
    for (int j = 0; j < width; ++j, to += kPanel<T>) memcpy(to, from, sizeof(T) * kPanel<T>);
}

// to (panels, 1, kPanel) = over the units of from (panels, width, kPanel) the sum of f(number, row).
template <class T, class F>
THROUGHTIME_INLINE void sum_in_lanes(const T* from, int width, int panels, T* to, F f) {
  constexpr int L = kLanes<T>, P = kPanel<T>;
  for (int p = 0; p < panels; ++p, from += std::ptrdiff_t(width) * P, to += P)
    for (int half = 0; half < P; half += L) {
      const Vec<T, L> before = Vec<T, L>::load(to + half);
      Vec<T, L> total = Vec<T, L>::all(0);
      for (int j = 0; j < width; ++j) total = total + f(Vec<T, L>::load(from + j * P + half), before);
      total.store(to + half);
    }
}

// totals[unit] += from (panels, width, kPanel) over so many rows.
template <class T>
void accumulate_in_lanes(const T* from, int width, int rows, double* totals) {
  constexpr int L = kLanes<T>, P = kPanel<T>;
  for (int j = 0; j < width; ++j) {
    Vec<T, L> sum = Vec<T, L>::all(0);
    T lanes[L], total = 0;
    for (int i = 0; i < rows; i += L) {
      const T* at = from + (std::ptrdiff_t(i / P) * width + j) * P + i % P;
      if (rows - i >= L)
        sum = sum + Vec<T, L>::load(at);
      else
        for (int k = 0; k < rows - i; ++k) total += at[k];
    }
    sum.store(lanes);
    for (int k = 0; k < L; ++k) total += lanes[k];
    totals[j] += double(total);
  }
}

// to (panels, out, kPanel) += matrix (out, in) times from (panels, in, kPanel).
template <class T>
void multiply_in_lanes(const T* matrix, int out, int in, const T* from, int panels, T* to) {
  const Operand<T> left{matrix, 0, in, in, in};
  multiply<T>(left, from, to, kPanel<T>, std::ptrdiff_t(out) * kPanel<T>, 2 * panels, out);
}

}  // namespace throughtime::THROUGHTIME_SET
