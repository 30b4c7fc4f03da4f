// Threads of our own, for where torch has not loaded an OpenMP runtime, or a fork has taken its threads.
#pragma once

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "team.h"

namespace throughtime {

// Helpers that sleep between calls. They never spin: that would slow the threads of torch. Whoever
// calls `grow` and `run` holds a lock that keeps other threads away until the job is done.
class OwnThreads {
 public:
  // Starts the helpers that are missing; the caller is one of the `count` threads. False: the system
  // gives no more threads.
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

  // job(number, count) on the caller and `count - 1` helpers; returns when all of them are done.
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
  // What helper `number` does all its life: it waits for the next call, and takes part in it if that
  // call wants so many threads.
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

}  // namespace throughtime
