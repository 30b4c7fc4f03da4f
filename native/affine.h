// The product ahead of the time loop: the rows of all steps times a packed weight, plus a bias.
//
// Where the steps of a loop could not share the reading of the weights, or would read an input that
// is wider than what comes of it. A few rows stay in the cache for all outputs.
#pragma once

#include "instruction_set.h"
#include "product.h"

namespace throughtime::THROUGHTIME_SET {

template <class T>
void affine(const Affine& a, const void* packed, const Part& part) {
  constexpr int P = kPanel<T>, kRows = 48;
  const Matrix& m = a.matrix;
  for (std::ptrdiff_t i = part.row; i < part.end_row; i += kRows) {
    const int rows = part.end_row - i < kRows ? int(part.end_row - i) : kRows;
    const Operand<T> x{static_cast<const T*>(a.x) + i * a.x_pitch, 0, m.in, m.in, int(a.x_pitch)};
    for (int j = part.panel * P; j < part.end_panel * P; j += P) {
      const int columns = m.out - j < P ? m.out - j : P;
      T bias[P] = {}, sums[kRows][P];
      if (a.bias) memcpy(bias, static_cast<const T*>(a.bias) + j, sizeof(T) * columns);
      for (int r = 0; r < rows; ++r) memcpy(sums[r], bias, sizeof bias);
      multiply<T>(x, static_cast<const T*>(packed) + j * std::ptrdiff_t(m.in), sums[0], P, P,
                  vectors_of<T>(columns), rows);
      T* to = static_cast<T*>(a.to) + i * m.out + j;
      for (int r = 0; r < rows; ++r, to += m.out) {
        if (columns == P)
          memcpy(to, sums[r], sizeof bias);
        else
          memcpy(to, sums[r], sizeof(T) * columns);
      }
    }
  }
}

}  // namespace throughtime::THROUGHTIME_SET
