// Ctrl-C: a call that has long to go ends before it is done.
//
// Python can be asked whether Ctrl-C was pressed by its main thread alone. So the calling thread asks
// now and then, and tells the other threads of the call, which look before every step.
#pragma once

#include <chrono>
#include <thread>

#include "program.h"

namespace throughtime {

// Of one call, made by the calling thread.
class Interruption : public Interrupt {
 public:
  // `pressed` asks Python, and is called on the calling thread.
  explicit Interruption(bool (*pressed)())
      : Interrupt{0, &ask_again}, pressed_(pressed), caller_(std::this_thread::get_id()) {}
  Interruption(const Interruption&) = delete;

  // Whether this thread is the one that asks.
  bool asks() const { return std::this_thread::get_id() == caller_; }

  bool ended() const { return __atomic_load_n(&end, __ATOMIC_RELAXED) != 0; }

  // On any thread, between pieces of work that take some milliseconds: whether to end.
  bool look() {
    if (asks()) ask(this);
    return ended();
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Looking at the clock at every step would take a share of the shortest ones.
  static int ask_again(Interrupt* interrupt) {
    constexpr std::chrono::milliseconds kApart{50}, kShort{1}, kLong{10};
    constexpr int kMost = 1 << 20;
    Interruption& self = *static_cast<Interruption*>(interrupt);
    const Clock::time_point now = Clock::now();
    const auto took = now - self.looked_;
    self.looked_ = now;
    if (took < kShort)
      self.steps_ = self.steps_ < kMost ? 2 * self.steps_ : kMost;
    else if (took > kLong)
      self.steps_ = 1;
    if (now - self.asked_ >= kApart) {
      if (self.pressed_()) __atomic_store_n(&self.end, 1, __ATOMIC_RELAXED);
      self.asked_ = Clock::now();
    }
    return self.steps_;
  }

  bool (*pressed_)();
  std::thread::id caller_;
  Clock::time_point looked_ = Clock::now(), asked_ = looked_;
  int steps_ = 1;
};

}  // namespace throughtime
