// The product inside the time loop: a few rows of a register times a packed matrix.
//
// A matrix is packed once a call into panels of two vectors of outputs, one after the other over
// the inputs, so that the inner loop reads it from front to back.
#pragma once

#include "program.h"
#include "vector.h"

namespace throughtime::THROUGHTIME_SET {

// Outputs in one panel; every pitch is a multiple of it.
template <class T>
inline constexpr int kPanel = 2 * kLanes<T>;

template <class T>
constexpr int pitch_of(int width) {
  return (width + kPanel<T> - 1) / kPanel<T> * kPanel<T>;
}

// packed  (panels, in, kPanel), written; outputs beyond `out` are 0.
template <class T>
void pack(const Matrix& m, T* packed) {
  const T* from = static_cast<const T*>(m.data);
  for (int j = 0; j < m.out; j += kPanel<T>)
    for (int k = 0; k < m.in; ++k)
      for (int i = 0; i < kPanel<T>; ++i)
        *packed++ = j + i < m.out ? from[(j + i) * m.out_stride + k * m.in_stride] : T(0);
}

// ROWS rows by PANELS panels at once: the sums stay in registers, unrolled over the inputs.
//   a   (ROWS, in), pitch `a_pitch`, read.
//   b   PANELS packed panels, read.
//   to  (ROWS, PANELS * kPanel), pitch `to_pitch`, added to.
template <class T, int ROWS, int PANELS>
THROUGHTIME_INLINE void block(const T* a, std::ptrdiff_t a_pitch, const T* b, int in, T* to,
                              std::ptrdiff_t to_pitch) {
  constexpr int L = kLanes<T>, C = 2 * PANELS;
  using V = Vec<T, L>;
  V sum[ROWS][C];
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) sum[r][c] = V::load(to + r * to_pitch + c * L);
  const std::ptrdiff_t panel = std::ptrdiff_t(in) * kPanel<T>;
  const auto step = [&](int k) __attribute__((always_inline)) {
    V col[C];
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c)
      col[c] = V::load(b + (c / 2) * panel + std::ptrdiff_t(k) * kPanel<T> + (c % 2) * L);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; ++r) {
      const V x = V::all(a[r * a_pitch + k]);
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) sum[r][c] = x * col[c] + sum[r][c];
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
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) sum[r][c].store(to + r * to_pitch + c * L);
}

// Few rows take several panels at once, so that there are sums enough to hide the latency.
template <class T, int ROWS, int PANELS>
void strip(const T* a, std::ptrdiff_t a_pitch, const T* b, int in, T* to, std::ptrdiff_t to_pitch,
           int panels) {
  const std::ptrdiff_t panel = std::ptrdiff_t(in) * kPanel<T>;
  int j = 0;
  for (; j + PANELS <= panels; j += PANELS)
    block<T, ROWS, PANELS>(a, a_pitch, b + j * panel, in, to + j * kPanel<T>, to_pitch);
  for (; j < panels; ++j)
    block<T, ROWS, 1>(a, a_pitch, b + j * panel, in, to + j * kPanel<T>, to_pitch);
}

// to (rows, out) += a (rows, in) · packed, with the pitches of the registers.
template <class T>
void multiply(const T* a, std::ptrdiff_t a_pitch, const T* packed, int in, int out, T* to,
              std::ptrdiff_t to_pitch, std::ptrdiff_t rows) {
  const int panels = pitch_of<T>(out) / kPanel<T>;
  const std::ptrdiff_t panel = std::ptrdiff_t(in) * kPanel<T>;
  if (rows >= 6) {  // a panel stays in the cache for all rows
    for (int j = 0; j < panels; ++j) {
      std::ptrdiff_t r = 0;
      const T* b = packed + j * panel;
      T* out_ = to + j * kPanel<T>;
      for (; r + 6 <= rows; r += 6)
        block<T, 6, 1>(a + r * a_pitch, a_pitch, b, in, out_ + r * to_pitch, to_pitch);
      const T* a_ = a + r * a_pitch;
      T* t_ = out_ + r * to_pitch;
      switch (rows - r) {
        case 5: block<T, 5, 1>(a_, a_pitch, b, in, t_, to_pitch); break;
        case 4: block<T, 4, 1>(a_, a_pitch, b, in, t_, to_pitch); break;
        case 3: block<T, 3, 1>(a_, a_pitch, b, in, t_, to_pitch); break;
        case 2: block<T, 2, 1>(a_, a_pitch, b, in, t_, to_pitch); break;
        case 1: block<T, 1, 1>(a_, a_pitch, b, in, t_, to_pitch); break;
        default: break;
      }
    }
    return;
  }
  switch (rows) {
    case 5: strip<T, 5, 1>(a, a_pitch, packed, in, to, to_pitch, panels); break;
    case 4: strip<T, 4, 1>(a, a_pitch, packed, in, to, to_pitch, panels); break;
    case 3: strip<T, 3, 2>(a, a_pitch, packed, in, to, to_pitch, panels); break;
    case 2: strip<T, 2, 2>(a, a_pitch, packed, in, to, to_pitch, panels); break;
    case 1: strip<T, 1, 4>(a, a_pitch, packed, in, to, to_pitch, panels); break;
    default: break;
  }
}

}  // namespace throughtime::THROUGHTIME_SET
