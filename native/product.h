// The product inside the time loop: a few rows of a register times a packed matrix.
//
// A matrix is packed once a call into panels of two vectors of outputs, one after the other over
// the inputs, so that the inner loop reads it from front to back. Where one vector is enough for
// what is left of the outputs, the last panel is half as wide.
#pragma once

#include <utility>

#include "program.h"
#include "vector.h"

namespace throughtime::THROUGHTIME_SET {

// Outputs in one panel.
template <class T>
inline constexpr int kPanel = 2 * kLanes<T>;

// Vectors that hold so many numbers.
template <class T>
constexpr int vectors_of(int width) {
  return (width + kLanes<T> - 1) / kLanes<T>;
}

// A square of numbers and its rows for columns: half of the rows are interleaved with the other
// half, as often as halves can be halved.
template <class T, int L, int... I>
THROUGHTIME_INLINE void transpose(Vec<T, L>* rows, std::integer_sequence<int, I...>) {
#if __has_builtin(__builtin_shufflevector)
#pragma GCC unroll 4
  for (int halves = 1; halves < L; halves *= 2) {
    Vec<T, L> next[L];
#pragma GCC unroll 16
    for (int i = 0; i < L / 2; ++i) {
      const auto a = rows[i].v, b = rows[i + L / 2].v;
      next[2 * i].v = __builtin_shufflevector(a, b, (I / 2 + I % 2 * L)...);
      next[2 * i + 1].v = __builtin_shufflevector(a, b, (L / 2 + I / 2 + I % 2 * L)...);
    }
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) rows[i] = next[i];
  }
#else
  T from[L][L], to[L][L];
  memcpy(from, rows, sizeof from);
  for (int i = 0; i < L; ++i)
    for (int j = 0; j < L; ++j) to[i][j] = from[j][i];
  memcpy(rows, to, sizeof to);
#endif
}

// packed (in, P) = outputs [first, first + P) of a matrix; those beyond its last are 0.
template <class T, int P>
void pack_panel(const Matrix& m, int first, T* packed) {
  constexpr int L = kLanes<T>;
  const T* from = static_cast<const T*>(m.data) + first * m.out_stride;
  const int there = m.out - first < P ? m.out - first : P;
  if (m.out_stride == 1 && there == P) {
    for (int k = 0; k < m.in; ++k) memcpy(packed + k * P, from + k * m.in_stride, P * sizeof(T));
    return;
  }
  int squares = 0;  // inputs that are packed by squares
  if (m.in_stride == 1 && there == P)
    for (; squares + L <= m.in; squares += L)
      for (int half = 0; half < P; half += L) {
        Vec<T, L> rows[L];
        for (int i = 0; i < L; ++i)
          rows[i] = Vec<T, L>::load(from + (half + i) * m.out_stride + squares);
        transpose<T, L>(rows, std::make_integer_sequence<int, L>{});
        for (int k = 0; k < L; ++k) rows[k].store(packed + (squares + k) * P + half);
      }
  if (there < P) memset(packed, 0, sizeof(T) * P * m.in);
  for (int i = 0; i < there; ++i) {
    const T* row = from + i * m.out_stride;
    for (int k = squares; k < m.in; ++k) packed[k * P + i] = row[k * m.in_stride];
  }
}

// packed  (panels, in, kPanel), written, the last maybe (in, kPanel / 2).
template <class T>
void pack(const Matrix& m, T* packed) {
  constexpr int L = kLanes<T>, P = kPanel<T>;
  int j = 0;
  for (; m.out - j > L; j += P, packed += std::ptrdiff_t(m.in) * P) pack_panel<T, P>(m, j, packed);
  if (j < m.out) pack_panel<T, L>(m, j, packed);
}

// The compiler moves no load or store across.
THROUGHTIME_INLINE void keep_order() { asm volatile("" ::: "memory"); }

// An operand of a product: `in` numbers of each row, in blocks.
//   data  (blocks, tile_rows, block), the last with rows of `last` numbers; read.
template <class T>
struct Operand {
  const T* data;
  std::ptrdiff_t stride;  // from block to block
  int in, block, last;
};

// ROWS rows by C vectors of outputs at once: the sums stay in registers, unrolled over the inputs.
// Where 16 registers hold the sums, a vector of each column and one number more, rows are taken one
// after the other, else columns. Compilers would load ahead of that order and put sums on the stack.
//   b   packed panels, read; where C is odd the last of them is half as wide.
//   to  (ROWS, kPanel) of each panel, pitch `to_pitch`, `to_panel` from panel to panel; added to.
template <class T, int ROWS, int C>
THROUGHTIME_INLINE void block(Operand<T> a, int row, const T* b, T* to, std::ptrdiff_t to_pitch,
                              std::ptrdiff_t to_panel) {
  constexpr int L = kLanes<T>, P = kPanel<T>;
  using V = Vec<T, L>;
  V sum[ROWS][C];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c)
      sum[r][c] = V::load(to + r * to_pitch + (c / 2) * to_panel + (c % 2) * L);
  const std::ptrdiff_t panel = std::ptrdiff_t(a.in) * P;
  const T* half = b + C / 2 * panel;
  for (int left = a.in; left > 0; left -= a.block, a.data += a.stride) {
    const bool inner = left > a.block;
    const int in = inner ? a.block : left;
    const std::ptrdiff_t pitch = inner ? a.block : a.last;
    const T* x = a.data + row * pitch;
    const auto step = [&](int k) __attribute__((always_inline)) {
      const auto load = [&](int c) __attribute__((always_inline)) {
        if (C % 2 && c == C - 1) return V::load(half + std::ptrdiff_t(k) * L);
        return V::load(b + (c / 2) * panel + std::ptrdiff_t(k) * P + (c % 2) * L);
      };
      if constexpr (ROWS * C + C < 16) {
        V col[C];
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c) col[c] = load(c);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; ++r) {
          const V one = V::all(x[r * pitch + k]);
#pragma GCC unroll 16
          for (int c = 0; c < C; ++c) sum[r][c] = one * col[c] + sum[r][c];
          keep_order();
        }
      } else {
        V one[ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; ++r) one[r] = V::all(x[r * pitch + k]);
#pragma GCC unroll 16
        for (int c = 0; c < C; ++c) {
          const V col = load(c);
#pragma GCC unroll 8
          for (int r = 0; r < ROWS; ++r) sum[r][c] = one[r] * col + sum[r][c];
          keep_order();
        }
      }
    };
    int k = 0;
    for (; k + 4 <= in; k += 4) {
      step(k);
      step(k + 1);
      step(k + 2);
      step(k + 3);
    }
    for (; k < in; ++k) step(k);
    b += std::ptrdiff_t(in) * P;
    half += std::ptrdiff_t(in) * L;
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c)
      sum[r][c].store(to + r * to_pitch + (c / 2) * to_panel + (c % 2) * L);
}

// Few rows by all outputs: several panels at once, so that there are sums enough to hide the latency;
// no more than MOST vectors, and as nearly the same number as can be.
template <class T, int ROWS, int MOST>
void strip(const Operand<T>& a, const T* b, T* to, std::ptrdiff_t to_pitch, std::ptrdiff_t to_panel,
           int vectors) {
  for (int parts = (vectors + MOST - 1) / MOST; parts > 0; --parts) {
    const int n = parts == 1 ? vectors : (vectors + parts - 1) / parts / 2 * 2;
    if (n == 1) block<T, ROWS, 1>(a, 0, b, to, to_pitch, to_panel);
    if (n == 2) block<T, ROWS, 2>(a, 0, b, to, to_pitch, to_panel);
    if (n == 3) block<T, ROWS, 3>(a, 0, b, to, to_pitch, to_panel);
    if (n == 4) block<T, ROWS, 4>(a, 0, b, to, to_pitch, to_panel);
    if constexpr (MOST == 8) {
      if (n == 5) block<T, ROWS, 5>(a, 0, b, to, to_pitch, to_panel);
      if (n == 6) block<T, ROWS, 6>(a, 0, b, to, to_pitch, to_panel);
      if (n == 7) block<T, ROWS, 7>(a, 0, b, to, to_pitch, to_panel);
      if (n == 8) block<T, ROWS, 8>(a, 0, b, to, to_pitch, to_panel);
    }
    vectors -= n;
    b += n / 2 * std::ptrdiff_t(a.in) * kPanel<T>;
    to += n / 2 * to_panel;
  }
}

// More rows by one panel of C vectors: no more than MOST at once, and as nearly the same number as
// can be.
template <class T, int MOST, int C>
void column(const Operand<T>& a, const T* b, T* to, std::ptrdiff_t to_pitch, int rows) {
  int row = 0;
  for (int parts = (rows + MOST - 1) / MOST; parts > 0; --parts) {
    const int n = (rows - row + parts - 1) / parts;  // 3 to MOST
    T* out = to + row * to_pitch;
    if (n == 3) block<T, 3, C>(a, row, b, out, to_pitch, 0);
    if (n == 4) block<T, 4, C>(a, row, b, out, to_pitch, 0);
    if (n == 5) block<T, 5, C>(a, row, b, out, to_pitch, 0);
    if (n == 6) block<T, 6, C>(a, row, b, out, to_pitch, 0);
    if constexpr (MOST == 8) {
      if (n == 7) block<T, 7, C>(a, row, b, out, to_pitch, 0);
      if (n == 8) block<T, 8, C>(a, row, b, out, to_pitch, 0);
    }
    row += n;
  }
}

// to (rows, kPanel) of each panel += a (rows, in) times that packed panel; of so many vectors of
// outputs in all.
template <class T>
void multiply(const Operand<T>& a, const T* b, T* to, std::ptrdiff_t to_pitch,
              std::ptrdiff_t to_panel, int vectors, int rows) {
  switch (rows) {
    case 0: return;
    case 1: return strip<T, 1, 8>(a, b, to, to_pitch, to_panel, vectors);
    case 2: return strip<T, 2, 4>(a, b, to, to_pitch, to_panel, vectors);
    case 3: return strip<T, 3, 4>(a, b, to, to_pitch, to_panel, vectors);
    default: break;
  }
  const std::ptrdiff_t panel = std::ptrdiff_t(a.in) * kPanel<T>;
  for (int left = vectors; left >= 2; left -= 2, b += panel, to += to_panel)
    column<T, 6, 2>(a, b, to, to_pitch, rows);  // a panel stays in the cache
  if (vectors % 2) column<T, 8, 1>(a, b, to, to_pitch, rows);
}

// to (out) += a row (in) times outputs [first, first + out) of a matrix read where it lies, its
// inputs or its outputs side by side.
template <class T>
void multiply_unpacked(Operand<T> a, int row, const Matrix& m, int first, T* to, int out) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const T* from = static_cast<const T*>(m.data) + first * m.out_stride;
  for (int left = a.in; left > 0; left -= a.block, a.data += a.stride) {
    const bool inner = left > a.block;
    const int in = inner ? a.block : left;
    const T* x = a.data + row * std::ptrdiff_t(inner ? a.block : a.last);
    if (m.out_stride == 1) {
      for (int k = 0; k < in; ++k) {
        const T* w = from + k * m.in_stride;
        int j = 0;
        for (; j + L <= out; j += L) (V::all(x[k]) * V::load(w + j) + V::load(to + j)).store(to + j);
        for (; j < out; ++j) to[j] += x[k] * w[j];
      }
    } else {
      for (int j = 0; j < out; ++j) {
        const T* w = from + j * m.out_stride;
        V sums[4] = {V::all(0), V::all(0), V::all(0), V::all(0)};
        int k = 0;
        for (; k + 4 * L <= in; k += 4 * L)
#pragma GCC unroll 4
          for (int c = 0; c < 4; ++c)
            sums[c] = V::load(x + k + c * L) * V::load(w + k + c * L) + sums[c];
        T lanes[L], total = 0;
        ((sums[0] + sums[1]) + (sums[2] + sums[3])).store(lanes);
        for (int i = 0; i < L; ++i) total += lanes[i];
        for (; k < in; ++k) total += x[k] * w[k];
        to[j] += total;
      }
    }
    from += std::ptrdiff_t(a.block) * m.in_stride;
  }
}

}  // namespace throughtime::THROUGHTIME_SET
