// A few threads that sleep between calls. They never spin: a spinning thread slows torch's own.
#pragma once

#include <functional>

namespace throughtime {

// job(0) ... job(count - 1), the first on the calling thread, and waits for all of them.
//
// Where another thread of the process is using the team, and in a process that has threads running
// out, the caller does everything itself. After fork the child makes a team of its own.
void in_parallel(int count, const std::function<void(int)>& job);

}  // namespace throughtime
