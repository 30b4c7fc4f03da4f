// The product ahead of the time loop: the rows of all steps times a weight, plus a bias.
//
// For calls of few rows, whose steps cannot share the reading of the weights. A panel of outputs is
// packed and used for all rows at once.
#pragma once

#include "instruction_set.h"
#include "product.h"

namespace throughtime::THROUGHTIME_SET {

template <class T>
void affine(const Affine& a, void* packed, int first, int last) {
  constexpr int P = kPanel<T>, kRows = 48;
  const Matrix& m = a.matrix;
  T* panel = static_cast<T*>(packed);
  for (int j = first * P; j < last * P; j += P) {
    const int columns = m.out - j < P ? m.out - j : P;
    const T* weights = static_cast<const T*>(m.data) + j * m.out_stride;
    pack<T>({weights, m.out_stride, m.in_stride, columns, m.in}, panel);
    T bias[P] = {};
    if (a.bias) memcpy(bias, static_cast<const T*>(a.bias) + j, sizeof(T) * columns);
    for (std::ptrdiff_t i = 0; i < a.count; i += kRows) {
      const int rows = a.count - i < kRows ? int(a.count - i) : kRows;
      T sums[kRows][P];
      for (int r = 0; r < rows; ++r) memcpy(sums[r], bias, sizeof bias);
      const Operand<T> x{static_cast<const T*>(a.x) + i * a.x_pitch, 0, m.in, m.in, int(a.x_pitch)};
      multiply<T>(x, panel, sums[0], P, P, vectors_of<T>(columns), rows);
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
