#include "team.h"

#include "interrupt.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__linux__) && !defined(THROUGHTIME_OWN_THREADS)
#include <dlfcn.h>
#include <link.h>
#endif

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace throughtime {
namespace {

// Threads of our own, asleep between calls. They never spin: that would slow torch's.
class Team {
 public:
  // Whether the helpers are there; the caller is one of `count`.
  bool grow(int count) {
    try {
      while (int(helpers_.size()) < count - 1) {
        const int number = int(helpers_.size()) + 1;
        helpers_.emplace_back([this, number] { help(number); });
        helpers_.back().detach();  // asleep until the process ends
      }
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  void run(int count, const Job& job) {
    {
      std::lock_guard lock(mutex_);
      job_ = &job;
      count_ = count;
      waiting_ = count - 1;
      ++call_;
    }
    wake_.notify_all();
    job(0, count);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return waiting_ == 0; });
    job_ = nullptr;
  }

 private:
  void help(int number) {
    unsigned long seen = 0;
    for (;;) {
      const Job* job;
      int count;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return call_ != seen; });
        seen = call_;
        if (number >= count_) continue;
        job = job_;
        count = count_;
      }
      (*job)(number, count);
      std::lock_guard lock(mutex_);
      if (--waiting_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> helpers_;
  const Job* job_ = nullptr;
  int count_ = 0, waiting_ = 0;
  unsigned long call_ = 0;
};

// The OpenMP runtime that torch has loaded: its threads wait for work for a while after each of
// torch's own operations, so they are at hand at once, and no second pool fights them for cores.
struct OpenMp {
  void (*parallel)(void (*)(void*), void*, unsigned threads, unsigned flags) = nullptr;
  int (*number)() = nullptr;
  int (*count)() = nullptr;
  std::string path;

  explicit operator bool() const { return parallel && number && count; }
};

#if defined(__linux__) && !defined(THROUGHTIME_OWN_THREADS)
OpenMp find_openmp() {
  std::vector<std::string> loaded;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        const char* name = info->dlpi_name;
        const char* base = name ? std::strrchr(name, '/') : nullptr;
        if (base && (std::strncmp(base, "/libgomp", 8) == 0 || std::strncmp(base, "/libomp", 7) == 0 ||
                     std::strncmp(base, "/libiomp", 8) == 0))
          static_cast<std::vector<std::string>*>(data)->push_back(name);
        return 0;
      },
      &loaded);
  for (const bool torchs : {true, false})
    for (const std::string& path : loaded) {
      if ((path.find("/torch") != std::string::npos) != torchs) continue;
      void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
      if (!library) continue;
      OpenMp found;
      found.parallel =
          reinterpret_cast<decltype(found.parallel)>(dlsym(library, "GOMP_parallel"));
      found.number = reinterpret_cast<decltype(found.number)>(dlsym(library, "omp_get_thread_num"));
      found.count = reinterpret_cast<decltype(found.count)>(dlsym(library, "omp_get_num_threads"));
      found.path = path;
      if (found) return found;
    }
  return {};
}
#else
OpenMp find_openmp() { return {}; }
#endif

// What fork leaves behind: the child has none of the threads and may find locks taken, ours or
// OpenMP's, so it begins with a team of its own. Never freed: helpers outlive static objects.
Team* team = new Team;
std::mutex* in_use = new std::mutex;
bool forked = false;

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] {
  team = new Team;
  in_use = new std::mutex;
  forked = true;
});

const OpenMp& openmp() {
  static const OpenMp found = find_openmp();
  return found;
}

std::int64_t nanoseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return std::int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// Whether other processes want the cores. A thread that has none is waited for by all the others, and
// while these wait they keep the cores from whoever could go on: then one thread is faster. It changes
// who computes what, and no result.
class Crowded {
 public:
  bool now() const {
    return nanoseconds(CLOCK_MONOTONIC) < alone_until_.load(std::memory_order_relaxed);
  }

  // A job took so long, and its busiest thread computed for so long. What is lost once proves nothing,
  // as a thread that has slept may wake on the core of another and wait there for some milliseconds,
  // and twice little: so it is soon tried again, and later each time that it was in vain. Threads that
  // tell at the same time may lose one of their reports.
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
  static constexpr std::int64_t kEnough = 6'000'000;  // nanoseconds lost, before anything is said
  static constexpr int kMost = 32;  // times as long as was tried in vain
  std::atomic<std::int64_t> took_{0}, lost_{0}, alone_until_{0};
  std::atomic<int> times_{1};
};
Crowded crowded;

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
  if (lock.owns_lock() && team->grow(count))
    team->run(count, job);
  else
    job(0, 1);
}

// The core that the calling thread runs on; -1: not known.
int core() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Moves the calling thread off a core, if it may run on another; it may return there later.
void leave_core([[maybe_unused]] int left) {
#if defined(__linux__)
  cpu_set_t allowed, others;
  if (left < 0 || left >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed)) return;
  others = allowed;
  CPU_CLR(left, &others);
  if (CPU_COUNT(&others) && !sched_setaffinity(0, sizeof others, &others))
    sched_setaffinity(0, sizeof allowed, &allowed);
#endif
}

}  // namespace

void in_parallel(int count, const Job& unguarded, Interruption* interruption) {
  if (count == 1 || crowded.now()) return unguarded(0, 1);
  constexpr std::int64_t kLong = 20'000'000;  // nanoseconds; after less the others are soon done too
  // An exception may not leave a thread: where one has no memory, the caller hears of it.
  std::atomic<bool> no_memory = false;
  std::atomic<std::int64_t> longest = 0;
  std::atomic<int> begun = 0, ended = 0;
  static const int cores = int(std::thread::hardware_concurrency());
  const int callers = count <= cores ? core() : -1;
  const Job job = [&](int number, int of) {
    const std::int64_t begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    ++begun;
    if (number && core() == callers) leave_core(callers);
    try {
      unguarded(number, of);
    } catch (const std::bad_alloc&) {
      no_memory = true;
    }
    const std::int64_t mine = nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begin;
    std::int64_t most = longest;
    while (most < mine && !longest.compare_exchange_weak(most, mine)) {
    }
    // A thread that has slept may wake on our core. Here it gets it, and moves to another; else the
    // runtime would spin on it until a tick of the clock, after 4 ms.
    for (int spins = 0; begun < of; ++spins) idle(spins);
    ++ended;
    if (interruption && mine >= kLong && interruption->asks())
      for (int spins = 0; ended < of && !interruption->look(); ++spins) idle(spins);
  };
  const std::int64_t begin = nanoseconds(CLOCK_MONOTONIC);
  share_out(count, job);
  crowded.saw(nanoseconds(CLOCK_MONOTONIC) - begin, longest);
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
