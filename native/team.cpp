#include "team.h"

#include <pthread.h>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace throughtime {
namespace {

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

  void run(int count, const std::function<void(int)>& job) {
    {
      std::lock_guard lock(mutex_);
      job_ = &job;
      count_ = count;
      waiting_ = count - 1;
      ++call_;
    }
    wake_.notify_all();
    job(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return waiting_ == 0; });
    job_ = nullptr;
  }

 private:
  void help(int number) {
    unsigned long seen = 0;
    for (;;) {
      const std::function<void(int)>* job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return call_ != seen; });
        seen = call_;
        if (number >= count_) continue;
        job = job_;
      }
      (*job)(number);
      std::lock_guard lock(mutex_);
      if (--waiting_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> helpers_;
  const std::function<void(int)>* job_ = nullptr;
  int count_ = 0, waiting_ = 0;
  unsigned long call_ = 0;
};

// Never freed: helpers may outlive every static object. The child of a fork has none of the
// helpers and may find the locks taken, so it begins with new ones.
Team* team = new Team;
std::mutex* in_use = new std::mutex;

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] {
  team = new Team;
  in_use = new std::mutex;
});

}  // namespace

void in_parallel(int count, const std::function<void(int)>& job) {
  if (count > 1) {
    std::unique_lock lock(*in_use, std::try_to_lock);
    if (lock.owns_lock() && team->grow(count)) {
      team->run(count, job);
      return;
    }
  }
  for (int k = 0; k < count; ++k) job(k);
}

}  // namespace throughtime
