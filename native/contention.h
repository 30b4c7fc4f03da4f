// Whether other processes want the cores that our threads run on.
#pragma once

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace throughtime {

// What a clock of the system shows: CLOCK_MONOTONIC the time, CLOCK_THREAD_CPUTIME_ID for how long the
// calling thread has computed.
inline std::int64_t nanoseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return std::int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// Decides whether it is better to compute on the calling thread alone for a while.
//
// A thread that has no core is waited for by all the others, and while these wait they keep the cores
// from whoever could go on: then one thread is faster. The decision changes who computes what, and no
// result.
class Contention {
 public:
  // Whether to stay on one thread now.
  bool now() const {
    return nanoseconds(CLOCK_MONOTONIC) < alone_until_.load(std::memory_order_relaxed);
  }

  // Learns from a job on several threads: it took so many nanoseconds, and its busiest thread computed
  // for so many of them. The rest was lost to waiting.
  //
  // One loss proves nothing, as a thread that has slept may wake on the core of another and wait there
  // for some milliseconds; two prove little. So several threads are tried again soon, and after a
  // longer time whenever they were tried in vain. Threads that report at the same time may overwrite
  // one of their reports, which does no harm.
  void saw(std::int64_t took, std::int64_t computed) {
    const std::int64_t all = took_.load(std::memory_order_relaxed) + took;
    const std::int64_t lost = lost_.load(std::memory_order_relaxed) + took - computed;
    const bool in_vain = lost >= kEnough && lost * 4 > all, well = all >= 4 * kEnough;
    if (in_vain) {
      const int times = times_.load(std::memory_order_relaxed);
      alone_until_.store(nanoseconds(CLOCK_MONOTONIC) + times * all, std::memory_order_relaxed);
      times_.store(std::min(2 * times, kMost), std::memory_order_relaxed);
    } else if (well) {
      times_.store(1, std::memory_order_relaxed);
    }
    const bool anew = in_vain || well;
    took_.store(anew ? 0 : all, std::memory_order_relaxed);
    lost_.store(anew ? 0 : lost, std::memory_order_relaxed);
  }

 private:
  static constexpr std::int64_t kEnough = 6'000'000;  // nanoseconds lost before they count
  static constexpr int kMost = 32;  // one thread for at most so many times the trial's time
  // Since the last decision: how long jobs took, and how much of that was lost.
  std::atomic<std::int64_t> took_{0}, lost_{0};
  std::atomic<std::int64_t> alone_until_{0};  // on CLOCK_MONOTONIC
  std::atomic<int> times_{1};  // one thread for so many times the time of the next trial in vain
};

}  // namespace throughtime
