// Instructions on a few rows at a time: the pointwise part of a step.
//
// Registers of one width are contiguous over the rows of a chunk, padding included, so a pointwise
// instruction is one loop over count = rows * pitch numbers, a multiple of two vectors.
#pragma once

#include <math.h>

#include "pointwise.h"
#include "program.h"

namespace throughtime::THROUGHTIME_SET {

template <class T, class F>
THROUGHTIME_INLINE void map1(const T* a, T* to, std::ptrdiff_t count, F f) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  for (std::ptrdiff_t i = 0; i < count; i += 2 * L) {
    const V x = f(V::load(a + i)), y = f(V::load(a + i + L));
    x.store(to + i);
    y.store(to + i + L);
  }
}

template <class T, class F>
THROUGHTIME_INLINE void map2(const T* a, const T* b, T* to, std::ptrdiff_t count, F f) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  for (std::ptrdiff_t i = 0; i < count; i += 2 * L) {
    const V x = f(V::load(a + i), V::load(b + i));
    const V y = f(V::load(a + i + L), V::load(b + i + L));
    x.store(to + i);
    y.store(to + i + L);
  }
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
THROUGHTIME_INLINE T sum_of(const T* x, std::int32_t width) {
  constexpr int L = kLanes<T>;
  Vec<T, L> total = Vec<T, L>::all(0);
  std::int32_t i = 0;
  for (; i + L <= width; i += L) total = total + Vec<T, L>::load(x + i);
  T lanes[L], out = 0;
  total.store(lanes);
  for (int k = 0; k < L; ++k) out += lanes[k];
  for (; i < width; ++i) out += x[i];
  return out;
}

template <class T>
THROUGHTIME_INLINE T variance_of(const T* x, std::int32_t width, T mean, T correction) {
  T out = 0;
  for (std::int32_t i = 0; i < width; ++i) out += (x[i] - mean) * (x[i] - mean);
  return out / (T(width) - correction);
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

// One instruction on rows [first, first + rows) of a tile at step t.
template <class T>
THROUGHTIME_INLINE void interpret(const Tile& tile, const Instruction& ins, std::ptrdiff_t t,
                                  std::ptrdiff_t first, std::ptrdiff_t rows) {
  using V = Vec<T, kLanes<T>>;
  T* arena = static_cast<T*>(tile.arena);
  const auto place = [&](std::int32_t k) __attribute__((always_inline)) {
    const Register& r = tile.registers[k];
    return arena + r.offset + (r.advances ? first * r.pitch : 0);
  };
  if (ins.op == Op::load || ins.op == Op::store) {
    const Array& array = tile.arrays[ins.a];
    const std::int32_t k = ins.op == Op::load ? ins.to : ins.b;
    const Register& r = tile.registers[k];
    T* row = place(k);
    for (std::ptrdiff_t i = 0; i < rows; ++i, row += r.pitch) {
      T* memory =
          static_cast<T*>(array.data) + t * array.step + tile.rows[first + i] * array.row;
      if (ins.op == Op::load)
        memcpy(row, memory, r.width * sizeof(T));
      else
        memcpy(memory, row, r.width * sizeof(T));
    }
    return;
  }
  T* to = place(ins.to);
  const T* a = place(ins.a);
  const std::int32_t pitch = tile.registers[ins.to].pitch;
  const std::ptrdiff_t count = rows * pitch;
  const T p = T(ins.p), q = T(ins.q);
  const V zero = V::all(0), one = V::all(1), vp = V::all(p), vq = V::all(q);
#define F1(...) map1(a, to, count, [=](V x) __attribute__((always_inline)) { return __VA_ARGS__; })
#define F2(...)                                                                 \
  map2(a, static_cast<const T*>(place(ins.b)), to, count,                       \
       [=](V x, V y) __attribute__((always_inline)) { return __VA_ARGS__; })
#define F3(...)                                                                            \
  map3(a, static_cast<const T*>(place(ins.b)), static_cast<const T*>(place(ins.c)), to,    \
       count, [=](V x, V y, V z) __attribute__((always_inline)) { return __VA_ARGS__; })
#define EACH(...) each(a, to, count, [=](T x) { return __VA_ARGS__; })
  switch (ins.op) {
    case Op::copy: memcpy(to, a, count * sizeof(T)); break;
    case Op::zero: memset(to, 0, count * sizeof(T)); break;
    case Op::expand: {
      const std::int32_t from = tile.registers[ins.a].pitch;
      for (std::ptrdiff_t i = 0; i < rows; ++i)
        for (std::int32_t j = 0; j < pitch; j += kLanes<T>)
          V::all(a[i * from]).store(to + i * pitch + j);
      break;
    }
    case Op::sum: case Op::mean: case Op::variance: {
      const Register& r = tile.registers[ins.a];
      for (std::ptrdiff_t i = 0; i < rows; ++i) {
        const T* x = a + i * r.pitch;
        T value = sum_of(x, r.width);
        if (ins.op != Op::sum) value /= T(r.width);
        if (ins.op == Op::variance) value = variance_of(x, r.width, value, p);
        to[i * pitch] = value;
      }
      break;
    }
    case Op::add: F2(x + y); break;
    case Op::sub: F2(x - y); break;
    case Op::mul: F2(x * y); break;
    case Op::div: F2(x / y); break;
    case Op::pow: {
      const T* b = place(ins.b);
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
    case Op::one_minus: F1(one - x); break;
    case Op::tanh_slope: F2(x * (one - y * y)); break;
    case Op::sigmoid_slope: F2(x * ((one - y) * y)); break;
    default: break;
  }
#undef F1
#undef F2
#undef F3
#undef EACH
}

}  // namespace throughtime::THROUGHTIME_SET
