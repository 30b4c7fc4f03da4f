// On which core a thread runs.
#pragma once

#if defined(__linux__)
#include <sched.h>
#endif

namespace throughtime {

// The core that the calling thread runs on; -1: not known.
inline int core() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Moves the calling thread off a core, if it may run on another; it may return there later.
inline void leave_core([[maybe_unused]] int left) {
#if defined(__linux__)
  cpu_set_t allowed, others;
  if (left < 0 || left >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed)) return;
  others = allowed;
  CPU_CLR(left, &others);
  if (CPU_COUNT(&others) && !sched_setaffinity(0, sizeof others, &others))
    sched_setaffinity(0, sizeof allowed, &allowed);
#endif
}

}  // namespace throughtime
