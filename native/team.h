// A few threads for a call: those of the OpenMP runtime that torch has loaded, else our own.
#pragma once

#include <functional>
#include <string>

namespace throughtime {

class Interruption;

// job(number, count) runs once for each number below count, all at the same time.
using Job = std::function<void(int number, int count)>;

// Runs a job on up to `count` threads, the calling thread among them, and waits for all of them.
//
// There may be fewer: inside another parallel region, where another thread of the process is using
// our own threads, where no more can be had, or for a while after other processes have wanted the
// cores. After fork the child has threads of its own.
//
// With an interruption a calling thread that is done long before the others goes on asking while it waits
// for them.
void in_parallel(int count, const Job& job, Interruption* interruption = nullptr);

// A moment of waiting for another thread, after so many. What is waited for lasts microseconds; where
// it takes longer, another thread or process has the core, and is sooner done with it if we leave it
// ours.
void idle(int spins);

// The OpenMP runtime whose threads are used; empty: our own.
std::string threads_from();

}  // namespace throughtime
