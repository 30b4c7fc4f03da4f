// The OpenMP runtime that torch has loaded, used without linking to one.
#pragma once

#include <string>

namespace throughtime {

// Its functions, or null pointers where there is no such runtime.
//
// Its threads wait for work for a while after each of torch's own operations, so they are at hand at
// once, and no second pool of threads competes with them for the cores.
struct OpenMp {
  // body(data) on up to so many threads at the same time
  void (*parallel)(void (*body)(void*), void* data, unsigned threads, unsigned flags) = nullptr;
  int (*number)() = nullptr;  // inside: which of the threads the calling one is
  int (*count)() = nullptr;   // inside: how many there are
  std::string path;           // of its library

  explicit operator bool() const { return parallel && number && count; }
};

// The runtime of this process, looked for at the first call.
const OpenMp& openmp();

}  // namespace throughtime
