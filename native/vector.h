// Vec<T, N>: N numbers of type T, computed on together. Written once; the instructions come from
// the flags of the translation unit that includes this header.
//
// Everything here lives in a namespace named after the instruction set (THROUGHTIME_SET) and is
// forced inline. Otherwise the linker would keep one of the copies of a function, say the one with
// AVX-512 instructions, and the baseline would stop on an older machine. For the same reason a file
// that is compiled once per set uses no function templates of the standard library.
//
// Products and sums are contracted to fused multiply-adds where the set has them
// (-ffp-contract=fast); no algorithm here relies on the rounding of a product of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifndef THROUGHTIME_SET
#error "THROUGHTIME_SET and THROUGHTIME_VECTOR_BYTES are given by CMakeLists.txt"
#endif

#define THROUGHTIME_INLINE inline __attribute__((always_inline))

namespace throughtime::THROUGHTIME_SET {

// Lanes of T in one register of this instruction set.
template <class T>
inline constexpr int kLanes = THROUGHTIME_VECTOR_BYTES / int(sizeof(T));

// The unsigned integer that is as wide as T.
template <class T>
struct BitsOf;
template <>
struct BitsOf<float> {
  using type = std::uint32_t;
};
template <>
struct BitsOf<double> {
  using type = std::uint64_t;
};

template <class T, int N>
struct Vec {
  typedef T Native __attribute__((vector_size(N * sizeof(T))));
  // All bits of a lane set or none: what a comparison gives.
  using Mask = decltype(Native{} < Native{});

  Native v;

  static THROUGHTIME_INLINE Vec all(T value) { return {value - Native{}}; }

  // from: N numbers, any alignment, read.
  static THROUGHTIME_INLINE Vec load(const T* from) {
    Vec out;
    std::memcpy(&out.v, from, sizeof out.v);
    return out;
  }

  // to: N numbers, any alignment, written.
  THROUGHTIME_INLINE void store(T* to) const { std::memcpy(to, &v, sizeof v); }

  // from: count < N numbers, read; the other lanes are 0.
  static THROUGHTIME_INLINE Vec load_first(const T* from, std::size_t count) {
#ifdef __AVX__
    if constexpr (sizeof(Vec) == 32) {
      Mask lane;
      for (int i = 0; i < N; ++i) lane[i] = i;
      const Mask first = lane < Mask{} + int(count);
      typedef long long Longs __attribute__((vector_size(32)));
      const auto* whole = reinterpret_cast<const Native*>(from);
      if constexpr (sizeof(T) == 4) return {__builtin_ia32_maskloadps256(whole, first)};
      if constexpr (sizeof(T) == 8) return {__builtin_ia32_maskloadpd256(whole, (Longs)first)};
    }
#endif
    T lanes[N] = {};
    for (std::size_t i = 0; i < count; ++i) lanes[i] = from[i];
    return load(lanes);
  }

  // to: count < N numbers, written, by halves.
  THROUGHTIME_INLINE void store_first(T* to, std::size_t count) const {
    T lanes[N];
    store(lanes);
    const T* left = lanes;
#pragma GCC unroll 4
    for (std::size_t part = N / 2; part > 0; part /= 2)
      if (count & part) {
        std::memcpy(to, left, part * sizeof(T));
        to += part;
        left += part;
      }
  }

  friend THROUGHTIME_INLINE Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
  friend THROUGHTIME_INLINE Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
  friend THROUGHTIME_INLINE Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
  friend THROUGHTIME_INLINE Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
  friend THROUGHTIME_INLINE Vec operator-(Vec a) { return {-a.v}; }
  friend THROUGHTIME_INLINE Mask operator<(Vec a, Vec b) { return a.v < b.v; }
  friend THROUGHTIME_INLINE Mask operator>(Vec a, Vec b) { return a.v > b.v; }
  friend THROUGHTIME_INLINE Mask operator<=(Vec a, Vec b) { return a.v <= b.v; }
  friend THROUGHTIME_INLINE Mask operator>=(Vec a, Vec b) { return a.v >= b.v; }
  friend THROUGHTIME_INLINE Mask operator==(Vec a, Vec b) { return a.v == b.v; }
  friend THROUGHTIME_INLINE Mask operator!=(Vec a, Vec b) { return a.v != b.v; }

  // Integers only.
  friend THROUGHTIME_INLINE Vec operator&(Vec a, Vec b) { return {a.v & b.v}; }
  friend THROUGHTIME_INLINE Vec operator|(Vec a, Vec b) { return {a.v | b.v}; }
  friend THROUGHTIME_INLINE Vec operator<<(Vec a, int count) { return {a.v << count}; }
  friend THROUGHTIME_INLINE Vec operator>>(Vec a, int count) { return {a.v >> count}; }

  friend THROUGHTIME_INLINE Vec select(Mask where, Vec yes, Vec no) {
    return {where ? yes.v : no.v};
  }

  // The larger and the smaller of the two; x where x is nan.
  friend THROUGHTIME_INLINE Vec at_least(Vec x, Vec low) {
#ifdef __AVX__
    if constexpr (sizeof(Vec) == 32 && sizeof(T) == 4) return {__builtin_ia32_maxps256(low.v, x.v)};
    if constexpr (sizeof(Vec) == 32 && sizeof(T) == 8) return {__builtin_ia32_maxpd256(low.v, x.v)};
#endif
    return select(x < low, low, x);
  }
  friend THROUGHTIME_INLINE Vec at_most(Vec x, Vec high) {
#ifdef __AVX__
    if constexpr (sizeof(Vec) == 32 && sizeof(T) == 4)
      return {__builtin_ia32_minps256(high.v, x.v)};
    if constexpr (sizeof(Vec) == 32 && sizeof(T) == 8)
      return {__builtin_ia32_minpd256(high.v, x.v)};
#endif
    return select(x > high, high, x);
  }
};

// The same bits, read as another type of the same width.
template <class To, class From, int N>
THROUGHTIME_INLINE Vec<To, N> bits_as(Vec<From, N> x) {
  static_assert(sizeof(To) == sizeof(From));
  return {(typename Vec<To, N>::Native)x.v};
}

template <class T, int N>
THROUGHTIME_INLINE Vec<T, N> absolute(Vec<T, N> x) {
  using U = typename BitsOf<T>::type;
  return bits_as<T>(bits_as<U>(x) & Vec<U, N>::all(U(~U(0)) >> 1));
}

}  // namespace throughtime::THROUGHTIME_SET
