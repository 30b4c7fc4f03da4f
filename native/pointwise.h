// exp, tanh and sigmoid of a vector, float and double, without a call of the maths library.
//
// All three start from exp(x) = 2^n exp(r), n an integer and |r| <= log(2)/2, with
// exp(r) - 1 = r + r^2 q(r), q a polynomial. Errors stay under 4 units in the last place over the
// whole range, denormal results of exp and tanh among them (tests/native/test_pointwise.py); nan
// gives nan.
#pragma once

#include "vector.h"

namespace throughtime::THROUGHTIME_SET {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr int kMantissaBits = 23;
  static constexpr std::uint32_t kExponentBias = 127;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  static constexpr float kRounder = 0x1.8p23f;
  static constexpr float kLog2e = 0x1.715476p+0f;
  // log(2) in two parts; n times the first is exact.
  static constexpr float kLog2High = 0x1.63p-1f;
  static constexpr float kLog2Low = -0x1.bd0106p-13f;
  // Beyond these exp is 0 and infinite.
  static constexpr float kLowest = -104.0f;
  static constexpr float kHighest = 89.0f;
  // From here on tanh is 1, and sigmoid.
  static constexpr float kTanhOne = 10.0f;
  static constexpr float kSigmoidOne = 87.0f;
  // q, highest power first, within 7e-8 (Chebyshev).
  static constexpr float kQ[] = {0x1.6d110ap-10f, 0x1.120b6ep-7f, 0x1.55551ap-5f, 0x1.5554dcp-3f,
                                 0x1.0p-1f};
};

template <>
struct ExpConstants<double> {
  static constexpr int kMantissaBits = 52;
  static constexpr std::uint64_t kExponentBias = 1023;
  static constexpr double kRounder = 0x1.8p52;
  static constexpr double kLog2e = 0x1.71547652b82fep+0;
  static constexpr double kLog2High = 0x1.62e42feep-1;
  static constexpr double kLog2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kLowest = -746.0;
  static constexpr double kHighest = 710.0;
  static constexpr double kTanhOne = 20.0;
  static constexpr double kSigmoidOne = 700.0;
  // Within 2e-16 (Chebyshev).
  static constexpr double kQ[] = {0x1.af38a9b0ec855p-26, 0x1.289185613a3d6p-22,
                                  0x1.71de0dae63bb3p-19, 0x1.a019b90d2ae7ap-16,
                                  0x1.a01a01a7c41d5p-13, 0x1.6c16c1788bd90p-10,
                                  0x1.11111111109b3p-7,  0x1.5555555553d63p-5,
                                  0x1.5555555555556p-3,  0x1.0000000000001p-1};
};

// x = n log(2) + r. n comes as an integer (modulo 2^32 or 2^64), beside it exp(r) - 1.
template <class T, int N>
struct Reduced {
  Vec<typename BitsOf<T>::type, N> n;
  Vec<T, N> expm1_r;
};

template <class T, int N>
THROUGHTIME_INLINE Reduced<T, N> reduce(Vec<T, N> x) {
  using C = ExpConstants<T>;
  using V = Vec<T, N>;
  using U = typename BitsOf<T>::type;
  const V rounder = V::all(C::kRounder);
  const V rounded = x * V::all(C::kLog2e) + rounder;
  const V n = rounded - rounder;
  const V r = (x - n * V::all(C::kLog2High)) - n * V::all(C::kLog2Low);
  V q = V::all(C::kQ[0]);
#pragma GCC unroll 16
  for (std::size_t i = 1; i < sizeof C::kQ / sizeof C::kQ[0]; ++i) q = q * r + V::all(C::kQ[i]);
  return {bits_as<U>(rounded) - bits_as<U>(rounder), (r * r) * q + r};
}

// 2^(exponent - bias), for an exponent within 1 to 2 bias.
template <class T, int N>
THROUGHTIME_INLINE Vec<T, N> power_of_two(Vec<typename BitsOf<T>::type, N> exponent) {
  return bits_as<T>(exponent << ExpConstants<T>::kMantissaBits);
}

// exp(x), for x that is no larger than kHighest.
template <class T, int N>
THROUGHTIME_INLINE Vec<T, N> exp_below_highest(Vec<T, N> x) {
  using C = ExpConstants<T>;
  using U = typename BitsOf<T>::type;
  const auto [n, expm1_r] = reduce(at_least(x, Vec<T, N>::all(C::kLowest)));
  // 2^n reaches beyond the range of T, so it is multiplied in two halves: the first product is
  // exact, the second rounds once, to a denormal or to infinity.
  const auto twice_biased = n + Vec<U, N>::all(2 * C::kExponentBias);
  const auto half = twice_biased >> 1;
  return (Vec<T, N>::all(1) + expm1_r) * power_of_two<T>(half) *
         power_of_two<T>(twice_biased - half);
}

template <class T, int N>
THROUGHTIME_INLINE Vec<T, N> exp(Vec<T, N> x) {
  return exp_below_highest(at_most(x, Vec<T, N>::all(ExpConstants<T>::kHighest)));
}

// 2^n (exp(r) - 1) + (2^n - 1) = expm1(x), and 2^n, where 2^n is within the range of T.
template <class T, int N>
struct Scaled {
  Vec<T, N> scale, expm1_r;
};

template <class T, int N>
THROUGHTIME_INLINE Scaled<T, N> scaled(Vec<T, N> x) {
  using U = typename BitsOf<T>::type;
  const auto [n, expm1_r] = reduce(x);
  return {power_of_two<T>(n + Vec<U, N>::all(ExpConstants<T>::kExponentBias)), expm1_r};
}

// expm1(2x) / (expm1(2x) + 2): exact towards 0, and nothing overflows.
template <class T, int N>
THROUGHTIME_INLINE Vec<T, N> tanh(Vec<T, N> x) {
  using C = ExpConstants<T>;
  using V = Vec<T, N>;
  using U = typename BitsOf<T>::type;
  const V near = at_least(at_most(x, V::all(C::kTanhOne)), V::all(-C::kTanhOne));
  const auto [scale, expm1_r] = scaled(near + near);
  const V expm1 = scale * expm1_r + (scale - V::all(1));
  const V size = expm1 / (expm1 + V::all(2));
  const auto sign = bits_as<U>(x) & Vec<U, N>::all(U(1) << (8 * sizeof(U) - 1));
  return bits_as<T>(bits_as<U>(size) | sign);  // -0 keeps its sign
}

// 1 / (1 + exp(-x)). Where exp(-x) is beyond the range of T the result is 0: the true one is
// denormal there.
template <class T, int N>
THROUGHTIME_INLINE Vec<T, N> sigmoid(Vec<T, N> x) {
  using C = ExpConstants<T>;
  using V = Vec<T, N>;
  const V bounded = at_least(at_most(x, V::all(C::kSigmoidOne)), V::all(-C::kHighest));
  const auto [scale, expm1_r] = scaled(-bounded);
  const V e = scale * (expm1_r + V::all(1));  // scale may be infinite, so no sum of two parts
  return V::all(1) / (e + V::all(1));
}

}  // namespace throughtime::THROUGHTIME_SET
