// Instructions on one block of a tile, or on all blocks of one.
//
// A block is contiguous over the rows of a tile, padding included, so a pointwise instruction is
// one loop over count = rows * pitch numbers, whole vectors. With rows in the lanes it is
// the same, over whole panels of rows.
#pragma once

#include <math.h>

#include "rows_in_lanes.h"
#include "pointwise.h"
#include "tile.h"
#include "transfer.h"

namespace throughtime::THROUGHTIME_SET {

template <class T, class F>
THROUGHTIME_INLINE void map1(const T* a, T* to, std::ptrdiff_t count, F f) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  std::ptrdiff_t i = 0;
  for (; i + 2 * L <= count; i += 2 * L) {
    const V x = f(V::load(a + i)), y = f(V::load(a + i + L));
    x.store(to + i);
    y.store(to + i + L);
  }
  if (i < count) f(V::load(a + i)).store(to + i);
}

template <class T, class F>
THROUGHTIME_INLINE void map2(const T* a, const T* b, T* to, std::ptrdiff_t count, F f) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  std::ptrdiff_t i = 0;
  for (; i + 2 * L <= count; i += 2 * L) {
    const V x = f(V::load(a + i), V::load(b + i));
    const V y = f(V::load(a + i + L), V::load(b + i + L));
    x.store(to + i);
    y.store(to + i + L);
  }
  if (i < count) f(V::load(a + i), V::load(b + i)).store(to + i);
}

template <class T, class F>
THROUGHTIME_INLINE void map3(const T* a, const T* b, const T* c, T* to, std::ptrdiff_t count, F f) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  for (std::ptrdiff_t i = 0; i < count; i += L)
    f(V::load(a + i), V::load(b + i), V::load(c + i)).store(to + i);
}

// For what is rare: the maths library, a number at a time.
template <class T, class F>
THROUGHTIME_INLINE void each(const T* a, T* to, std::ptrdiff_t count, F f) {
  for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = f(a[i]);
}

template <class T>
THROUGHTIME_INLINE T sum_of(const TileView& view, std::int32_t number, std::ptrdiff_t row) {
  constexpr int L = kLanes<T>;
  const Register& r = view.registers[number];
  Vec<T, L> total = Vec<T, L>::all(0);
  T rest = 0;
  for (std::int32_t b = 0; b < blocks_of(*view.group, r.pitch); ++b) {
    const Place<T> from = place<T>(view, number, b);
    const T* x = from.at + row * from.pitch;
    std::int32_t i = 0;
    for (; i + L <= from.width; i += L) total = total + Vec<T, L>::load(x + i);
    for (; i < from.width; ++i) rest += x[i];
  }
  T lanes[L], out = 0;
  total.store(lanes);
  for (int k = 0; k < L; ++k) out += lanes[k];
  return out + rest;
}

template <class T>
THROUGHTIME_INLINE T variance_of(const TileView& view, std::int32_t number, std::ptrdiff_t row, T mean,
                                 T correction) {
  constexpr int L = kLanes<T>;
  const Register& r = view.registers[number];
  Vec<T, L> total = Vec<T, L>::all(0);
  const Vec<T, L> centre = Vec<T, L>::all(mean);
  T out = 0;
  for (std::int32_t b = 0; b < blocks_of(*view.group, r.pitch); ++b) {
    const Place<T> from = place<T>(view, number, b);
    const T* x = from.at + row * from.pitch;
    std::int32_t i = 0;
    for (; i + L <= from.width; i += L) {
      const Vec<T, L> d = Vec<T, L>::load(x + i) - centre;
      total = d * d + total;
    }
    for (; i < from.width; ++i) out += (x[i] - mean) * (x[i] - mean);
  }
  T lanes[L];
  total.store(lanes);
  for (int k = 0; k < L; ++k) out += lanes[k];
  return out / (T(r.width) - correction);
}

THROUGHTIME_INLINE float maths_pow(float a, float b) { return powf(a, b); }
THROUGHTIME_INLINE double maths_pow(double a, double b) { return ::pow(a, b); }
THROUGHTIME_INLINE float maths_log(float a) { return logf(a); }
THROUGHTIME_INLINE double maths_log(double a) { return ::log(a); }
THROUGHTIME_INLINE float maths_log1p(float a) { return log1pf(a); }
THROUGHTIME_INLINE double maths_log1p(double a) { return ::log1p(a); }
THROUGHTIME_INLINE float maths_exp(float a) { return expf(a); }
THROUGHTIME_INLINE double maths_exp(double a) { return ::exp(a); }
THROUGHTIME_INLINE float maths_expm1(float a) { return expm1f(a); }
THROUGHTIME_INLINE double maths_expm1(double a) { return ::expm1(a); }
THROUGHTIME_INLINE float maths_sin(float a) { return sinf(a); }
THROUGHTIME_INLINE double maths_sin(double a) { return ::sin(a); }
THROUGHTIME_INLINE float maths_cos(float a) { return cosf(a); }
THROUGHTIME_INLINE double maths_cos(double a) { return ::cos(a); }
THROUGHTIME_INLINE float maths_erf(float a) { return erff(a); }
THROUGHTIME_INLINE double maths_erf(double a) { return ::erf(a); }
THROUGHTIME_INLINE float maths_sqrt(float a) { return sqrtf(a); }
THROUGHTIME_INLINE double maths_sqrt(double a) { return ::sqrt(a); }
THROUGHTIME_INLINE float maths_tanh(float a) { return tanhf(a); }
THROUGHTIME_INLINE double maths_tanh(double a) { return ::tanh(a); }

// A pointwise instruction on one block.
template <class T>
THROUGHTIME_INLINE void pointwise(const TileView& view, const Instruction& ins, std::int32_t block,
                                  Place<T> out) {
  using V = Vec<T, kLanes<T>>;
  T* to = out.at;
  const auto at = [&](std::int32_t k) __attribute__((always_inline)) {
    return address<T>(view, k, block);
  };
  const T* a = at(ins.a);
  const bool in_lanes = view.group->rows_in_lanes;
  const std::ptrdiff_t count =
      std::ptrdiff_t(in_lanes ? view.panels * kPanel<T> : view.rows) * out.pitch;
  const T p = T(ins.p), q = T(ins.q);
  const V zero = V::all(0), one = V::all(1), vp = V::all(p), vq = V::all(q);
#define F1(...) map1(a, to, count, [=](V x) __attribute__((always_inline)) { return __VA_ARGS__; })
#define F2(...)                                                                 \
  map2(a, static_cast<const T*>(at(ins.b)), to, count,                       \
       [=](V x, V y) __attribute__((always_inline)) { return __VA_ARGS__; })
#define F3(...)                                                                            \
  map3(a, static_cast<const T*>(at(ins.b)), static_cast<const T*>(at(ins.c)), to,    \
       count, [=](V x, V y, V z) __attribute__((always_inline)) { return __VA_ARGS__; })
#define EACH(...) each(a, to, count, [=](T x) { return __VA_ARGS__; })
  switch (ins.op) {
    case Op::copy: memcpy(to, a, count * sizeof(T)); break;
    case Op::zero: memset(to, 0, count * sizeof(T)); break;
    case Op::expand: {
      const Place<T> from = place<T>(view, ins.a, 0);
      if (in_lanes) return expand_in_lanes<T>(from.at, out.width, view.panels, to);
      for (int i = 0; i < view.rows; ++i)
        for (std::int32_t j = 0; j < out.pitch; j += kLanes<T>)
          V::all(from.at[i * from.pitch]).store(to + i * out.pitch + j);
      break;
    }
    case Op::add: F2(x + y); break;
    case Op::sub: F2(x - y); break;
    case Op::mul: F2(x * y); break;
    case Op::div: F2(x / y); break;
    case Op::pow: {
      const T* b = at(ins.b);
      for (std::ptrdiff_t i = 0; i < count; ++i) to[i] = maths_pow(a[i], b[i]);
      break;
    }
    case Op::neg: F1(-x); break;
    case Op::exp: F1(exp(x)); break;
    case Op::log: EACH(maths_log(x)); break;
    case Op::sqrt: EACH(maths_sqrt(x)); break;
    case Op::sin: EACH(maths_sin(x)); break;
    case Op::cos: EACH(maths_cos(x)); break;
    case Op::erf: EACH(maths_erf(x)); break;
    case Op::abs: F1(absolute(x)); break;
    case Op::sign: F1(select(x > zero, one, select(x < zero, -one, zero))); break;
    case Op::tanh: F1(tanh(x)); break;
    case Op::sigmoid: F1(sigmoid(x)); break;
    case Op::relu: F1(select(x < zero, zero, x)); break;
    case Op::leaky_relu: F1(select(x > zero, x, x * vp)); break;
    case Op::elu: EACH(x <= 0 ? q * (p * maths_expm1(x)) : q * x); break;
    case Op::gelu:
      if (p == 0)
        EACH(x * (T(0.5) * (1 + maths_erf(x * T(0.70710678118654752440)))));
      else
        EACH(T(0.5) * x *
             (1 + maths_tanh(T(0.79788456080286535588) * (x + T(0.044715) * x * x * x))));
      break;
    case Op::silu: F1(x * sigmoid(x)); break;
    case Op::softplus: EACH(x * p > q ? x : maths_log1p(maths_exp(x * p)) / p); break;
    case Op::hardsigmoid:
      F1(at_most(at_least(x + V::all(3), zero), V::all(6)) / V::all(6));
      break;
    case Op::hardtanh: F1(at_most(at_least(x, vp), vq)); break;
    // nan in either argument is nan
    case Op::maximum: F2(select(x > y, x, select(x == x, y, x))); break;
    case Op::minimum: F2(select(x < y, x, select(x == x, y, x))); break;
    case Op::where: F3(select(x != zero, y, z)); break;
    case Op::lt: F2(select(x < y, one, zero)); break;
    case Op::le: F2(select(x <= y, one, zero)); break;
    case Op::gt: F2(select(x > y, one, zero)); break;
    case Op::ge: F2(select(x >= y, one, zero)); break;
    case Op::eq: F2(select(x == y, one, zero)); break;
    case Op::ne: F2(select(x != y, one, zero)); break;
    case Op::logical_and: F2(select(x != zero, select(y != zero, one, zero), zero)); break;
    case Op::logical_or: F2(select(x != zero, one, select(y != zero, one, zero))); break;
    case Op::logical_not: F1(select(x != zero, zero, one)); break;
    case Op::multiply_add: F3(x * y + z); break;
    case Op::tanh_slope: F2(x * (one - y * y)); break;
    case Op::sigmoid_slope: F2(x * ((one - y) * y)); break;
    default: break;
  }
#undef F1
#undef F2
#undef F3
#undef EACH
}

// The operand of a product, whole.
template <class T>
THROUGHTIME_INLINE Operand<T> operand(const TileView& view, std::int32_t number, std::int32_t in) {
  const RowGroup& g = *view.group;
  const Register& r = view.registers[number];
  const int last = r.pitch - (blocks_of(g, r.pitch) - 1) * int(g.block);
  return {address<T>(view, number, 0), g.block * g.tile_rows, in, int(g.block), last};
}

// Sum, mean or variance over the units, with rows in the lanes.
template <class T>
void reduce_in_lanes(const TileView& view, const Instruction& ins) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const std::int32_t width = view.registers[ins.a].width;
  const T* from = address<T>(view, ins.a, 0);
  T* to = address<T>(view, ins.to, 0);
  const int count = view.panels * kPanel<T>;
  const auto divide = [&](T by) { map1(to, to, count, [=](V x) { return x / V::all(by); }); };
  sum_in_lanes<T>(from, width, view.panels, to, [](V x, V) { return x; });
  if (ins.op != Op::sum) divide(T(width));
  if (ins.op != Op::variance) return;
  sum_in_lanes<T>(from, width, view.panels, to, [](V x, V mean) { return (x - mean) * (x - mean); });
  divide(T(width) - T(ins.p));
}

// One instruction on the rows of a tile.
template <class T>
THROUGHTIME_INLINE void interpret(const TileView& view, const Instruction& ins) {
  if (transfer<T>(view, ins)) return;
  const RowGroup& g = *view.group;
  if (ins.op == Op::sum || ins.op == Op::mean || ins.op == Op::variance) {
    if (g.rows_in_lanes) return reduce_in_lanes<T>(view, ins);
    const std::int32_t width = view.registers[ins.a].width;
    const Place<T> to = place<T>(view, ins.to, 0);
    for (int i = 0; i < view.rows; ++i) {
      T value = sum_of<T>(view, ins.a, i);
      if (ins.op != Op::sum) value /= T(width);
      if (ins.op == Op::variance) value = variance_of<T>(view, ins.a, i, value, T(ins.p));
      to.at[i * to.pitch] = value;
    }
    return;
  }
  for (std::int32_t b = view.first_block; b < view.end_block; ++b) {
    const Place<T> to = place<T>(view, ins.to, b);
    if (ins.op == Op::product) {
      const Matrix& m = g.matrices[ins.b];
      const T* packed = static_cast<const T*>(g.packed[ins.b]);
      if (g.rows_in_lanes) {
        multiply_in_lanes<T>(packed, m.out, m.in, address<T>(view, ins.a, 0), view.panels, to.at);
        continue;
      }
      const Operand<T> a = operand<T>(view, ins.a, m.in);
      if (packed)
        multiply<T>(a, packed + b * g.block * m.in, to.at, to.pitch, kPanel<T>,
                    to.pitch / kLanes<T>, view.rows);
      else
        for (int row = 0; row < view.rows; ++row)
          multiply_unpacked<T>(a, row, m, int(b * g.block), to.at + row * to.pitch, to.width);
      continue;
    }
    pointwise<T>(view, ins, b, to);
  }
}

}  // namespace throughtime::THROUGHTIME_SET
