#include "team.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <thread>

#include "affinity.h"
#include "contention.h"
#include "interrupt.h"
#include "openmp.h"
#include "own_threads.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace throughtime {
namespace {

// A child of fork has only the thread that called fork, and may find locks taken for ever, ours or
// OpenMP's. So it begins with threads of its own. These are never freed, as helpers may still run while
// static objects are destroyed.
OwnThreads* own_threads = new OwnThreads;
std::mutex* in_use = new std::mutex;  // held while `own_threads` has a job
bool forked = false;

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] {
  own_threads = new OwnThreads;
  in_use = new std::mutex;
  forked = true;
});

Contention contention;

// Runs the job on OpenMP's threads, else on ours, else, where these are in use or not to be had, on the
// calling thread alone.
void share_out(int count, const Job& job) {
  if (!forked && openmp()) {
    openmp().parallel(
        [](void* data) {
          (*static_cast<const Job*>(data))(openmp().number(), openmp().count());
        },
        const_cast<Job*>(&job), unsigned(count), 0);
    return;
  }
  std::unique_lock lock(*in_use, std::try_to_lock);
  if (lock.owns_lock() && own_threads->grow(count))
    own_threads->run(count, job);
  else
    job(0, 1);
}

}  // namespace

void in_parallel(int count, const Job& unguarded, Interruption* interruption) {
  if (count == 1 || contention.now()) return unguarded(0, 1);
  constexpr std::int64_t kLong = 20'000'000;  // nanoseconds; after less the others are soon done too
  // An exception may not leave a thread: where one has no memory, the caller is told and raises.
  std::atomic<bool> no_memory = false;
  std::atomic<std::int64_t> longest = 0;  // that a thread has computed, in nanoseconds
  std::atomic<int> begun = 0, ended = 0;  // threads
  static const int cores = int(std::thread::hardware_concurrency());
  const int callers_core = count <= cores ? core() : -1;  // with fewer cores they have to share
  const Job job = [&](int number, int of) {
    const std::int64_t begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    ++begun;
    if (number && core() == callers_core) leave_core(callers_core);
    try {
      unguarded(number, of);
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
    const std::int64_t mine = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begin;
    std::int64_t most = longest;
    while (most < mine && !longest.compare_exchange_weak(most, mine)) {
    }
    // A helper that has slept may wake on the core of the caller. While the caller waits here it gives
    // that core away, so that the helper can begin, and move to another core, as above. Without this
    // the OpenMP runtime would keep the core, waiting, until a tick of the system's clock, after 4 ms.
    for (int spins = 0; begun < of; ++spins) idle(spins);
    ++ended;
    if (interruption && mine >= kLong && interruption->asks())
      for (int spins = 0; ended < of && !interruption->look(); ++spins) idle(spins);
  };
  const std::int64_t begin = nanoseconds(CLOCK_MONOTONIC);
  share_out(count, job);
  contention.saw(nanoseconds(CLOCK_MONOTONIC) - begin, longest);
  if (no_memory) throw std::bad_alloc();
}

void idle(int spins) {
  constexpr int kSpins = 2000;
  if (spins >= kSpins) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    return;
  }
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

std::string threads_from() {
  return !forked && openmp() ? openmp().path : std::string();
}

}  // namespace throughtime
